from unmixing.code_version import code_version
from unmixing.protocol.baseline import PROTOCOLS


rule evaluate_baseline:
    input:
        manifest=rules.train_baseline.output.manifest,
        scene="results/scenes/{scene}.nc",
    output:
        rows=f"{OUT}/runs/baseline-{{protocol}}-{{scene}}.parquet",
        spectra=f"{OUT}/spectra/baseline-{{protocol}}-{{scene}}.parquet",
        abundances=f"{OUT}/abundances/baseline-{{protocol}}-{{scene}}.parquet",
    log:
        f"{OUT}/logs/evaluate/baseline-{{protocol}}-{{scene}}.log",
    conda:
        "../../envs/study.yaml"
    params:
        store=STORE,
        reference=study.reference_argument(),
        matching=lambda wildcards: PROTOCOLS[wildcards.protocol].matching,
        code=code_version("evaluate"),
    shell:
        "unmixing evaluate --manifests {input.manifest} --scene {input.scene} --store {params.store}"
        " --matching {params.matching} --rows {output.rows} --spectra {output.spectra}"
        " --abundances {output.abundances} --scoring {params.code} {params.reference:q} 2>&1 | tee {log}"


rule describe:
    output:
        f"{OUT}/study.json",
    log:
        f"{OUT}/logs/describe.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        study=study.description(),
    shell:
        "unmixing describe --study {params.study:q} --output {output} 2>&1 | tee {log}"
