from unmixing.code_version import code_version, output_version


rule purity:
    input:
        scene="results/scenes/{scene}.nc",
    output:
        f"{OUT}/purity/{{protocol}}-{{scene}}.parquet",
    log:
        f"{OUT}/logs/purity/{{protocol}}-{{scene}}.log",
    conda:
        "../../envs/study.yaml"
    params:
        arguments=lambda wildcards: study.purity_arguments(wildcards.protocol),
        code=[code_version("augmentation"), output_version("purity")],
    shell:
        "unmixing purity --scene {input.scene} --protocol {wildcards.protocol} {params.arguments:q}"
        " --output {output} 2>&1 | tee {log}"
