from unmixing.code_version import output_version


rule table3:
    input:
        rows=study.baseline_files("runs") + study.classical_files(),
        study=rules.describe.output,
        coverage=f"{OUT}/tables/table_coverage.parquet",
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
        "unmixing table table3 --rows {input.rows} --study {input.study} --note-of {input.coverage}"
        " --output {output.html} 2>&1 | tee {log}"


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


rule table_protocols:
    input:
        rows=study.baseline_files("runs"),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_protocols.html",
            caption="../../reports/captions/table_protocols.rst",
            category="Tables",
            labels={"table": "Protocols", "phase": "baseline"},
        ),
        parquet=f"{OUT}/tables/table_protocols.parquet",
        csv=f"{OUT}/tables/table_protocols.csv",
        md=f"{OUT}/tables/table_protocols.md",
        tex=f"{OUT}/tables/table_protocols.tex",
    log:
        f"{OUT}/logs/tables/table_protocols.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.protocols"),
    shell:
        "unmixing table protocols --rows {input.rows} --study {input.study} --output {output.html}"
        " 2>&1 | tee {log}"


rule table_selection:
    input:
        rows=study.baseline_files("runs") + study.classical_files(),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_selection.html",
            caption="../../reports/captions/table_selection.rst",
            category="Tables",
            labels={"table": "Selection without the truth", "phase": "baseline"},
        ),
        parquet=f"{OUT}/tables/table_selection.parquet",
        csv=f"{OUT}/tables/table_selection.csv",
        md=f"{OUT}/tables/table_selection.md",
        tex=f"{OUT}/tables/table_selection.tex",
    log:
        f"{OUT}/logs/tables/table_selection.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.selection"),
    shell:
        "unmixing table selection --rows {input.rows} --study {input.study} --output {output.html}"
        " 2>&1 | tee {log}"


rule table_classical:
    input:
        rows=study.baseline_files("runs") + study.classical_files(),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_classical.html",
            caption="../../reports/captions/table_classical.rst",
            category="Tables",
            labels={"table": "Classical methods", "phase": "classical"},
        ),
        parquet=f"{OUT}/tables/table_classical.parquet",
        csv=f"{OUT}/tables/table_classical.csv",
        md=f"{OUT}/tables/table_classical.md",
        tex=f"{OUT}/tables/table_classical.tex",
    log:
        f"{OUT}/logs/tables/table_classical.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.classical"),
    shell:
        "unmixing table classical --rows {input.rows} --study {input.study} --output {output.html}"
        " 2>&1 | tee {log}"


rule table_power:
    input:
        rows=study.baseline_files("runs"),
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_power.html",
            caption="../../reports/captions/table_power.rst",
            category="Tables",
            labels={"table": "Power", "phase": "statistics"},
        ),
        parquet=f"{OUT}/tables/table_power.parquet",
        csv=f"{OUT}/tables/table_power.csv",
        md=f"{OUT}/tables/table_power.md",
        tex=f"{OUT}/tables/table_power.tex",
    log:
        f"{OUT}/logs/tables/table_power.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.power"),
    shell:
        "unmixing table power --rows {input.rows} --study {input.study} --output {output.html}"
        " 2>&1 | tee {log}"


rule table_coverage:
    input:
        study=rules.describe.output,
    output:
        html=report(
            f"{OUT}/tables/table_coverage.html",
            caption="../../reports/captions/table_coverage.rst",
            category="Tables",
            labels={"table": "Coverage of intervals", "phase": "statistics"},
        ),
        parquet=f"{OUT}/tables/table_coverage.parquet",
        csv=f"{OUT}/tables/table_coverage.csv",
        md=f"{OUT}/tables/table_coverage.md",
        tex=f"{OUT}/tables/table_coverage.tex",
    log:
        f"{OUT}/logs/tables/table_coverage.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("tables.coverage"),
    shell:
        "unmixing table coverage --study {input.study} --output {output.html}"
        " 2>&1 | tee {log}"
