"""The card of a trained model: what it is, what it learned from, what was measured, where it fails."""

from pathlib import Path

import pandas as pd

from unmixing.semantic.model import UnmixingModel, count_parameters
from unmixing.semantic.recipe import TrainingRecipe
from unmixing.semantic.trained_models import TrainingData
from unmixing.store import write_text


def write_card(
    path: Path,
    model: UnmixingModel,
    recipe: TrainingRecipe,
    digest: str,
    data: TrainingData,
    scores: pd.DataFrame,
    properties: pd.DataFrame,
) -> None:
    """Write the card.

    Args:
        path: ``.md``.
        model: trained.
        recipe: it was trained with.
        digest: SHA-256 of its file.
        data: its library.
        scores: of ``trained_models.validate``.
        properties: of ``properties.measure_properties``.
    """
    facts, counts = model.facts, count_parameters(model)
    records = data.library.records
    used = records[records["concept"] != ""]
    simulated = 1 - float(used["measured"].mean())
    sources = ", ".join(f"{name} {count}" for name, count in used["source"].value_counts().items())
    seconds = facts.details.get("processor_seconds")
    parts = [
        f"# Unmixing by name, size {facts.size}",
        "",
        f"- File SHA-256: `{digest}`; recipe SHA-256: `{facts.recipe}` (the recipe lies beside this card)",
        f"- Text anchors: {facts.label}",
        f"- Parameters: {', '.join(f'{name} {count:,}' for name, count in counts.items())}",
        f"- Training: {recipe.steps} updates of {recipe.batch} generated pixels"
        + (f", {seconds:g} s of one core's time" if seconds else ""),
        f"- Learned: 1/t = {float(model.scale):.1f}; weight of the tilt {float(model.strength('tilt')):.3f}, of the "
        f"divergence {float(model.strength('divergence')):.3f} (each times the estimated noise variance)",
        f"- In use each pixel chooses among up to {recipe.spectra} library spectra of each prompt and six bent copies "
        f"of their mean ({len(model.spectra)} spectra are kept), with a ridge of {recipe.ridge:g}. Beside that choice "
        f"1/t counts {recipe.sharpness:g} times, the tilt {recipe.trust_tilt:g} and the divergence "
        f"{recipe.trust_divergence:g} times what was learned: on mixtures of a library that neither training nor the "
        "spectra to choose from came from, more of the prior made abundances worse.",
        f"- Abstains below a similarity of {facts.thresholds['similarity']:.3f} or above a residual of "
        f"{facts.thresholds['angle']:.3f} rad ({facts.thresholds['angle_given']:.3f} with decoded or given spectra): "
        "each one validation pixel in a hundred",
        "",
        "## Data",
        "",
        f"Library spectra with a concept: {len(used)} ({sources}); {simulated:.0%} of them are simulated (canopies "
        "by PROSAIL, most water by a model). earthlib is under the MIT licence, the USGS library in the public domain. "
        f"Trained to tell apart: {len(facts.trained)} concepts. Carries mean spectra of {len(facts.concepts)}, "
        "minerals among them, which training never saw. No scene was seen in training.",
        "",
        "## Validation mixtures",
        "",
        "Spectra of the validation split (other sites or specimens), all prompts of the list asked for. The sensors "
        "are none that training drew but by chance. aRMSE / share of pixels whose largest material is right.",
        "",
        *_table(_scores(scores)),
        "",
        "## Properties",
        "",
        *_table(_measured(properties)),
        "",
        "## Use and limits",
        "",
        "- For maps of materials that have a spectrum in the library, by reflectance between 400 and 2450 nm.",
        "- Abundances are shares of area under the model of linear mixing, up to one brightness for each pixel.",
        "- With brightness fixed, the weighted L1 term is a linear tilt of the simplex: it ranks, it thins nothing.",
        "- Vegetation is mostly simulated, water mostly modelled; regions can be compared for soil alone.",
        "- A prompt without a spectrum is refused, or takes the spectrum of the concept above it, and the result says "
        "so. Two prompts that take the same spectrum cannot be told apart by it.",
        "- The text encoder has seen no images: nothing here shows what a vision-language embedding would give.",
        "",
    ]
    write_text(path, "\n".join(parts))


def _scores(scores: pd.DataFrame) -> pd.DataFrame:
    cells = [f"{row.armse:.3f} / {row.dominant:.2f}" for row in scores.itertuples()]
    wide = scores.assign(cell=cells).pivot_table(
        index=["list", "sensor", "n"], columns="method", values="cell", aggfunc="first", sort=False
    )
    return wide.reset_index()


def _measured(properties: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "property": properties["property"],
            "value": [f"{value:.4f}" for value in properties["value"]],
            "target": properties["target"],
            "met": [
                "" if target == "-" else ("yes" if met else "no")
                for target, met in zip(properties["target"], properties["met"], strict=True)
            ],
            "n": properties["n"],
        }
    )


def _table(frame: pd.DataFrame) -> list[str]:
    heading = [str(name) for name in frame.columns]
    lines = [f"| {' | '.join(heading)} |", f"|{'---|' * len(heading)}"]
    return lines + [f"| {' | '.join(map(str, row))} |" for row in frame.itertuples(index=False, name=None)]
