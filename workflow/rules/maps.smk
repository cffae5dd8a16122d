from unmixing.code_version import output_version
from unmixing.protocol.baseline import PROTOCOLS


rule maps_baseline:
    input:
        manifest=f"{OUT}/cells/baseline/{{protocol}}/{{scene}}/standard.json",
        scene="results/scenes/{scene}.nc",
    output:
        directory(f"{OUT}/maps/baseline-{{protocol}}-{{scene}}"),
    log:
        f"{OUT}/logs/maps/baseline-{{protocol}}-{{scene}}.log",
    conda:
        "../../envs/study.yaml"
    params:
        store=STORE,
        matching=lambda wildcards: PROTOCOLS[wildcards.protocol].matching,
        code=output_version("maps"),
    shell:
        "unmixing maps --manifest {input.manifest} --scene {input.scene} --store {params.store}"
        " --matching {params.matching} --output {output} 2>&1 | tee {log}"


rule maps:
    input:
        study.map_folders(),
