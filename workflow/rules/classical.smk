from unmixing.code_version import code_version, output_version


rule classical:
    input:
        scene="results/scenes/{scene}.nc",
    output:
        rows=f"{OUT}/runs/classical-described-{{scene}}.parquet",
    log:
        f"{OUT}/logs/classical/{{scene}}.log",
    benchmark:
        f"{OUT}/benchmarks/classical/{{scene}}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        cell=lambda wildcards: study.classical_cell(wildcards.scene),
        code=code_version("evaluate_classical"),
    shell:
        "unmixing classical --cell {params.cell:q} --scene {input.scene} --rows {output.rows} 2>&1 | tee {log}"


rule references:
    input:
        source=lambda wildcards: study.references(wildcards.scene),
    output:
        rows=f"{OUT}/references/{{scene}}.parquet",
    log:
        f"{OUT}/logs/references/{{scene}}.log",
    benchmark:
        f"{OUT}/benchmarks/references/{{scene}}.tsv"
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=[code_version("evaluate_classical"), output_version("scenes.matlab")],
    shell:
        "unmixing references {wildcards.scene} --source {input.source:q} --rows {output.rows} 2>&1 | tee {log}"
