"""Answers of methods to one scene, and how any answer is scored: the rows that all experiments on scenes share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.errors import UnmixingError
from unmixing.metrics import spectral_angle
from unmixing.semantic.baselines import BASELINES
from unmixing.semantic.experiments.inputs import Mask, NamedScene
from unmixing.semantic.scene_library import SceneLibrary
from unmixing.semantic.scores import (
    COLUMNS,
    block_numbers,
    compare_maps,
    score_assignment,
    score_maps,
    score_values,
    usable_pixels,
)
from unmixing.semantic.shots import TRACE

Array = npt.NDArray[np.float64]

#: Columns that stand before those of ``scores.COLUMNS`` in every row.
IDENTITY: Mapping[str, Any] = {
    "scene": "",
    "kind": "",
    "protocol": "",
    "method": "",
    "title": "",
    "uses_truth": "",
    "k": 0,
    "draw": 0,
    "level": np.nan,
    "materials": 0,
    "dropped": "",
    "against": "",
    "notes": "",
}
ZERO_SHOT, FEW_SHOT, HALF = "zero-shot", "few-shot", "other half"
#: Method that all others are compared with.
REFERENCE_METHOD = "class_mean_scls"
#: Baselines whose endmembers are the class means, so that their residual can be told.
_MEANS = ("class_mean_scls", "class_mean_fcls", "nearest_mean")


@dataclass(frozen=True)
class Answer:
    """What one method makes of a scene.

    Attributes:
        method: id in rows.
        title: name in tables.
        uses_truth: what of the references it relies on.
        maps: (rows, columns, K) shares of area, NaN where nothing was solved.
        maxima: (K,) largest value of its endmembers; None for labels and constants (see ``scores.score_maps``).
        draw: number of the draw.
        angle: (rows, columns) radians between pixel and model, or None.
        abstain: (rows, columns) whether it abstains, or None.
        assignment: (rows, columns, K) probabilities, or None.
        endmembers: (K, bands) reflectance, NaN in bands that are not used, or None.
        notes: what a reader should know.
    """

    method: str
    title: str
    uses_truth: str
    maps: Array = field(repr=False)
    maxima: Array | None = field(default=None, repr=False)
    draw: int = 0
    angle: Array | None = field(default=None, repr=False)
    abstain: Mask | None = field(default=None, repr=False)
    assignment: Array | None = field(default=None, repr=False)
    endmembers: Array | None = field(default=None, repr=False)
    notes: str = ""


def on_map(tested: Mask, values: Array) -> Array:
    """Put values (n, ...) of the n tested pixels on a map (rows, columns, ...) of NaN."""
    result = np.full((*tested.shape, *values.shape[1:]), np.nan)
    result[tested] = values
    return result


def baseline_answer(name: str, named: NamedScene, library: SceneLibrary, tested: Mask) -> Answer:
    """Return what a baseline of ``baselines.BASELINES`` makes of the tested pixels."""
    baseline, cube = BASELINES[name], named.known.cube
    pixels = np.asarray(cube[tested], np.float64)
    shares = baseline.solve(pixels, library)
    angle = None
    if name in _MEANS:
        rebuilt = shares @ library.means[library.groups]
        angle = on_map(tested, spectral_angle(pixels[:, library.bands], rebuilt))
    stand_ins = ", ".join(f"{one} by {other}" for one, other in library.stand_ins)
    return Answer(
        method=name,
        title=baseline.title,
        uses_truth="none" if name == "constant" else "names",
        maps=on_map(tested, shares),
        maxima=library.maxima if baseline.scale == "area" else None,
        angle=angle,
        notes=f"spectra stood for: {stand_ins}" if stand_ins else "",
    )


def score_answers(
    answers: Iterable[Answer],
    named: NamedScene,
    tested: Mask,
    *,
    protocol: str,
    against: Sequence[str] = (REFERENCE_METHOD,),
    besides: Mapping[str, Sequence[str]] = MappingProxyType({}),
    water: int | None = None,
) -> pd.DataFrame:
    """Score answers and compare them.

    Args:
        answers: draws of a method share its id.
        named: the scene, with reference abundances.
        tested: (rows, columns) pixels to score.
        protocol: name in rows.
        against: methods that all others are compared with, where they are among the answers.
        besides: by method, what it alone is compared with too.
        water: number of the material that is water, for scores without it.

    Returns:
        Rows of ``IDENTITY`` and ``scores.COLUMNS``. Beside the metrics of ``scores.score_maps``:
        ``reconstruction_angle_rad``; ``armse_land`` and ``dominant_accuracy_land`` (pixels with at most .05 of water);
        ``abstained`` (share of the pixels), and ``armse_`` and ``dominant_accuracy_`` with ``kept`` and ``left_out``
        (pixels on which it does not, and does, abstain); ``brier`` and ``ece`` of the assignment.
    """
    known, listed = named.known, list(answers)
    assert known.abundances is not None
    draws = {answer.method: sum(other.method == answer.method for other in listed) for answer in listed}
    others = {answer.method: answer for answer in listed if draws[answer.method] == 1}
    land = None if water is None else tested & (known.abundances[..., water] <= TRACE)
    parts = []
    for answer in listed:
        about = {
            "scene": named.scene, "kind": str(named.data.attrs["kind"]), "protocol": protocol,
            "method": answer.method, "title": answer.title, "uses_truth": answer.uses_truth, "draw": answer.draw,
            "materials": answer.maps.shape[-1], "notes": answer.notes,
        }  # fmt: skip
        # Of several draws the interval is over them.
        blocks = {} if draws[answer.method] == 1 else {"blocks": 0}
        parts.append(score_maps(answer.maps, known, maxima=answer.maxima, tested=tested, identity=about, **blocks))
        if land is not None and land.any():
            parts.append(_selected(answer, named, land, "land", about, blocks))
        if answer.angle is not None:
            used = usable_pixels(answer.maps, known, tested) & np.isfinite(answer.angle)
            parts.append(score_values("reconstruction_angle_rad", answer.angle, used, identity=about, **blocks))
        if answer.abstain is not None:
            parts += _abstention(answer, named, tested, about)
        if answer.assignment is not None:
            parts.append(_assignment(answer, named, tested, about))
        for name in (*against, *besides.get(answer.method, ())):
            if name in others and name != answer.method:
                other = others[name]
                both = (answer.maxima, other.maxima)
                squares = {} if draws[answer.method] == 1 else {"blocks": 1}
                part = compare_maps(
                    answer.maps, other.maps, known, maxima=both, tested=tested,
                    identity={**about, "against": name}, **squares,
                )  # fmt: skip
                parts.append(part)
    return finished(parts)


def reason_row(reason: str, **identity: Any) -> pd.DataFrame:  # noqa: ANN401 -- columns of IDENTITY
    """Return one row without a number that says why there is none."""
    return finished([pd.DataFrame([{**identity, "reason": reason}])])


def finished(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join rows, with every column of ``IDENTITY``, ``scores.COLUMNS`` and ``reason``, typed.

    A value that is missing has a reason: that of its row, or that there is nothing of the material to be found.
    """
    text = {"convention": "", "metric": "", "material": "", "interval": "", "reason": ""}
    defaults = {**IDENTITY, **dict.fromkeys(COLUMNS, np.nan), "n": 0, "blocks": 0, **text}
    frame = joined(parts, defaults)
    unexplained = frame["value"].isna() & (frame["reason"] == "")
    frame.loc[unexplained, "reason"] = "nothing of this material is present"
    return frame


