from unmixing.code_version import output_version


rule report:
    input:
        tables=[
            rules.table3.output.parquet,
            rules.table_endmembers.output.parquet,
            rules.table_protocols.output.parquet,
            rules.table_classical.output.parquet,
            rules.table_power.output.parquet,
            rules.table_coverage.output.parquet,
            rules.table_selection.output.parquet,
        ],
        scene_tables=[rules.table1.output.parquet, rules.table_scenes.output.parquet],
        area_tables=study.area_tables(),
        facts=study.scene_facts(),
        pages=study.scene_pages(),
        figures=[
            rules.figure_strip_plots.output.svg,
            rules.figure_endmembers.output.svg,
            rules.figure_abundances.output.svg,
        ],
        rows=study.baseline_files("runs"),
        study=rules.describe.output,
    output:
        html=f"{OUT}/report/index.html",
    log:
        f"{OUT}/logs/report.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        command=study.command,
        code=[output_version("report.sections"), output_version("report.scene_pages")],
    shell:
        "unmixing report --tables {input.tables} {input.scene_tables} {input.area_tables}"
        " --facts {input.facts} --pages {input.pages} --figures {input.figures} --rows {input.rows} --study {input.study}"
        " --command {params.command:q} --output {output.html} 2>&1 | tee {log}"
