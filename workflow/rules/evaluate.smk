from unmixing.code_version import code_version
from unmixing.needs import memory_mb, minutes
from unmixing.protocol.baseline import PROTOCOLS


rule evaluate:
    input:
        manifests=lambda wildcards: study.manifests(
            wildcards.phase, wildcards.protocol, wildcards.scene
        ),
        scene="results/scenes/{scene}.nc",
    output:
        rows=f"{OUT}/runs/{{phase}}-{{protocol}}-{{scene}}.parquet",
        spectra=f"{OUT}/spectra/{{phase}}-{{protocol}}-{{scene}}.parquet",
        abundances=f"{OUT}/abundances/{{phase}}-{{protocol}}-{{scene}}.parquet",
        curves=f"{OUT}/curves/{{phase}}-{{protocol}}-{{scene}}.parquet",
    log:
        f"{OUT}/logs/evaluate/{{phase}}-{{protocol}}-{{scene}}.log",
    benchmark:
        f"{OUT}/benchmarks/evaluate/{{phase}}-{{protocol}}-{{scene}}.tsv"
    conda:
        "../../envs/study.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: memory_mb(scoring(wildcards), attempt),
        runtime=lambda wildcards, attempt: minutes(scoring(wildcards), attempt),
    params:
        store=STORE,
        reference=study.reference_argument(),
        matching=lambda wildcards: PROTOCOLS[wildcards.protocol].matching,
        code=code_version("evaluate"),
    shell:
        "unmixing evaluate --manifests {input.manifests} --scene {input.scene} --store {params.store}"
        " --matching {params.matching} --rows {output.rows} --spectra {output.spectra}"
        " --abundances {output.abundances} --curves {output.curves} --scoring {params.code} {params.reference:q}"
        " 2>&1 | tee {log}"


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
