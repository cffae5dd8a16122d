"""Every table and figure of a study: what each is made from. The rules are written from this list."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unmixing.code_version import output_version
from unmixing.semantic_parts import files

if TYPE_CHECKING:
    from unmixing.study import Study


@dataclass(frozen=True)
class Output:
    """One table or figure.

    Attributes:
        name: of the rule, of its files and of its caption, for example ``table3`` or ``figure_audit``.
        label: how Snakemake's own report lists it.
        phase: the phase that it belongs to.
        rows: files of run rows or facts.
        spectra: files of matched spectra or maps, which figures draw.
        notes_of: names of tables whose first note is repeated below this one.
        released: the released sheets that stand beside our results, where they are at hand.
        curves: files of curves over epochs.
        semantic: files of rows of the second study's experiments.
    """

    name: str
    label: str
    phase: str
    rows: list[str]
    spectra: list[str] = field(default_factory=list)
    notes_of: tuple[str, ...] = ()
    released: list[str] = field(default_factory=list)
    curves: list[str] = field(default_factory=list)
    semantic: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Return ``tables`` or ``figures``: the package of its module, and the folder of its files."""
        return "tables" if self.name.startswith("table") else "figures"

    @property
    def options(self) -> list[str]:
        """Return further arguments of the program that makes it."""
        return [f"--released={path}" for path in self.released]

    @property
    def module(self) -> str:
        """Return the module that makes it, within that package."""
        return self.name.removeprefix("table_").removeprefix("figure_")

    @property
    def code(self) -> str:
        """Return the version of the code that makes it."""
        return output_version(f"{self.kind}.{self.module}")


def tables(study: "Study") -> list[Output]:
    """Return the tables of a study."""
    baseline, facts = study.run_files("runs", "baseline"), study.scene_facts()
    scored = baseline + study.classical_files()
    sweep = study.run_files("runs", "baseline", "augmentation")
    found = [
        Output("table1", "Table 1", "scenes", facts),
        Output("table_scenes", "Scene statistics", "scenes", facts),
        Output("table3", "Table 3", "baseline", scored, notes_of=("table_coverage",)),
        Output("table_endmembers", "Endmembers", "baseline", baseline),
        Output("table_protocols", "Protocols", "baseline", baseline),
        Output("table_classical", "Classical methods", "classical", scored),
        Output("table_selection", "Selection without the truth", "baseline", scored),
        Output("table_power", "Power", "statistics", baseline),
        Output("table_coverage", "Coverage of intervals", "statistics", []),
        Output("table2", "Table 2", "augmentation", study.purity_files()),
        Output("table4", "Table 4", "augmentation", sweep),
        Output("table5", "Table 5", "augmentation", sweep + study.classical_files()),
        Output("table_augmentation_contrasts", "Differences to the controls", "augmentation", sweep),
        Output("table_augmentation_selection", "Best three, chosen and tested", "augmentation", sweep),
        Output(
            "table_augmentation_complete",
            "Complete results of the sweep",
            "augmentation",
            sweep + study.classical_files(),
            released=study.released_sweep(),
        ),
        *contrastive_tables(study),
        *semantic_tables(study),
        *scorecard_tables(study),
        Output("table_audit", "Audit", "audit", audit_rows(study)),
        Output(
            "table_findings",
            "Findings",
            "audit",
            audit_rows(study) + study.classical_files(),
            released=study.sheets(),
        ),
    ]
    if "dlr_hysu" in study.configuration.scenes:  # Missing or not: the table says why.
        found.append(Output("table_hysu_areas", "DLR HySU: areas", "baseline", study.area_files()))
    return found


def semantic_tables(study: "Study") -> list[Output]:
    """Return the tables of the second study, unmixing by named materials."""
    on_scenes, robustness = files(study, "scenes"), files(study, "robustness")
    return [
        Output("table_semantic_scenes", "Scenes by name", "semantic", on_scenes + study.run_files("runs", "baseline")),
        Output("table_semantic_few_shot", "Few shots", "semantic", on_scenes),
        Output("table_semantic_bilinear", "Bilinear mixing", "semantic", on_scenes),
        Output("table_semantic_areas", "Areas by name", "semantic", files(study, "areas")),
        Output("table_semantic_names", "Does language know spectra?", "semantic", files(study, "names")),
        Output("table_semantic_mixtures", "Generated mixtures", "semantic", files(study, "mixtures")),
        Output("table_semantic_robustness", "Robustness", "semantic", robustness),
        Output("table_semantic_envelope", "Operating envelope", "semantic", robustness),
        Output("table_semantic_fairness", "Fairness", "semantic", files(study, "fairness")),
        Output("table_semantic_cost", "Cost", "semantic", files(study, "cost")),
        Output("table_semantic_coverage", "Coverage", "semantic", files(study, "coverage")),
        Output("table_semantic_seeds", "Other trainings", "semantic", files(study, "seeds")),
    ]


def semantic_figures(study: "Study") -> list[Output]:
    """Return the figures of the second study."""
    robustness = files(study, "robustness")
    return [
        Output("figure_semantic_scenes", "Scenes by name", "semantic", files(study, "scenes")),
        Output("figure_semantic_maps", "Maps by name", "semantic", [], files(study, "maps")),
        Output("figure_semantic_names", "Does language know spectra?", "semantic", files(study, "names")),
        Output("figure_semantic_robustness", "Robustness", "semantic", robustness),
        Output("figure_semantic_envelope", "Operating envelope", "semantic", robustness),
        Output("figure_semantic_cost", "Cost", "semantic", files(study, "cost")),
    ]


