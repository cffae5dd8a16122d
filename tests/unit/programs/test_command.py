import json

import pytest

from unmixing import __version__
from unmixing.programs.command import PROGRAMS, main


def test_without_words_it_says_what_there_is(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 0
    listing = capsys.readouterr().out
    assert all(name in listing for name in PROGRAMS)


def test_an_unknown_program_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["trian"])
    assert end.value.code == 2
    assert "invalid choice: 'trian'" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"unmixing {__version__}\n"


def test_a_fault_of_the_user_s_is_one_line_and_status_1(tmp_path, capsys):
    status = main(["study", "--study", str(tmp_path / "none.yaml")])
    captured = capsys.readouterr()
    assert status == 1
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("unmixing study: ")


def test_a_study_needs_its_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["study"]) == 1
    assert "holds no Snakefile: start the study in the project's folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_schema_is_printed(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["baseline"]


def test_a_scene_is_made_and_named(tmp_path, capsys):
    path = tmp_path / "deep" / "synthetic_easy.nc"
    assert main(["scene", "synthetic_easy", "--output", str(path)]) == 0
    assert capsys.readouterr().out == "scene synthetic_easy (synthetic): 40 x 40 pixels, 60 bands\n"
    assert path.exists()


def test_a_file_of_another_scene_is_refused(tmp_path, scenes_folder, capsys):
    source = scenes_folder / "Samson.mat"
    assert main(["scene", "jasper_ridge", "--source", str(source), "--output", str(tmp_path / "x.nc")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{broken", "[1, 2"])
def test_broken_json_is_one_line(tmp_path, capsys, text):
    assert main(["describe", "--study", text, "--output", str(tmp_path / "x.json")]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("unmixing describe: ")
    assert len(captured.err.splitlines()) == 1


def test_a_missing_input_is_one_line(tmp_path, capsys):
    words = ["--study", str(tmp_path / "none.json"), "--output", str(tmp_path / "table3.html")]
    assert main(["table", "table3", *words]) == 1
    captured = capsys.readouterr()
    assert "none.json is missing: run the study to make it" in captured.err
    assert len(captured.err.splitlines()) == 1


def test_training_without_a_scene_is_one_line(tmp_path, capsys):
    words = [
        "--job",
        '{"shared": {"device": "cpu"}, "cells": [{}]}',
        "--scene",
        "none.nc",
        "--store",
        str(tmp_path / "store"),
    ]
    words += ["--manifest", str(tmp_path / "m.json"), "--log", str(tmp_path / "log")]
    assert main(["train", *words]) == 1
    assert capsys.readouterr().err.startswith("unmixing train: ")
    assert list(tmp_path.iterdir()) == []
