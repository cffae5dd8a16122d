from unmixing.code_version import output_version


rule table3:
    input:
        rows=study.baseline_files("runs"),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table3.html",
            caption="../../reports/captions/table3.rst",
            category="Tables",
            labels={"table": "Table 3", "phase": "baseline"},
        ),
        parquet=f"{OUT}/tables/table3.parquet",
        csv=f"{OUT}/tables/table3.csv",
        md=f"{OUT}/tables/table3.md",
        tex=f"{OUT}/tables/table3.tex",
    log:
        f"{OUT}/logs/tables/table3.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.table3"),
    shell:
        "unmixing table table3 --rows {input.rows} --study {input.study} --output {output.html} 2>&1 | tee {log}"


rule table_endmembers:
    input:
        rows=study.baseline_files("runs"),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_endmembers.html",
            caption="../../reports/captions/table_endmembers.rst",
            category="Tables",
            labels={"table": "Endmembers", "phase": "baseline"},
        ),
        parquet=f"{OUT}/tables/table_endmembers.parquet",
        csv=f"{OUT}/tables/table_endmembers.csv",
        md=f"{OUT}/tables/table_endmembers.md",
        tex=f"{OUT}/tables/table_endmembers.tex",
    log:
        f"{OUT}/logs/tables/table_endmembers.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.endmembers"),
    shell:
        "unmixing table endmembers --rows {input.rows} --study {input.study} --output {output.html}"
        " 2>&1 | tee {log}"
