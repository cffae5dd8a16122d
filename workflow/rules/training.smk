from unmixing.needs import graphics_processors, memory_mb, minutes


# One job trains one cell of a phase, a point of its design with all its runs; or several where they are small.
rule train:
    input:
        scene="results/scenes/{scene}.nc",
        baseline=lambda wildcards: study.label_manifests(
            wildcards.phase, wildcards.protocol, wildcards.scene
        ),
        earlier=lambda wildcards: study.earlier_manifests(
            wildcards.phase, wildcards.protocol, wildcards.scene, wildcards.job
        ),
    output:
        manifest=f"{OUT}/cells/{{phase}}/{{protocol}}/{{scene}}/{{job}}.json",
    log:
        f"{OUT}/logs/train/{{phase}}-{{protocol}}-{{scene}}-{{job}}.log",
    benchmark:
        f"{OUT}/benchmarks/train/{{phase}}-{{protocol}}-{{scene}}-{{job}}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: memory_mb(training(wildcards), attempt),
        runtime=lambda wildcards, attempt: minutes(training(wildcards), attempt),
        gpu=graphics_processors(study),
    params:
        job=lambda wildcards: study.job(
            wildcards.phase, wildcards.protocol, wildcards.scene, wildcards.job
        ),
        store=STORE,
        reference=study.reference_argument(),
    shell:
        "unmixing train --job {params.job:q} --scene {input.scene} --store {params.store}"
        " --manifest {output.manifest} --log {log} --threads {threads} {params.reference:q}"
        " --baseline {input.baseline} --earlier {input.earlier}"
