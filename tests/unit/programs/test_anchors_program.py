"""`unmixing anchors`: stores that are what they say, and refusals of one line."""

import numpy as np
import pytest

from unmixing.programs.command import main
from unmixing.semantic.anchors import concept_anchors, default_rows, load_default_anchors, prompts_sha256, read_anchors
from unmixing.semantic.prompts import study_ontology


def test_a_store_of_all_names_equals_the_shipped_one(tmp_path, capsys):
    path = tmp_path / "ngrams.parquet"
    assert main(["anchors", "ngrams", "-o", str(path)]) == 0
    made, shipped = read_anchors(path, ontology=study_ontology()), load_default_anchors("ngrams")
    assert made.prompts_sha256 == shipped.prompts_sha256 == prompts_sha256(default_rows())
    assert made.weights_sha256 == shipped.weights_sha256
    np.testing.assert_array_equal(made.vectors, shipped.vectors)
    assert capsys.readouterr().out.startswith(f"character n-grams (spelling only): {len(shipped.rows)} texts, 4096")
    assert main(["anchors", "ngrams", "--check", str(path)]) == 0
    assert "still gives their vectors" in capsys.readouterr().out


def test_given_prompts_are_stored_with_all_their_wordings_and_what_is_above_them(tmp_path):
    names, path = tmp_path / "names.txt", tmp_path / "few.parquet"
    names.write_text("pine tree  # the commonest\nWasser\n")
    assert main(["anchors", "hash:64", "-o", str(path), "--prompts", str(names)]) == 0
    store = read_anchors(path)
    assert {"pine", "tree", "vegetation", "water"} & set(store.rows["concept"]) >= {"water"}
    assert "coral_reef" not in set(store.rows["concept"])
    assert concept_anchors(store, ["water"]).shape == (1, 64)


def test_a_store_can_be_made_to_the_length_of_a_model(tmp_path, capsys):
    path = tmp_path / "short.parquet"
    assert main(["anchors", "random:128", "-o", str(path), "--dimension", "16"]) == 0
    assert read_anchors(path).dimension == 16
    assert "of their sum of squares kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["minilm"], "give -o FILE or --check FILE"),
        (["clip", "-o", "a.parquet"], "text encoder 'clip' is unknown"),
        (["hash", "-o", "a.npz"], "choose that ending"),
        (["hash", "-o", "a.parquet", "--templates", "poem"], "choose from bare"),
        (["openclip:NoSuchModel:none.pt", "-o", "a.parquet"], "NoSuchModel"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["anchors", *words]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_encoder_is_told_apart(tmp_path, capsys):
    path = tmp_path / "hash.parquet"
    assert main(["anchors", "hash:64", "-o", str(path)]) == 0
    assert main(["anchors", "random:64", "--check", str(path)]) == 1
    assert "give the same one" in capsys.readouterr().err