def scorecard_tables(study: "Study") -> list[Output]:
    """Return what stands beside the papers' own numbers and claims."""
    trained = study.run_files("runs", "baseline", "augmentation", "contrastive", "audit")
    return [
        Output("table_scorecard", "Scorecard", "scorecard", trained),
        Output(
            "table_prose_claims",
            "Claims",
            "scorecard",
            trained + study.run_files("runs", "heads") + study.classical_files(),
            released=study.sheets(),
            curves=study.run_files("curves", "contrastive", "heads"),
            semantic=files(study, "scenes", "names", "mixtures", "robustness", "fairness", "cost", "coverage"),
        ),
    ]


def audit_rows(study: "Study") -> list[str]:
    """Return the run rows of the audit and of the phases that it takes apart."""
    audit = study.configuration.audit
    taken_apart = {"augmentation": audit.augmentation, "contrastive": audit.contrastive}
    return study.run_files("runs", "baseline", *(phase for phase, fields in taken_apart.items() if fields), "audit")


def contrastive_tables(study: "Study") -> list[Output]:
    """Return the tables of the contrastive and heads phases."""
    baseline, arms = study.run_files("runs", "baseline"), study.run_files("runs", "contrastive")
    both = study.run_files("runs", "contrastive", "heads")
    return [
        Output("table6", "Table 6", "contrastive", arms + baseline, released=study.released_grid()),
        Output("table7", "Table 7", "contrastive", arms),
        Output("table_contrastive_contrasts", "What the contrastive loss changes", "contrastive", arms + baseline),
        Output("table_contrastive_search", "The search and its candidates", "contrastive", arms),
        Output("table_contrastive_agreement", "Agreement with the released sheet", "contrastive", arms),
        Output(
            "table_contrastive_collapse",
            "Collapse of the embeddings",
            "contrastive",
            both,
            curves=study.run_files("curves", "contrastive", "heads"),
        ),
        Output("table_contrastive_cost", "Cost of contrastive training", "contrastive", arms + baseline),
        Output("table_heads", "Projection heads", "heads", both),
    ]


def figures(study: "Study") -> list[Output]:
    """Return the figures of a study, but for the pages of its scenes."""
    baseline = study.run_files("runs", "baseline")
    sweep = study.run_files("runs", "baseline", "augmentation")
    spectra, maps = study.run_files("spectra", "baseline"), study.run_files("abundances", "baseline")
    return [
        Output("figure_strip_plots", "All runs", "baseline", baseline + study.classical_files()),
        Output("figure_endmembers", "Endmembers", "baseline", baseline, spectra),
        Output("figure_abundances", "Abundance maps", "baseline", baseline, maps),
        Output("figure_augmentation_forest", "Differences to the controls", "augmentation", sweep),
        Output("figure_augmentation_strips", "All runs of the sweep", "augmentation", sweep),
        Output("figure_augmentation_regimes", "Spread between regimes", "augmentation", sweep),
        Output(
            "figure_augmentation_same",
            "Treatments that are the same",
            "augmentation",
            sweep,
            released=study.released_sweep(),
        ),
        *contrastive_figures(study),
        *semantic_figures(study),
        Output(
            "figure_scorecard",
            "Scorecard",
            "scorecard",
            study.run_files("runs", "baseline", "augmentation", "contrastive"),
        ),
        Output("figure_audit", "Audit", "audit", audit_rows(study)),
    ]


def contrastive_figures(study: "Study") -> list[Output]:
    """Return the figures of the contrastive and heads phases: the paper's Figures 1 to 10 among them."""
    facts, arms = study.scene_facts(), study.run_files("runs", "contrastive")
    curves, sheet = study.run_files("curves", "contrastive"), study.released_grid()
    return [
        Output("figure_architecture", "Figure 1", "baseline", facts),
        Output("figure_contrastive_architecture", "Figure 2", "contrastive", facts),
        Output(
            "figure_endmembers_contrastive",
            "Figures 3 to 8",
            "contrastive",
            arms,
            study.run_files("spectra", "contrastive"),
        ),
        Output("figure_contrastive_losses", "Figures 9 and 10", "contrastive", arms, curves),
        Output("figure_contrastive_collapse", "Collapse of the embeddings", "contrastive", arms, curves),
        Output("figure_search_effects", "Main effects of the grid", "contrastive", arms, released=sheet),
        Output(
            "figure_search_quality",
            "Search: cost and quality",
            "contrastive",
            study.run_files("runs", "baseline", "contrastive"),
            released=sheet,
        ),
        Output("figure_heads", "Projection heads", "heads", study.run_files("runs", "heads")),
    ]


FIGURES_OF_THE_PAPER = {
    "figure1": "figure_architecture",
    "figure2": "figure_contrastive_architecture",
    **{f"figure{number}": "figure_endmembers_contrastive" for number in range(3, 9)},
    **{f"figure{number}": "figure_contrastive_losses" for number in (9, 10)},
}
"""Targets by the paper's numbers: which of our figures has what each of them shows, for all scenes of the study."""
