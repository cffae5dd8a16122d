"""`unmixing check`, `unmixing fetch`, `unmixing scene`: what they print and how they end."""

import numpy as np
import pytest

from makers.scenes import UTM_FIELDS, make_scene, variables_of, write_envi, write_matlab5
from unmixing.programs.command import main
from unmixing.scenes import fetch, open_scene
from unmixing.scenes.registry import load_registry

MADE = make_scene(20, 28)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No folder of scenes, an empty cache."""
    monkeypatch.delenv("UNMIXING_SCENES", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "unmixing" / "scenes"


@pytest.fixture
def header(tmp_path):
    return str(write_envi(tmp_path / "flight7", MADE.cube.astype("f4"), MADE.wavelengths, fields=UTM_FIELDS))


def test_check_prints_every_check_and_a_verdict(header, capsys):
    assert main(["check", header, "--endmembers", "3", "--bad-bands", "1,2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "passed    size: 20 x 28 x 40 (allowed: any); rows x columns x bands" in lines
    assert any(line.startswith("passed    bad bands: 2 of 40 bands removed") for line in lines)
    assert lines[-2] == (
        "flight7 (own): 20 x 28 pixels, georeferenced, 38 bands, 431 to 1000 nm (measured), "
        "3 endmembers to look for, no references"
    )
    assert lines[-1].startswith("verdict: usable, ")


def test_check_counts_endmembers_with_a_warning_where_none_is_stated(header, capsys):
    assert main(["check", header]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("warning   number of endmembers: ") for line in lines)
    assert "1 with a warning" in lines[-1]


def test_check_of_an_embedded_scene(capsys):
    assert main(["check", "synthetic_easy"]) == 0
    assert "synthetic_easy (synthetic): 40 x 40 pixels, 60 bands, " in capsys.readouterr().out


def test_check_of_a_registered_file_needs_no_options(scenes_folder, capsys):
    assert main(["check", str(scenes_folder / "Samson.mat")]) == 0
    output = capsys.readouterr().out
    assert "orientation: 0.040 rad" in output
    assert "samson (real): 95 x 95 pixels, 156 bands, 401 to 889 nm (nominal), 3 references" in output


def test_check_of_plain_arrays_with_options(tmp_path, capsys):
    np.save(tmp_path / "plain.npy", MADE.cube)
    words = ["check", str(tmp_path / "plain.npy"), "--endmembers", "3", "--wavelengths"]
    assert main([*words, "linear 400 1000 40"]) == 0
    assert main([*words, ",".join(f"{wave:.3f}" for wave in MADE.wavelengths)]) == 0
    assert capsys.readouterr().out.count("verdict: usable") == 2


def test_check_of_matlab_with_its_own_references(tmp_path, capsys):
    path = write_matlab5(tmp_path / "made.mat", variables_of(MADE))
    words = ["--wavelengths", "linear 400 1000 40", "--names", "Soil,Tree,Water", "--endmembers", "3"]
    assert main(["check", str(path), *words]) == 0
    output = capsys.readouterr().out
    assert "orientation: " in output
    assert "3 references" in output


def test_check_of_a_scene_with_class_labels(header, tmp_path, capsys):
    np.save(tmp_path / "labels.npy", MADE.abundances.argmax(axis=-1) + 1)
    words = ["--labels", str(tmp_path / "labels.npy"), "--label-block", "2", "--label-names", "Soil, Tree, Water"]
    assert main(["check", header, *words, "--prompts", "Soil: bare soil, Tree: tree, Water: water"]) == 0
    output = capsys.readouterr().out
    assert "label orientation: " in output
    assert "10 x 14 pixels, " in output
    assert "3 endmembers to look for" in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.hdr"], "nowhere.hdr: no such file, and no scene of the registry: samson, "),
        (["samson"], "scene samson is missing: Samson.mat: UNMIXING_SCENES is not set"),
        (["samson", "--rows", "3"], "scene samson is registered: leave out --rows"),
        (["HEADER", "--endmembers", "many"], "--endmembers 'many': give a number, or auto"),
        (["HEADER", "--bad-bands", "1,x"], "--bad-bands '1,x': give numbers with commas"),
        (["HEADER", "--wavelengths", "hydice_210"], "210 wavelengths for 40 bands"),
    ],
)
def test_refusals_are_one_line_with_status_1(bare, header, words, message, capsys):
    assert main(["check", *[header if word == "HEADER" else word for word in words]]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("unmixing check: ")
    assert message in errors[0]


def test_fetch_downloads_what_has_an_address_and_says_of_the_rest(bare, monkeypatch, capsys):
    asked = []

    def download(entry, cache):
        asked.append(entry.id)
        return cache / entry.files[0].path

    monkeypatch.setattr(fetch, "fetch_scene", download)
    assert main(["fetch"]) == 0
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert list(lines) == list(load_registry())
    assert lines["samson"] == f"downloaded to {bare / 'Samson.mat'}"
    assert lines["synthetic_easy"] == "made by the study itself"
    assert lines["urban4_crop"] == (
        "no public address is known: put urban/urban_crop80x100_end4.npz into a folder, and set UNMIXING_SCENES to it"
    )
    assert "urban4_crop" not in asked


def test_fetch_ends_with_1_where_a_scene_asked_for_cannot_be_had(bare, capsys):
    assert main(["fetch", "urban4_crop"]) == 1
    assert main(["fetch", "samsom"]) == 1
    assert "scene 'samsom' is not in the registry" in capsys.readouterr().err


def test_fetch_leaves_files_that_are_at_hand(scenes_folder, capsys):
    assert main(["fetch", "samson"]) == 0
    assert capsys.readouterr().out.startswith("samson: at hand: ")


def test_scene_writes_registered_files_only_under_their_own_name(scenes_folder, tmp_path, capsys):
    output = tmp_path / "scene.nc"
    words = ["--source", str(scenes_folder / "Samson.mat"), "--output", str(output)]
    assert main(["scene", "jasper_ridge", *words]) == 1
    assert "not the file of Jasper Ridge (it is Samson)" in capsys.readouterr().err
    assert not output.exists()
    assert main(["scene", "samson", *words]) == 0
    assert open_scene(output).attrs["id"] == "samson"
