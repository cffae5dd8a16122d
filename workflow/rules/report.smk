from unmixing.code_version import output_version
from unmixing.outputs import figures, tables
from unmixing.report import steps


rule report:
    input:
        tables=[f"{OUT}/tables/{table.name}.parquet" for table in tables(study)],
        facts=study.scene_facts(),
        pages=study.scene_pages(),
        figures=[f"{OUT}/figures/{figure.name}.svg" for figure in figures(study)],
        rows=study.run_files(
            "runs", "baseline", "augmentation", "contrastive", "heads", "audit"
        ),
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
        workflow=lambda wildcards: steps.description(study),
        benchmarks=f"{OUT}/benchmarks",
        code=[
            output_version("report.sections"),
            output_version("report.runs_section"),
            output_version("report.scene_pages"),
            output_version("report.workflow_section"),
        ],
    shell:
        "unmixing report --tables {input.tables} --facts {input.facts} --pages {input.pages} --figures {input.figures} --rows {input.rows} --study {input.study}"
        " --command {params.command:q} --workflow {params.workflow:q} --benchmarks {params.benchmarks} --output {output.html} 2>&1 | tee {log}"
