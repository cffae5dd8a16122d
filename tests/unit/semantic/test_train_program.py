"""`unmixing semantic_train`: a model of one's own anchors, and refusals of one line."""

import pytest
import yaml

from unmixing.programs.command import main
from unmixing.semantic.anchors import read_anchors
from unmixing.semantic.model import read_model
from unmixing.semantic.questions import ask_model

RECIPE = {"size": "tiny", "steps": 2, "batch": 16, "library_usgs": False, "modelled_water": 8}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return path


def test_a_model_of_given_anchors_says_so_and_answers_with_them_alone(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("unmixing.semantic.trained_models._CALIBRATION_BATCHES", 1)
    anchors, output = tmp_path / "hash.parquet", tmp_path / "own.safetensors"
    assert main(["anchors", "hash:384", "-o", str(anchors)]) == 0
    assert main(["semantic_train", str(recipe), "-o", str(output), "--anchors", str(anchors)]) == 0
    model, store = read_model(output), read_anchors(anchors)
    assert model.facts.text_sha256 == store.weights_sha256
    assert yaml.safe_load(output.with_suffix(".yaml").read_text())["anchors"] == store.encoder
    card = output.with_suffix(".md").read_text()
    assert store.label in card
    assert "MiniLM" not in card.split("## Use and limits")[0]
    assert len(ask_model(model, ["water", "bare soil"], anchors=store).owner.unique()) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "own.npz"], "choose that ending"),
        (["-o", "own.safetensors", "--anchors", "none.parquet"], "none.parquet"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(recipe, words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["semantic_train", str(recipe), *words]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]
