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


rule figure_strip_plots:
    input:
        rows=study.baseline_files("runs") + study.classical_files(),
        study=rules.describe.output,
    output:
        svg=report(
            f"{OUT}/figures/figure_strip_plots.svg",
            caption="../../reports/captions/figure_strip_plots.rst",
            category="Figures",
            labels={"figure": "All runs", "phase": "baseline"},
        ),
        png=f"{OUT}/figures/figure_strip_plots.png",
        pdf=f"{OUT}/figures/figure_strip_plots.pdf",
    log:
        f"{OUT}/logs/figures/figure_strip_plots.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("figures.strip_plots"),
    shell:
        "unmixing figure strip_plots --rows {input.rows} --study {input.study} --output {output.svg} 2>&1 | tee {log}"


rule figure_abundances:
    input:
        rows=study.baseline_files("runs"),
        maps=study.baseline_files("abundances"),
        study=rules.describe.output,
    output:
        svg=report(
            f"{OUT}/figures/figure_abundances.svg",
            caption="../../reports/captions/figure_abundances.rst",
            category="Figures",
            labels={"figure": "Abundance maps", "phase": "baseline"},
        ),
        png=f"{OUT}/figures/figure_abundances.png",
        pdf=f"{OUT}/figures/figure_abundances.pdf",
    log:
        f"{OUT}/logs/figures/figure_abundances.log",
    localrule: True
    conda:
        "../../envs/study.yaml"
    params:
        code=output_version("figures.abundances"),
    shell:
        "unmixing figure abundances --rows {input.rows} --spectra {input.maps} --study {input.study}"
        " --output {output.svg} 2>&1 | tee {log}"
