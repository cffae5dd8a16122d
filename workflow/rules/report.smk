from unmixing.code_version import output_version


rule report:
    input:
        tables=[rules.table3.output.parquet, rules.table_endmembers.output.parquet],
        figures=[rules.figure_endmembers.output.svg],
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
        code=output_version("report.sections"),
    shell:
        "unmixing report --tables {input.tables} --figures {input.figures} --rows {input.rows} --study {input.study}"
        " --command {params.command:q} --output {output.html} 2>&1 | tee {log}"
