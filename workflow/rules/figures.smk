from unmixing.outputs import FIGURES_OF_THE_PAPER, figures

for figure in figures(study):

    rule:
        name:
            figure.name
        input:
            rows=figure.rows,
            spectra=figure.spectra,
            released=figure.released,
            study=rules.describe.output,
        output:
            svg=report(
                f"{OUT}/figures/{figure.name}.svg",
                caption=f"../../reports/captions/{figure.name}.rst",
                category="Figures",
                labels={"figure": figure.label, "phase": figure.phase},
            ),
            png=f"{OUT}/figures/{figure.name}.png",
            pdf=f"{OUT}/figures/{figure.name}.pdf",
        log:
            f"{OUT}/logs/figures/{figure.name}.log",
        benchmark:
            f"{OUT}/benchmarks/figures/{figure.name}.tsv"
        localrule: True
        conda:
            "../../envs/study.yaml"
        params:
            module=figure.module,
            options=figure.options,
            code=figure.code,
        shell:
            "unmixing figure {params.module} --rows {input.rows} --spectra {input.spectra} --study {input.study}"
            " {params.options:q} --output {output.svg} 2>&1 | tee {log}"


for number, figure in FIGURES_OF_THE_PAPER.items():

    rule:
        name:
            number
        input:
            f"{OUT}/figures/{figure}.svg",
        localrule: True


rule scorecard:
    input:
        f"{OUT}/tables/table_scorecard.html",
        f"{OUT}/tables/table_prose_claims.html",
        f"{OUT}/figures/figure_scorecard.svg",
    localrule: True


rule audit:
    input:
        f"{OUT}/tables/table_audit.html",
        f"{OUT}/tables/table_findings.html",
        f"{OUT}/figures/figure_audit.svg",
    localrule: True
