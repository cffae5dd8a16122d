"""The released result sheets of the sweep, as rows that can be joined with ours.

The sheets are not part of this project. A user who has them as one tidy file, ``augmentation_sweep_reference.csv``,
names its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unmixing.errors import UnmixingError

if TYPE_CHECKING:
    import pandas

__all__ = ["AVERAGE", "MEAN_OF_REGIMES", "SWEEP_FILE", "released_sweep"]

SWEEP_FILE = "augmentation_sweep_reference.csv"

#: The endmember of an average over endmembers; the first one is 1.
AVERAGE = 0
#: The regime of an average over the three.
MEAN_OF_REGIMES = "mean_of_regimes"

_SCENES: Mapping[str, str] = {
    "Samson": "samson",
    "Urban4": "urban4",
    "Urban5": "urban5",
    "Urban6": "urban6",
    "Cuprite": "cuprite",
    "JasperRidge": "jasper_ridge",
}
_REGIMES: Mapping[str, str] = {
    "no_seed_diff_images": "dynamic_unseeded",
    "no_seed_same_images": "fixed_unseeded",
    "seed_same_images": "fixed_seeded",
    "mean_of_3_regimes": MEAN_OF_REGIMES,
    "baseline": "baseline",
}
_TREATMENTS: Mapping[str, str] = {
    "none": "",
    "Blur (sigma = 0.1, 1.0)": "blur_1",
    "Blur (sigma = 0.1, 2.0)": "blur_2",
    "Crop (50)": "crop_50",
    "Crop (75)": "crop_75",
    "Crop (95)": "crop_95",
    "Vertical Flip": "flip_vertical",
    "Horizontal Flip": "flip_horizontal",
    "Mix Flip": "flip_both",
    "Random Flip": "flip_random",
    "Jitter": "jitter",
    "Crop + Blur": "crop_blur",
    "Crop + Flip": "crop_flip",
    "Crop + Flip + Blur": "crop_flip_blur",
    "Crop + Jitter": "crop_jitter",
    "Crop + Jitter + Blur": "crop_jitter_blur",
    "Crop + Jitter + Flip": "crop_jitter_flip",
    "Jitter + Flip": "jitter_flip",
    "Jitter + Flip + Blur": "jitter_flip_blur",
}
# Averages are those of the corrected cells; the sheets' own formulas leave endmembers out.
_ROW_TYPES = ("endmember", "average_recomputed", "regime_average_recomputed")
_COLUMNS = (
    "dataset",
    "n_images",
    "regime",
    "augmentation",
    "endmember",
    "sad_mean_clean",
    "sad_std",
    "row_type",
    "effective_operation",
    "flag",
)


def released_sweep(folder: Path) -> pandas.DataFrame:
    """Read the released sheets of the augmentation sweep.

    Args:
        folder: Holds ``augmentation_sweep_reference.csv``.

    Returns:
        Columns ``scene``, ``images``, ``regime``, ``treatment`` (our ids; the regime ``baseline`` has treatment "",
        averages over the regimes have ``mean_of_regimes``), ``endmember`` (from 1, as the reference file orders
        them; 0 for the average), ``released_mean`` and ``released_std`` (rad; the deviation is the paper's:
        population, averaged over endmembers), ``effective_operation`` (what the code did) and ``flag`` ("" or what
        is wrong with the cell). One row for each combination; cells corrected as the flag says.

    Raises:
        UnmixingError: the file is missing, lacks a column, names something unknown, or has a cell twice.
    """
    import pandas

    path = folder / SWEEP_FILE
    if not path.is_file():
        raise UnmixingError(f"{path} is not there: name the folder that holds the released sheets")
    texts = ("dataset", "regime", "augmentation", "endmember", "row_type", "effective_operation", "flag")
    sheet = pandas.read_csv(path, dtype=dict.fromkeys(texts, "string"))
    if lacking := [name for name in _COLUMNS if name not in sheet]:
        raise UnmixingError(f"{path} has no column {', '.join(lacking)}: it is not the sheet of the sweep")
    sheet = sheet[sheet["row_type"].isin(_ROW_TYPES)]
    for column, known in (("dataset", _SCENES), ("regime", _REGIMES), ("augmentation", _TREATMENTS)):
        if unknown := sorted(set(sheet[column].astype(str)) - set(known)):
            raise UnmixingError(f"{path}: {column} {unknown[0]!r} is unknown; allowed: {', '.join(known)}")
    tidy = pandas.DataFrame(
        {
            "scene": sheet["dataset"].map(_SCENES).astype(str),
            "images": sheet["n_images"].astype("int64"),
            "regime": sheet["regime"].map(_REGIMES).astype(str),
            "treatment": sheet["augmentation"].map(_TREATMENTS).astype(str),
            "endmember": sheet["endmember"].replace("avg", str(AVERAGE)).astype("int64"),
            "released_mean": sheet["sad_mean_clean"].astype("float64"),
            "released_std": sheet["sad_std"].astype("float64"),
            "effective_operation": sheet["effective_operation"].fillna("").astype(str),
            "flag": sheet["flag"].fillna("").astype(str),
        }
    )
    keys = ["scene", "images", "regime", "treatment", "endmember"]
    if tidy.duplicated(keys).any():
        raise UnmixingError(f"{path} holds {tidy[tidy.duplicated(keys)].iloc[0][keys].tolist()} twice: keep one row")
    return tidy.reset_index(drop=True)
