import sys

from snakemake.utils import min_version

from unmixing.errors import UnmixingError
from unmixing.study import Study

min_version("9.19")


configfile: "config.yaml"


try:
    study = Study.load(config)
except UnmixingError as fault:
    sys.exit(str(fault))

STORE = "results/store"
OUT = f"results/{study.name}"


wildcard_constraints:
    scene="[a-z0-9_]+",
    phase="baseline|augmentation|contrastive|heads|audit",
    protocol="described|released",
    job="[a-z0-9_-]+",
    experiment="[a-z0-9_-]+",


report: "reports/captions/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/scenes.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/classical.smk"
include: "workflow/rules/augmentation.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/maps.smk"
include: "workflow/rules/areas.smk"
include: "workflow/rules/semantic.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.report.output,
        study.map_folders(own=True),
        rules.governance.input,


onsuccess:
    print(f"finished; the report, if it was asked for, is {OUT}/report/index.html")


onerror:
    print(
        f"the study stopped: see the lines above and {OUT}/logs/; start it again to go on from there"
    )
