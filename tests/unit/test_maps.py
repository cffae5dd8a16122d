import json

import numpy as np
import pytest
import rasterio

from makers.scenes import UTM_FIELDS, make_scene, write_envi
from unmixing.maps import select_run, write_run
from unmixing.programs.command import main
from unmixing.scenes import read_own_scene
from unmixing.scenes.dataset import write_scene
from unmixing.store import CellStore, write_json

MADE = make_scene(12, 17)
APART = MADE.endmembers
TOGETHER = np.stack([APART[0], APART[0] * 1.01, APART[2]])


def run(angle, endmembers=APART, status="ok"):
    return {"endmembers": endmembers}, {"status": status, "reconstruction_angle_rad": angle}


@pytest.mark.parametrize(
    ("runs", "chosen"),
    [
        ([run(0.3), run(0.1), run(0.2)], 1),
        ([run(0.1), run(0.1)], 0),
        ([run(0.3), run(None, status="diverged")], 0),
        ([run(None), run(0.3)], 1),
        ([run(None)], 0),
        ([run(None, status="diverged")], None),
        ([], None),
        ([run(0.1, TOGETHER), run(0.2)], 1),
        ([run(0.2, TOGETHER), run(0.1, TOGETHER)], 1),
    ],
)
def test_the_run_that_reconstructs_best_is_chosen(runs, chosen):
    assert select_run(runs) == chosen


@pytest.fixture
def scene(tmp_path):
    def make(**stanza):
        fields = stanza.pop("fields", UTM_FIELDS)
        path = write_envi(tmp_path / "flight7", MADE.cube.astype("f4"), MADE.wavelengths, fields=fields)
        return read_own_scene({"path": str(path), "endmembers": 3, **stanza})

    return make


ARRAYS = {"endmembers": APART[[2, 0, 1]], "abundances": MADE.abundances[..., [2, 0, 1]].astype(np.float16)}


def test_references_order_and_name_the_maps(scene, tmp_path):
    lines = ["wavelength_nm,Soil,Tree,Water"]
    lines += [",".join(f"{value:.6f}" for value in (wave, *MADE.endmembers[:, band]))
              for band, wave in enumerate(MADE.wavelengths)]  # fmt: skip
    (tmp_path / "references.csv").write_text("\n".join(lines))
    details = write_run(scene(references=str(tmp_path / "references.csv")), ARRAYS, "optimal", tmp_path / "maps")
    assert details["endmembers"] == ["Soil", "Tree", "Water"]
    assert details["named_by_references"]
    with rasterio.open(tmp_path / "maps/abundances_network.tif") as maps:
        assert maps.descriptions == ("Soil", "Tree", "Water")
        np.testing.assert_allclose(maps.read().transpose(1, 2, 0), MADE.abundances, atol=1e-3)
    with rasterio.open(tmp_path / "maps/abundances_resolved.tif") as maps:
        assert maps.crs.to_epsg() == 32632


def test_without_references_maps_are_numbered(scene, tmp_path):
    details = write_run(scene(), ARRAYS, "optimal", tmp_path / "maps")
    assert details["endmembers"] == ["endmember 1", "endmember 2", "endmember 3"]
    assert not details["named_by_references"]
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == sorted(details["files"])


def test_a_rotated_image_keeps_its_place_as_envi(scene, tmp_path):
    turned = {"map info": UTM_FIELDS["map info"].replace("}", ", rotation=30.0}")}
    details = write_run(scene(fields=turned), ARRAYS, "optimal", tmp_path / "maps")
    assert "abundances_network.img" in details["files"]
    assert "rotation=30.0" in (tmp_path / "maps/abundances_network.hdr").read_text()


@pytest.mark.parametrize(("committed", "reason"), [([], "all 1 runs that were computed diverged"), ([0], "committed")])
def test_no_usable_run_no_maps_and_the_study_goes_on(scene, tmp_path, capsys, committed, reason):
    cell = {"phase": "baseline", "protocol": "described", "scene": "flight7", "setting": "standard"}
    cell |= {"recipe": "0" * 12, "runs": 1, "committed": committed}
    if not committed:
        arrays = {name: np.full_like(values, np.nan) for name, values in ARRAYS.items()}
        CellStore.of_manifest(tmp_path / "store", cell).write(0, arrays, run(None, status="diverged")[1])
    write_json(tmp_path / "cell.json", {"cells": [cell]})
    write_scene(scene(), tmp_path / "flight7.nc")
    words = ["--manifest", tmp_path / "cell.json", "--scene", tmp_path / "flight7.nc", "--store", tmp_path / "store"]
    words += ["--matching", "optimal", "--output", tmp_path / "maps"]
    assert main(["maps", *map(str, words)]) == 0
    assert reason in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["maps.json"]
    assert reason in json.loads((tmp_path / "maps/maps.json").read_text())["reason"]
