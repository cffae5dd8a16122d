from unmixing import semantic_parts
from unmixing.code_version import output_version


rule semantic:
    input:
        scenes=lambda wildcards: [
            f"results/scenes/{scene}.nc"
            for scene in semantic_parts.scenes(study, wildcards.experiment)
        ],
    output:
        rows=f"{OUT}/semantic/{{experiment}}.parquet",
    log:
        f"{OUT}/logs/semantic/{{experiment}}.log",
    benchmark:
        f"{OUT}/benchmarks/semantic/{{experiment}}.tsv"
    conda:
        "../../envs/study.yaml"
    threads: 1
    params:
        part=lambda wildcards: wildcards.experiment.partition("-")[0],
        options=lambda wildcards: semantic_parts.options(study, wildcards.experiment),
        seed=study.entropy(),
        libraries=semantic_parts.libraries(study),
        inputs=semantic_parts.inputs_version(study),
        code=lambda wildcards: output_version(
            f"semantic.experiments.{wildcards.experiment.partition('-')[0]}"
        ),
    shell:
        "unmixing semantic {params.part} --options {params.options:q} --scenes {input.scenes} --seed {params.seed}"
        " --rows {output.rows} {params.libraries:q} 2>&1 | tee {log}"


rule governance_of_scene:
    input:
        scene="results/scenes/{scene}.nc",
    output:
        directory(f"{OUT}/governance/{{scene}}"),
    log:
        f"{OUT}/logs/governance/{{scene}}.log",
    conda:
        "../../envs/study.yaml"
    params:
        prompts=lambda wildcards: semantic_parts.prompts(study, wildcards.scene),
        seed=study.entropy(),
        libraries=semantic_parts.libraries(study),
        inputs=semantic_parts.inputs_version(study),
        code=output_version("semantic.governance_files"),
    shell:
        "unmixing governance {params.prompts:q} --scene {input.scene} --output {output} --seed {params.seed} {params.libraries:q} 2>&1 | tee {log}"


rule governance:
    input:
        semantic_parts.governance_folders(study),
    localrule: True


# The command `unmixing unmix` as a rule: maps of the materials that a scene's fixed prompts name.
rule named_maps_of_scene:
    input:
        scene="results/scenes/{scene}.nc",
    output:
        directory(f"{OUT}/named_maps/{{scene}}"),
    log:
        f"{OUT}/logs/named_maps/{{scene}}.log",
    conda:
        "../../envs/study.yaml"
    params:
        prompts=lambda wildcards: semantic_parts.prompts(study, wildcards.scene),
        inputs=semantic_parts.inputs_version(study),
        code=[
            output_version("semantic.scene_unmixing"),
            output_version("semantic.outputs"),
        ],
    shell:
        "unmixing unmix {input.scene} {params.prompts:q} --output {output} 2>&1 | tee {log}"


rule named_maps:
    input:
        semantic_parts.named_map_folders(study),
    localrule: True
