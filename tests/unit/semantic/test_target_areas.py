"""Areas of targets: right maps have no error, shots come from the largest targets and are not tested on them."""

import numpy as np
import pytest
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.semantic.shots import baseline_methods, target_shots, without_shots
from unmixing.semantic.target_areas import shot_target_rows, summarise_targets, target_rows

SIDES = (3.0, 2.0, 1.0)
MATERIALS = 5
SPECTRA = np.abs(np.random.default_rng(0).normal(0.4, 0.2, (MATERIALS + 1, 12)))


def made_scene():
    """Five materials in three sizes on grass, 60 x 60 pixels of .49 square metres, targets in whole and part pixels."""
    shares = np.zeros((60, 60, MATERIALS + 1))
    masks, sizes = np.zeros((MATERIALS, 60, 60), np.uint8), np.zeros((60, 60), np.uint8)
    for code, side in enumerate(SIDES, start=1):
        width = {3.0: 5, 2.0: 4, 1.0: 3}[side]
        for material in range(MATERIALS):
            window = np.s_[2 + 9 * code : 2 + 9 * code + width, 4 + 10 * material : 4 + 10 * material + width]
            masks[material][window], sizes[window] = 1, code
            inner = np.zeros((width, width))
            inner[1:-1, 1:-1] = 1
            inner[inner == 0] = (side**2 / 0.49 - inner.sum()) / (inner == 0).sum()
            shares[..., material][window] = inner
    shares[..., -1] = 1 - shares[..., :-1].sum(axis=-1)
    names = [f"material {number}" for number in range(MATERIALS)] + ["grass"]
    return shares, xr.Dataset(
        {
            "cube": (("row", "col", "band"), shares @ SPECTRA),
            "endmembers": (("endmember", "band"), SPECTRA),
            "target_mask": (("target_material", "row", "col"), masks),
            "target_size": (("row", "col"), sizes),
            "target_side_m": (("target_size_code",), np.array(SIDES)),
            "target_area_m2": (("target_size_code",), np.array(SIDES) ** 2),
            "excluded": (("row", "col"), np.zeros((60, 60), np.uint8)),
        },
        coords={"name": ("endmember", names), "wavelength": ("band", np.linspace(500, 900, 12))},
        attrs={"id": "made"},
    )


def test_right_maps_have_no_error_and_find_every_target():
    shares, scene = made_scene()
    table = summarise_targets(target_rows(scene, shares, "truth")).set_index("side_m")
    assert np.abs(table["bias_m2"]).max() < 1e-9
    assert (table["detected"] == 1).all()
    assert (table["presence"] == 1).all()
    assert (table["materials"] == 5).all()


def test_bias_and_error_have_intervals_over_materials():
    shares, scene = made_scene()
    scaled = shares.copy()
    scaled[..., :-1] *= np.array([0.8, 0.9, 0.9, 1.0, 0.9])
    row = summarise_targets(target_rows(scene, scaled, "less")).set_index("side_m").loc[2.0]
    errors = 4 * np.array([-0.2, -0.1, -0.1, 0, -0.1])
    assert row["bias_m2"] == pytest.approx(errors.mean())
    assert row["rmse_m2"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert row["bias_m2_low"] < errors.mean() < row["bias_m2_high"]
    assert 0 <= row["rmse_m2_low"] < row["rmse_m2_high"]


def test_a_constant_map_finds_no_target():
    shares, scene = made_scene()
    table = summarise_targets(target_rows(scene, np.full_like(shares, 1 / 6), "constant")).set_index("side_m")
    assert not table.loc[1.0, "detected"]
    assert table.loc[1.0, "presence"] == 0, "windows are larger than the search area of a small target"


def test_shots_are_whole_pixels_of_the_largest_targets():
    _, scene = made_scene()
    for shots in target_shots(scene, 5, 2, draws=3):
        spectra = shots.spectra(scene["cube"].to_numpy())
        np.testing.assert_allclose(spectra, np.repeat(SPECTRA[:, None], 5, axis=1), atol=1e-12)
        assert not shots.tested[scene["target_size"].to_numpy() == 1].any()
    with pytest.raises(UnmixingError, match="covers 9 whole pixels"):
        target_shots(scene, 10, 2)


def test_few_shots_are_scored_on_the_smaller_targets_alone():
    _, scene = made_scene()
    methods = baseline_methods(scene["cube"].to_numpy(), ["shots_mean_scls"])
    rows = shot_target_rows(scene, target_shots(scene, 2, 2, draws=2), methods)
    assert set(rows["side_m"]) == {2.0, 1.0}
    assert set(rows["k"]) == {2}
    assert set(rows["uses_truth"]) == {"training"}
    assert np.abs(rows["estimated_m2"] - rows["known_m2"]).max() < 1e-6
    assert summarise_targets(rows)["draws"].tolist() == [2, 2]


def test_ground_that_gave_shots_is_no_empty_window():
    _, scene = made_scene()
    shots = target_shots(scene, 3, 2, draws=1)[0]
    clear = without_shots(scene, shots)
    assert clear["excluded"].to_numpy().sum() == 18
    assert not scene["excluded"].to_numpy().any(), "the scene itself stays"
