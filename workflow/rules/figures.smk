from unmixing.code_version import output_version


rule figure_endmembers:
    input:
        rows=study.baseline_files("runs"),
        spectra=study.baseline_files("spectra"),
        study=rules.describe.output,
    output:
        svg=report(
            f"{OUT}/figures/figure_endmembers.svg",
            caption="../../reports/captions/figure_endmembers.rst",
            category="Figures",
            labels={"figure": "Endmembers", "phase": "baseline"},
        ),
        png=f"{OUT}/figures/figure_endmembers.png",
        pdf=f"{OUT}/figures/figure_endmembers.pdf",
    log:
        f"{OUT}/logs/figures/figure_endmembers.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("figures.endmembers"),
    shell:
        "unmixing figure endmembers --rows {input.rows} --spectra {input.spectra} --study {input.study}"
        " --output {output.svg} 2>&1 | tee {log}"
