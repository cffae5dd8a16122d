rule scene:
    input:
        source=lambda wildcards: study.scene_source(wildcards.scene),
    output:
        "results/scenes/{scene}.nc",
    log:
        "results/logs/scene/{scene}.log",
    conda:
        "../../envs/study.yaml"
    params:
        source=lambda wildcards, input: [f"--source={path}" for path in input],
        code=lambda wildcards: study.scene_code(wildcards.scene),
    shell:
        "unmixing scene {wildcards.scene} {params.source:q} --output {output} 2>&1 | tee {log}"
