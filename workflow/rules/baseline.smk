rule train_baseline:
    input:
        scene="results/scenes/{scene}.nc",
    output:
        manifest=f"{OUT}/cells/baseline/{{protocol}}/{{scene}}/standard.json",
    log:
        f"{OUT}/logs/train/baseline-{{protocol}}-{{scene}}.log",
    benchmark:
        f"{OUT}/benchmarks/train/baseline-{{protocol}}-{{scene}}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        cell=lambda wildcards: study.baseline_cell(wildcards.scene, wildcards.protocol),
        store=STORE,
        reference=study.reference_argument(),
    shell:
        "unmixing train --cell {params.cell:q} --scene {input.scene} --store {params.store}"
        " --manifest {output.manifest} --log {log} --threads {threads} {params.reference:q}"
