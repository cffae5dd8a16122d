"""Small scenes for the experiments: the study's easy scene, thinned, and targets of known area made of its spectra."""

import numpy as np

from unmixing.scenes.dataset import make_dataset, write_scene
from unmixing.scenes.registry import load_registry
from unmixing.scenes.synthetic import make_synthetic

SIDES = (3.0, 2.0, 1.0)


def write_easy(folder, size=26):
    """The easy scene's upper left corner; it holds pure pixels of all three materials."""
    whole = make_synthetic("synthetic_easy")
    path = folder / "synthetic_easy.nc"
    part = {name: whole[name].to_numpy() for name in ("cube", "abundances")}
    made = make_dataset(
        part["cube"][:size, :size], whole["wavelength"].to_numpy(), scene_id="synthetic_easy", title="Easy",
        kind="synthetic", scale="reflectance", wavelength_source="nominal",
        endmembers=whole["endmembers"].to_numpy(), abundances=part["abundances"][:size, :size],
        names=[str(name) for name in whole["name"].to_numpy()], abundance_convention="areal",
    )  # fmt: skip
    write_scene(made, path)
    return path


def write_targets(folder):
    """Five materials in three sizes on grass, with the names of DLR HySU and spectra of no paint at all."""
    names = load_registry()["dlr_hysu"].names
    axis = np.linspace(450.0, 900.0, 30)
    place = np.linspace(0, 1, 30)
    spectra = np.stack([0.1 + 0.5 * np.exp(-(((place - k / 6) / 0.15) ** 2)) for k in range(6)])
    shares, masks, sizes = np.zeros((60, 60, 6)), np.zeros((5, 60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    for code, width in enumerate((5, 4, 3), start=1):
        for material in range(5):
            window = np.s_[2 + 9 * code : 2 + 9 * code + width, 4 + 10 * material : 4 + 10 * material + width]
            masks[material][window], sizes[window] = 1, code
            inner = np.zeros((width, width))
            inner[1:-1, 1:-1] = 1
            inner[inner == 0] = (SIDES[code - 1] ** 2 / 0.49 - inner.sum()) / (inner == 0).sum()
            shares[..., material][window] = inner
    shares[..., 5] = 1 - shares[..., :5].sum(axis=-1)
    made = make_dataset(
        (shares @ spectra).astype(np.float32), axis, scene_id="dlr_hysu", title="Targets", kind="synthetic",
        scale="reflectance", wavelength_source="nominal", endmembers=spectra, names=names,
        abundance_convention="areal",
        variables={
            "target_mask": (("target_material", "row", "col"), masks),
            "target_size": (("row", "col"), sizes),
            "target_side_m": (("target_size_code",), np.array(SIDES)),
            "target_area_m2": (("target_size_code",), np.array(SIDES) ** 2),
            "excluded": (("row", "col"), np.zeros((60, 60), np.uint8)),
        },
    )  # fmt: skip
    path = folder / "dlr_hysu.nc"
    write_scene(made, path)
    return path
