"""The stanza of a user's own scene in the configuration: its keys, its files, and whether they are at hand.

Light on purpose: every start of the workflow comes through here. ``unmixing.scenes.own`` reads what it describes.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from unmixing.scenes.availability import Availability

#: Sizes and counts that a stanza may name.
Positive = Annotated[int, Field(ge=1)]

# Beside a header lies its data, and beside data the header: a change of either makes the scene old.
_COMPANIONS = ("", ".hdr", ".img", ".dat", ".bsq", ".bil", ".bip", ".raw", ".bin", ".sli", ".lib")


def _count_or_auto(value: object) -> object:
    if value is None or value == "auto" or (type(value) is int and 2 <= value <= 50):
        return value
    raise ValueError("allowed: a number from 2 to 50, or auto")


def _wavelengths(value: object) -> object:
    numbers = isinstance(value, list) and value and all(type(item) in (int, float) for item in value)
    if value is None or isinstance(value, str) or numbers:
        return value
    raise ValueError("allowed: file, unknown, a list of numbers, a file, 'linear FIRST LAST BANDS' or a sensor")


def _prompts(value: object) -> object:
    texts = [*value, *value.values()] if isinstance(value, dict) else value
    if value is None or (isinstance(texts, list) and texts and all(isinstance(x, str) and x.strip() for x in texts)):
        return value
    raise ValueError("allowed: a list of materials, or class: material")


class OwnScene(BaseModel):
    """One scene of the user's own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: Annotated[str, Field(min_length=1)] = Field(
        description="ENVI (header or data), GeoTIFF, NumPy or MATLAB file; relative to the project's folder"
    )
    title: str | None = Field(None, description="name in tables; the id if left out")
    wavelengths: Annotated[str | list[float] | None, BeforeValidator(_wavelengths)] = Field(
        None,
        description="file (what the file says), a list of numbers, a text file, 'linear FIRST LAST BANDS', a sensor's "
        "name, or unknown; what the file says if left out",
    )
    endmembers: Annotated[int | Literal["auto"] | None, BeforeValidator(_count_or_auto)] = Field(
        None, description="how many to look for, or auto; may be left out where references are given"
    )
    references: str | None = Field(
        None, description="CSV (wavelength_nm and one column per material) or ENVI library of reference spectra"
    )
    names: list[str] | None = Field(None, description="names of the reference endmembers that the file itself holds")
    cube: str | None = Field(None, description="variable with the cube, in MATLAB and .npz files")
    rows: Positive | None = Field(None, description="height in pixels, where the file stores pixels in a list")
    cols: Positive | None = Field(None, description="width in pixels, where the file stores pixels in a list")
    pixel_order: Literal["C", "F"] | None = Field(None, description="C (along the rows) or F, for pixels in a list")
    band_axis: Annotated[int, Field(ge=0, le=2)] | None = Field(None, description="axis of the bands, from 0")
    wavelength_units: str | None = Field(None, description="nanometers or micrometers, where the file says nothing")
    wavelength_source: Literal["measured", "nominal"] | None = Field(None, description="measured or nominal")
    bad_bands: list[Positive] | None = Field(None, description="numbers of bands to leave out, from 1")
    nodata: float | None = Field(None, description="value that marks pixels without data")
    scale_factor: Annotated[float, Field(gt=0)] | None = Field(
        None, description="number that turns reflectance into the stored values, such as 10000"
    )
    scale: Literal["reflectance", "relative"] | None = Field(None, description="what the values are")
    prompts: Annotated[list[str] | dict[str, str] | None, BeforeValidator(_prompts)] = Field(
        None, description="materials to unmix by name: a list, or class: material where there are labels"
    )
    labels: str | None = Field(
        None, description="label map (MATLAB, .npy, GeoTIFF) in place of abundances; the study runs on block averages"
    )
    label_variable: str | None = Field(None, description="variable with the label map, in a MATLAB file of several")
    label_names: list[str] | None = Field(None, description="names of the classes, in the order of their numbers")
    label_block: Positive | None = Field(None, description="side of the averaged blocks in pixels of the cube")
    unlabelled: int | None = Field(None, description="number that means no label; 0 if left out")
    licence: str | None = Field(None, description="printed in the report")
    citation: str | None = Field(None, description="printed in the report")

    def stanza(self, scene: str) -> dict[str, Any]:
        """Return the keys that were given, with the scene's id, as ``read_own_scene`` takes them."""
        return {"id": scene, **self.model_dump(exclude_none=True)}

    def files(self) -> list[Path]:
        """Return the files that the scene is read from and that exist, the named one first."""
        path = Path(self.path).expanduser()
        stem = path.with_suffix("") if path.suffix.lower() == ".hdr" else path
        beside = [path, *(Path(f"{stem}{ending}") for ending in _COMPANIONS), path.with_suffix(".hdr")]
        further = [self.references, self.labels, self.wavelengths if isinstance(self.wavelengths, str) else None]
        named = [Path(name).expanduser() for name in further if name]
        return [found for found in dict.fromkeys([*beside, *named]) if found.is_file()]

    def availability(self, scene: str) -> Availability:
        """Say whether the files that the stanza names are there."""
        path = Path(self.path).expanduser()
        named = {"path": self.path, "references": self.references, "labels": self.labels}
        missing = [
            f"{file}: no such file: correct own_scenes.{scene}.{key} in the configuration"
            for key, file in named.items()
            if file and not Path(file).expanduser().is_file()
        ]
        reason = missing[0] if missing else ""
        return Availability(
            scene=scene,
            title=self.title or scene,
            kind="own",
            paper=False,
            available=not reason,
            path=path if not reason else None,
            reason=reason,
        )


def own_ids(values: object) -> list[str]:
    """Return the ids of own scenes in values that are not validated yet."""
    return [str(key) for key in values] if isinstance(values, Iterable) and not isinstance(values, str) else []
