"""A scene of the user's own, from its file to maps that open where it lies; and scenes that are not at hand."""

import json

import pandas as pd
import pytest
import rasterio.transform

from makers.scenes import UTM_FIELDS, make_scene, write_envi
from project import Project
from unmixing.programs.command import main

MADE = make_scene(20, 28)
FOLDER = "results/demo/maps/baseline-described-flight7"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("own") / "study", runs=2, epochs=1)
    write_envi(made.folder / "flight7", MADE.cube.astype("f4"), MADE.wavelengths, fields=UTM_FIELDS)
    made.configure(
        scenes=["flight7", "urban4", "cuprite"],
        own_scenes={"flight7": {"path": "flight7.hdr", "endmembers": "auto", "title": "Flight 7"}},
    )
    made.output = made.run("maps", "table1", "table3", "scene_pages")
    return made


def test_check_finds_it_usable(project, capsys):
    assert main(["check", str(project.folder / "flight7.hdr"), "--endmembers", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("flight7 (own): 20 x 28 pixels, georeferenced, 40 bands, 400 to 1000 nm (measured), 3")
    assert lines[-1].startswith("verdict: usable, ")


@pytest.mark.parametrize("kind", ["network", "resolved"])
def test_maps_lie_where_the_input_lies(project, kind):
    with rasterio.open(project.folder / "flight7.img") as source:
        wanted = source.transform, source.crs, source.shape
    with rasterio.open(project.folder / FOLDER / f"abundances_{kind}.tif") as maps:
        assert (maps.transform, maps.crs, maps.shape) == wanted
        layers = maps.read()
    assert layers.sum(axis=0) == pytest.approx(1, abs=2e-3)
    table = pd.read_csv(project.folder / FOLDER / f"abundances_{kind}.csv")
    assert len(table) == 20 * 28
    x, y = rasterio.transform.xy(wanted[0], 0, 0)
    assert (table["x"][0], table["y"][0]) == pytest.approx((x, y))


def test_the_run_is_chosen_without_labels_and_said_so(project):
    record = json.loads(project.text(f"{FOLDER}/maps.json"))
    assert "smallest reconstruction angle" in record["chosen_by"]
    assert record["run"].startswith("baseline/described/flight7/standard/")
    rows = pd.read_parquet(project.folder / "results/demo/runs/baseline-described-flight7.parquet")
    usable = rows[rows["status"] == "ok"] if (rows["status"] == "ok").any() else rows
    assert record["reconstruction_angle_rad"] == pytest.approx(usable["reconstruction_angle_rad"].min())
    spectra = pd.read_csv(project.folder / FOLDER / "endmembers.csv")
    assert spectra["wavelength_nm"].to_numpy() == pytest.approx(MADE.wavelengths)


def test_what_cannot_be_had_is_a_dash_with_its_reason(project):
    table = pd.read_csv(project.folder / "results/demo/tables/table3.csv").set_index("scene")
    row = table.loc["flight7"]
    assert row["kind"] == "own"
    assert pd.isna(row["sad_mean"])
    assert row["reason"] == "SAD cannot be had: the scene has no reference endmembers"
    assert 0 < row["reconstruction_angle"] < 1.6
    assert "usually above the number of materials" in project.text("results/demo/tables/table3.md")


def test_scenes_that_are_not_at_hand_keep_their_rows(project):
    for scene in ("urban4", "cuprite"):
        assert f"scene {scene} is skipped:" in project.output
    table = pd.read_csv(project.folder / "results/demo/tables/table1.csv").set_index("scene")
    assert table.loc["urban4", "paper_bands"] == 162
    assert table.loc["cuprite", "paper_endmembers"] == 12
    for scene in ("urban4", "cuprite"):
        assert pd.isna(table.loc[scene, "bands"])
        assert "UNMIXING_SCENES is not set" in table.loc[scene, "reason"]
        assert table.loc[scene, "tested"] == "not testable here"
    assert table.loc["flight7", "bands"] == 40
    assert (project.folder / "results/demo/figures/scene_page_flight7.png").stat().st_size > 1000


def test_missing_scenes_can_stop_the_study_with_one_line_each(project):
    project.configure(missing="fail")
    output = project.run("table1", fails=True)
    lines = [line for line in output.splitlines() if line]
    assert len(lines) == 2
    assert "scene urban4 is missing: Urban4.mat: " in lines[0]
    assert "scene cuprite is missing: Cuprite_fixed.mat: " in lines[1]
