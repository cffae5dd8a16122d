from unmixing.code_version import output_version


rule table1:
    input:
        rows=study.scene_facts(),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table1.html",
            caption="../../reports/captions/table1.rst",
            category="Tables",
            labels={"table": "Table 1", "phase": "scenes"},
        ),
        parquet=f"{OUT}/tables/table1.parquet",
        csv=f"{OUT}/tables/table1.csv",
        md=f"{OUT}/tables/table1.md",
        tex=f"{OUT}/tables/table1.tex",
    log:
        f"{OUT}/logs/tables/table1.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.table1"),
    shell:
        "unmixing table table1 --rows {input.rows} --study {input.study} --output {output.html} 2>&1 | tee {log}"


rule table_scenes:
    input:
        rows=study.scene_facts(),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_scenes.html",
            caption="../../reports/captions/table_scenes.rst",
            category="Tables",
            labels={"table": "Scene statistics", "phase": "scenes"},
        ),
        parquet=f"{OUT}/tables/table_scenes.parquet",
        csv=f"{OUT}/tables/table_scenes.csv",
        md=f"{OUT}/tables/table_scenes.md",
        tex=f"{OUT}/tables/table_scenes.tex",
    log:
        f"{OUT}/logs/tables/table_scenes.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.scenes"),
    shell:
        "unmixing table scenes --rows {input.rows} --study {input.study} --output {output.html} 2>&1 | tee {log}"


rule target_areas:
    input:
        manifests=lambda wildcards: study.baseline_manifests(wildcards.scene),
        scene="results/scenes/{scene}.nc",
    output:
        f"{OUT}/areas/{{scene}}.parquet",
    log:
        f"{OUT}/logs/areas/{{scene}}.log",
    conda:
        "../../envs/study.yaml"
    params:
        store=STORE,
        code=output_version("areas"),
    shell:
        "unmixing areas --manifests {input.manifests} --scene {input.scene} --store {params.store}"
        " --output {output} 2>&1 | tee {log}"


rule table_hysu_areas:
    input:
        rows=study.area_files(),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_hysu_areas.html",
            caption="../../reports/captions/table_hysu_areas.rst",
            category="Tables",
            labels={"table": "DLR HySU: areas", "phase": "baseline"},
        ),
        parquet=f"{OUT}/tables/table_hysu_areas.parquet",
        csv=f"{OUT}/tables/table_hysu_areas.csv",
        md=f"{OUT}/tables/table_hysu_areas.md",
        tex=f"{OUT}/tables/table_hysu_areas.tex",
    log:
        f"{OUT}/logs/tables/table_hysu_areas.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.hysu_areas"),
    shell:
        "unmixing table hysu_areas --rows {input.rows} --study {input.study} --output {output.html}"
        " 2>&1 | tee {log}"