def joined(parts: Iterable[pd.DataFrame], defaults: Mapping[str, Any]) -> pd.DataFrame:
    """Join rows, with the columns of ``defaults``, each of the type of what stands where there is nothing."""
    frame = pd.concat([part.dropna(axis=1, how="all") for part in parts], ignore_index=True)
    for column, default in defaults.items():
        if column not in frame:
            frame[column] = default
        elif not isinstance(default, float):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), default).astype(type(default))
        else:
            frame[column] = frame[column].astype(np.float64)
    return frame[list(defaults)]


def _selected(
    answer: Answer, named: NamedScene, used: Mask, suffix: str, about: dict[str, Any], blocks: dict[str, int]
) -> pd.DataFrame:
    """Scores of some of the pixels, under names of their own."""
    try:
        part = score_maps(answer.maps, named.known, maxima=answer.maxima, tested=used, identity=about, **blocks)
    except UnmixingError:
        return pd.DataFrame([{**about, "metric": f"armse_{suffix}", "reason": "no such pixel"}])
    part = part[part["metric"].isin(["armse", "dominant_accuracy"])]
    return part.assign(metric=[f"{metric}_{suffix}" for metric in part["metric"]])


def _abstention(answer: Answer, named: NamedScene, tested: Mask, about: dict[str, Any]) -> list[pd.DataFrame]:
    assert answer.abstain is not None
    used = usable_pixels(answer.maps, named.known, tested)
    parts = [score_values("abstained", answer.abstain.astype(np.float64), used, identity=about)]
    for suffix, chosen in (("kept", ~answer.abstain), ("left_out", answer.abstain)):
        parts.append(_selected(answer, named, used & chosen, suffix, about, {}))
    return parts


def _assignment(answer: Answer, named: NamedScene, tested: Mask, about: dict[str, Any]) -> pd.DataFrame:
    assert answer.assignment is not None
    assert named.known.abundances is not None
    used = usable_pixels(answer.maps, named.known, tested)
    places = block_numbers(used.shape)[used]
    rows = score_assignment(answer.assignment[used], named.known.abundances[used], places)
    facts = {"n": int(used.sum()), "blocks": len(np.unique(places))}
    return pd.DataFrame([{**about, **row, **facts} for row in rows])
