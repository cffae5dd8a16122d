"""Scenes whose values, sizes, wavelengths or names are not what they should be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from faults.ground import Said, call, fault, no_halves, refused, study
from makers.scenes import make_scene, write_envi
from unmixing.store import read_parquet

SCHEDULE = {"runs": 1, "epochs": 2, "patches": 6, "patch_size": 4, "batch_size": 3}


class Own:
    """A user's own scene, from its file to its run rows."""

    def __init__(self, folder: Path, cube: np.ndarray, bands: int | None = None, **stanza: object) -> None:
        """Write the file and what the configuration says of it."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "own.npz"
        np.savez(self.path, cube=cube)
        count = cube.shape[2] if bands is None else bands
        self.stanza: Mapping[str, Any] = {
            "path": str(self.path),
            "wavelengths": np.linspace(400, 1000, count).tolist(),
            "band_axis": 2,
            "endmembers": 3,
            **stanza,
        }
        self.scene = folder / "scenes" / "own.nc"

    def check(self) -> Said:
        """Read the scene and write it."""
        stanza = json.dumps({**self.stanza, "id": "own"})
        return call("scene", "own", "--stanza", stanza, "--output", self.scene)

    def run(self, **changes: object) -> str:
        """Train and score the scene; return what a program refused with, or that the numbers are usable."""
        made = study(
            self.folder, scenes=["own"], own_scenes={"own": dict(self.stanza)}, baseline={**SCHEDULE, **changes}
        )
        steps = (
            lambda: self.check(),
            lambda: call(
                *("train", "--job", made.job("baseline", "described", "own", "standard"), "--scene", self.scene),
                *("--store", self.folder / "store", "--manifest", self.folder / "cells.json"),
                *("--log", self.folder / "train.log"),
            ),
            lambda: call(
                *("evaluate", "--manifests", self.folder / "cells.json", "--scene", self.scene),
                *("--store", self.folder / "store", "--matching", "optimal", "--scoring", "none"),
                *("--rows", self.folder / "rows.parquet", "--spectra", self.folder / "spectra.parquet"),
                *("--abundances", self.folder / "abundances.parquet", "--curves", self.folder / "curves.parquet"),
            ),
            lambda: call(
                *("classical", "--cell", made.classical_cell("own"), "--scene", self.scene),
                *("--rows", self.folder / "classical.parquet"),
            ),
        )
        import torch

        mode = torch.get_deterministic_debug_mode()
        try:
            for step in steps:
                said = step()
                if said.status:
                    no_halves(self.folder)
                    return refused(said)
        finally:
            torch.set_deterministic_debug_mode(mode)
        for name in ("rows", "classical"):
            rows = read_parquet(self.folder / f"{name}.parquet")[0]
            bad = rows["status"] != "ok"
            assert rows.loc[bad, "reason"].str.len().gt(0).all(), "a row without numbers and without a reason"
            angles = rows.loc[~bad, "reconstruction_angle_rad"].dropna()
            assert angles.between(0, np.pi).all()
        return "right: trained and scored, every number finite, or a row that says why not"


MADE = make_scene(12, 14, bands=16)


def _cube() -> np.ndarray:
    return MADE.cube.clip(0.001).astype(np.float32)


@fault("data", "some pixels are NaN")
def some_nan(folder: Path) -> str:
    cube = _cube()
    cube[2:4, 3:6] = np.nan
    own = Own(folder, cube)
    seen = own.run()
    from unmixing.scenes.dataset import open_scene

    valid = open_scene(own.scene)["valid"].to_numpy()
    assert (valid == 0).sum() == 6
    return seen


@fault("data", "single values are infinite")
def infinite(folder: Path) -> str:
    cube = _cube()
    cube[1, 1, 4], cube[5, 5, 0] = np.inf, -np.inf
    return Own(folder, cube).run()


@fault("data", "all pixels are NaN")
def all_nan(folder: Path) -> str:
    return refused(Own(folder, np.full((12, 14, 16), np.nan, np.float32)).check(), "100% of the pixels")


@fault("data", "one band is constant")
def band_constant(folder: Path) -> str:
    cube = _cube()
    cube[..., 7] = 0.2
    return Own(folder, cube).run()


@fault("data", "one band is zero everywhere")
def band_zero(folder: Path) -> str:
    cube = _cube()
    cube[..., 7] = 0.0
    return Own(folder, cube).run()


@fault("data", "the whole cube is constant")
def cube_constant(folder: Path) -> str:
    return refused(Own(folder, np.full((12, 14, 16), 0.3, np.float32)).check(), "everywhere")


@fault("data", "a quarter of the pixels is zero in every band")
def pixels_zero(folder: Path) -> str:
    cube = _cube()
    cube[:6, :7] = 0.0
    return Own(folder, cube).run()


@fault("data", "all pixels are the same spectrum")
def pixels_alike(folder: Path) -> str:
    cube = np.broadcast_to(_cube()[0, 0], (12, 14, 16)).copy()
    return Own(folder, cube).run()


@fault("data", "values are counts with fill values and no scale is stated")
def fill_values(folder: Path) -> str:
    cube = (_cube() * 1e4).astype(np.uint16)
    cube[0, 0] = 65535
    return refused(Own(folder, cube).check(), "fill value")


@fault("data", "the cube is smaller than a patch")
def smaller_than_patch(folder: Path) -> str:
    seen = Own(folder, _cube()[:6]).run(patch_size=8)
    assert "do not fit" in seen
    assert "lower patch_size" in seen
    return seen


@fault("data", "the image is one pixel wide")
def one_pixel_wide(folder: Path) -> str:
    return Own(folder, _cube()[:, :1]).run(patch_size=1)


@fault("data", "the cube has a single band")
def one_band(folder: Path) -> str:
    return refused(Own(folder, _cube()[..., :1]).check(), "single band")


@fault("data", "K = 1 is stated")
def one_endmember(folder: Path) -> str:
    return refused(Own(folder, _cube(), endmembers=1).check(), "endmembers 1", "2 to 50")


@fault("data", "the references hold one spectrum, so that K = 1")
def one_reference(folder: Path) -> str:
    path = folder / "one.csv"
    axis = np.linspace(400, 1000, 16)
    path.write_text("wavelength_nm,Soil\n" + "".join(f"{wave},{0.1 + wave / 5000}\n" for wave in axis))
    return Own(folder, _cube(), endmembers=None, references=str(path)).run()


@fault("data", "K is larger than the number of bands")
def more_endmembers_than_bands(folder: Path) -> str:
    return refused(Own(folder, _cube()[..., :5], endmembers=9).check(), "9 endmembers", "5 bands")


@fault("data", "K is larger than the number of pixels")
def more_endmembers_than_pixels(folder: Path) -> str:
    return refused(Own(folder, _cube()[:3, :4], endmembers=14).check(), "14 endmembers", "12 pixels")


@fault("data", "one wavelength is missing")
def wavelength_missing(folder: Path) -> str:
    return refused(Own(folder, _cube(), bands=15).check(), "15 wavelengths for 16 bands")


@fault("data", "one wavelength is NaN")
def wavelength_nan(folder: Path) -> str:
    axis = np.linspace(400, 1000, 16)
    axis[3] = np.nan
    return refused(Own(folder, _cube(), wavelengths=axis.tolist()).check())


@fault("data", "two bands have the same wavelength")
def wavelength_twice(folder: Path) -> str:
    axis = np.linspace(400, 1000, 16)
    axis[3] = axis[4]
    own = Own(folder, _cube(), wavelengths=axis.tolist())
    seen = own.run()
    from unmixing.scenes.dataset import open_scene

    assert open_scene(own.scene).sizes["band"] == 15, "their mean stands for both"
    return seen


@fault("data", "an ENVI header says more lines than its data hold")
def header_lies(folder: Path) -> str:
    header = write_envi(folder / "made", _cube(), MADE.wavelengths, fields={"lines": 13})
    return refused(call("check", header, "--endmembers", "3"), "bytes where the header says")


def _references(folder: Path, heading: str) -> Own:
    path = folder / "references.csv"
    table = np.column_stack([MADE.wavelengths, MADE.endmembers.T])
    path.write_text(
        "\n".join([heading, *(",".join(f"{value:.6f}" for value in row) for row in table)]) + "\n", encoding="utf-8"
    )
    return Own(folder, _cube(), endmembers=None, references=str(path), wavelengths=MADE.wavelengths.tolist())


@fault("names", "two references have the same name")
def names_twice(folder: Path) -> str:
    return refused(_references(folder, "wavelength_nm,Soil,Water,Soil").check(), "repeat", "Soil, Water, Soil")


@fault("names", "references are named in other scripts, with commas, braces, quotes and line ends")
def names_odd(folder: Path) -> str:
    own = _references(folder, 'wavelength_nm,"Bo{d}en, ""nass""\nund grün",水,Δ_50% & more\\x')
    seen = own.run()
    rows = read_parquet(folder / "rows.parquet")[0]
    assert "水" in set(rows["name"])
    said = call(
        *("maps", "--manifest", folder / "cells.json", "--scene", own.scene, "--store", folder / "store"),
        *("--matching", "optimal", "--output", folder / "maps"),
    )
    assert said.status == 0, said.err
    return seen


@fault("names", "the scene's file lies under a name with spaces, quotes and other scripts")
def path_odd(folder: Path) -> str:
    own = Own(folder / "a b" / "日本 'x' $(touch pwned); é", _cube())
    seen = own.run()
    assert not Path("pwned").exists()
    return seen


@fault("names", "an own scene has an id that leads out of the results")
def id_leads_out(folder: Path) -> str:
    from unmixing.errors import UnmixingError

    for name in ("../x", "a/b", "a b", "", "é", "samson"):
        try:
            study(folder, scenes=[name], own_scenes={name: {"path": "x.npz", "endmembers": 3}})
        except UnmixingError as refusal:
            seen = str(refusal).splitlines()[0]
        else:
            raise AssertionError(f"id {name!r} was taken")
    return f"refused: {seen}"
