from unmixing.code_version import output_version


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
        source=lambda wildcards: study.scene_arguments(wildcards.scene),
        code=lambda wildcards: study.scene_code(wildcards.scene),
    shell:
        "unmixing scene {wildcards.scene} {params.source:q} --output {output} 2>&1 | tee {log}"


rule scene_facts:
    input:
        rules.scene.output,
    output:
        "results/scenes/facts/{scene}.parquet",
    log:
        "results/logs/facts/{scene}.log",
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("scenes.facts"),
    shell:
        "unmixing facts --scene {input} --output {output} 2>&1 | tee {log}"


rule scene_page:
    input:
        rules.scene.output,
    output:
        svg=report(
            f"{OUT}/figures/scene_page_{{scene}}.svg",
            caption="../../reports/captions/scene_page.rst",
            category="Scenes",
            labels={"scene": "{scene}"},
        ),
        png=f"{OUT}/figures/scene_page_{{scene}}.png",
        pdf=f"{OUT}/figures/scene_page_{{scene}}.pdf",
    log:
        f"{OUT}/logs/figures/scene_page_{{scene}}.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("figures.scene_page"),
    shell:
        "unmixing page --scene {input} --output {output.svg} 2>&1 | tee {log}"


rule scene_pages:
    input:
        study.scene_pages(),
