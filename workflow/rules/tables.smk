from unmixing.outputs import tables

for table in tables(study):

    rule:
        name:
            table.name
        input:
            rows=table.rows,
            notes=[f"{OUT}/tables/{name}.parquet" for name in table.notes_of],
            released=table.released,
            curves=table.curves,
            semantic=table.semantic,
            study=rules.describe.output,
        output:
            html=report(
                f"{OUT}/tables/{table.name}.html",
                caption=f"../../reports/captions/{table.name}.rst",
                category="Tables",
                labels={"table": table.label, "phase": table.phase},
            ),
            parquet=f"{OUT}/tables/{table.name}.parquet",
            csv=f"{OUT}/tables/{table.name}.csv",
            md=f"{OUT}/tables/{table.name}.md",
            tex=f"{OUT}/tables/{table.name}.tex",
        log:
            f"{OUT}/logs/tables/{table.name}.log",
        benchmark:
            f"{OUT}/benchmarks/tables/{table.name}.tsv"
        localrule: True
        conda:
            "../../envs/study.yaml"
        params:
            module=table.module,
            options=table.options,
            code=table.code,
        shell:
            "unmixing table {params.module} --rows {input.rows} --study {input.study} --note-of {input.notes}"
            " --curves {input.curves} --semantic {input.semantic}"
            " {params.options:q} --output {output.html} 2>&1 | tee {log}"
