from unmixing.code_version import output_version


rule target_areas:
    input:
        manifests=lambda wildcards: study.baseline_manifests(wildcards.scene),
        scene="results/scenes/{scene}.nc",
    output:
        f"{OUT}/areas/{{scene}}.parquet",
    log:
        f"{OUT}/logs/areas/{{scene}}.log",
    benchmark:
        f"{OUT}/benchmarks/target_areas/{{scene}}.tsv"
    conda:
        "../../envs/study.yaml"
    params:
        store=STORE,
        code=output_version("areas"),
    shell:
        "unmixing areas --manifests {input.manifests} --scene {input.scene} --store {params.store}"
        " --output {output} 2>&1 | tee {log}"
