"""Explanations add up, the audit log tells runs apart, cards count what is there."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from unmixing.programs.command import main
from unmixing.semantic.anchors import load_default_anchors
from unmixing.semantic.energy import Spent
from unmixing.semantic.explanations import choose_pixels, explain_pixels
from unmixing.semantic.governance import (
    AUDIT_LOG,
    FILES,
    append_record,
    audit_record,
    model_status,
    prompts_card,
    regions,
)
from unmixing.semantic.model import load_default_model
from unmixing.semantic.ontology import load_ontology
from unmixing.semantic.properties import EASY_PROMPTS, easy_scene
from unmixing.semantic.questions import ask_model
from unmixing.semantic.scene_unmixing import prepare, unmix_pixels


def read_records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def model():
    return load_default_model()


@pytest.fixture(scope="module")
def scene():
    return easy_scene()


@pytest.fixture(scope="module")
def spectra(scene):
    pixels = scene["cube"].to_numpy()[::13, ::13].reshape(-1, scene.sizes["band"]).copy()
    pixels[0, 5:9] = np.nan
    return pixels


def prepared_for(model, scene, prompts=EASY_PROMPTS):
    return prepare(model, ask_model(model, prompts), scene["wavelength"].to_numpy())


@pytest.mark.parametrize("prior", ["tilt", "divergence", "none"])
@pytest.mark.parametrize("brightness", ["solved", "fixed", "shade"])
def test_contributions_and_residual_add_up_to_the_pixel(model, scene, spectra, prior, brightness):
    prepared = prepared_for(model, scene)
    told = explain_pixels(model, prepared, spectra, prior=prior, brightness=brightness)
    assert len(told) == len(spectra)
    for record, pixel in zip(told, spectra, strict=True):
        bands = record["bands"]
        used = np.array(bands["used"])
        fitted = np.sum([bands["contributions"][prompt] for prompt in EASY_PROMPTS], axis=0)
        np.testing.assert_allclose(fitted[used] + np.array(bands["residual"])[used], pixel[used], atol=1e-5)
        if brightness != "shade":
            cosine = fitted[used] @ pixel[used] / np.linalg.norm(fitted[used]) / np.linalg.norm(pixel[used])
            assert np.arccos(min(cosine, 1.0)) == pytest.approx(record["residual_rad"], abs=2e-3)
    assert not any(told[0]["bands"]["used"][5:9])


def test_without_a_prior_language_moves_nothing_and_with_one_it_does(model, scene, spectra):
    prepared = prepared_for(model, scene)

    def moved(prior):
        told = explain_pixels(model, prepared, spectra, prior=prior)
        return [abs(one["abundance"] - one["abundance_without_prior"]) for record in told for one in record["prompts"]]

    assert max(moved("none")) == 0
    assert max(moved("tilt")) > 1e-3


def test_explanations_tell_what_unmixing_gave(model, scene, spectra):
    prepared = prepared_for(model, scene)
    told, found = explain_pixels(model, prepared, spectra), unmix_pixels(model, prepared, spectra)
    for row, record in enumerate(told):
        shares = [one["abundance"] for one in record["prompts"]]
        np.testing.assert_allclose(shares, found.abundances[row], atol=1e-12)
        assert np.mean([one["weight"] for one in record["prompts"]]) == pytest.approx(1, abs=1e-5)
        assert sum(one["assignment"] for one in record["prompts"]) == pytest.approx(1, abs=1e-5)
        assert record["abstain"] == bool(record["abstain_because"]) == bool(found.abstain[row])
    assert json.loads(json.dumps(told)) == told, "plain values alone"


def test_prompts_that_are_one_share_their_contribution(model, scene, spectra):
    told = explain_pixels(model, prepared_for(model, scene, ("bare soil", "soil", "green vegetation")), spectra[1:2])[0]
    first, second, _ = told["prompts"]
    assert first["abundance"] == second["abundance"]
    assert told["bands"]["contributions"]["bare soil"] == told["bands"]["contributions"]["soil"]


def test_the_worst_and_a_doubtful_pixel_are_among_those_explained():
    seen = np.ones((4, 5), bool)
    seen[0, 0] = False
    residual = np.full((4, 5), 0.1)
    residual[2, 3], residual[0, 0] = 0.9, 5.0
    abstain = np.zeros((4, 5), bool)
    abstain[1, 4] = True
    chosen = choose_pixels(seen, residual, abstain, 5, np.random.default_rng(0))
    assert chosen[0] == (2, 3, "largest residual")
    assert chosen[1] == (1, 4, "the model abstains")
    assert len({place[:2] for place in chosen}) == 5
    assert (0, 0) not in {place[:2] for place in chosen}
    assert len(choose_pixels(seen, residual, abstain, 100, np.random.default_rng(0))) == 19


def record_of(model, **changes):
    given = {"command": "unmix", "configuration": {"prior": "tilt"}, "inputs": {"a.nc": "0" * 64}, "seed": 1}
    return audit_record(
        **{**given, **changes},
        asked=ask_model(model, ["water", "red metal"]),
        store=load_default_anchors("minilm"),
        model=model,
        model_sha256="1" * 64,
        spent=Spent(1.0, 2.0, 20.0, "estimated: 10 W for a busy core"),
    )


def test_a_record_says_what_decided_the_numbers(model):
    record = record_of(model)
    assert record["prompts"][0]["sha256"] == hashlib.sha256(b"water").hexdigest()
    assert record["prompts"][1]["endmember_of"] == "metal"
    assert record["notes"] == ["'red metal' has no spectrum: that of 'metal'"]
    assert record["configuration_sha256"] != record_of(model, configuration={"prior": "none"})["configuration_sha256"]
    assert record["configuration_sha256"] == record_of(model)["configuration_sha256"]
    assert record["run"] != record_of(model)["run"], "the same work done twice is two runs"
    assert {"commit", "versions", "device", "threads", "energy_source", "seed", "wall_s"} <= set(record)


def test_the_log_is_only_ever_appended_to(model, tmp_path):
    path = tmp_path / "deep" / AUDIT_LOG
    runs = []
    for seed in range(3):
        record = record_of(model, seed=seed)
        append_record(path, record)
        runs.append(record["run"])
    assert [record["run"] for record in read_records(path)] == runs


def test_regions_are_counted_by_latitude_and_unknown_places_are_unknown():
    records = pd.DataFrame({"kind": ["soil"] * 5 + ["roof"], "latitude": [10.0, -23.5, 60.0, -40.0, np.nan, 30.0]})
    found = regions(records)
    assert found["soil"] == {
        "tropics, up to 23.5 degrees": 2,
        "north, 23.5 to 45 degrees": 0,
        "north of 45 degrees": 1,
        "south of 23.5 degrees": 1,
        "unknown": 1,
    }
    assert found["roof"]["north, 23.5 to 45 degrees"] == 1


def test_statuses_say_how_a_prompt_would_be_taken(model):
    from unmixing.semantic.prompts import study_ontology

    ontology = study_ontology()
    assert model_status(model, ontology, "coral_reef") == "refused"
    assert model_status(model, ontology, "red_metal") == "stands below: metal"
    assert model_status(model, ontology, "bare_soil") == "trained"


def test_one_changed_wording_changes_the_hash_of_the_prompts(tmp_path):
    extra = tmp_path / "own.yaml"
    extra.write_text("bare_soil:\n  aliases:\n    de: [Ackerkrume]\n")
    store = load_default_anchors("minilm")
    before, after = prompts_card(load_ontology(), store), prompts_card(load_ontology(extra), store)
    assert before["sha256"] != after["sha256"]
    changed = [name for name in before["concepts"] if before["concepts"][name] != after["concepts"][name]]
    assert changed == ["bare_soil"]


def test_the_command_writes_the_folder_and_appends_to_the_log(tmp_path, capsys):
    folder = tmp_path / "governance"
    words = ["governance", "--scene", "synthetic_easy", "-o", str(folder), "--pixels", "3", "--seed", "5"]
    assert main(words) == 0
    assert main([*words, "--prior", "none"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    first, second = read_records(folder / AUDIT_LOG)
    assert first["inputs_sha256"] == second["inputs_sha256"] != {}
    assert first["configuration_sha256"] != second["configuration_sha256"]
    for name, digest in second["outputs_sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    told = read_records(folder / "explanations.jsonl")
    assert len(told) == 3
    assert told[0]["chosen_because"] == "largest residual"
    listed = pd.read_csv(folder / "coverage.csv").set_index("concept")
    assert listed.loc["coral_reef", "status"] == "refused"
    assert "'coral reef' is refused" in listed.loc["coral_reef", "told"]
    assert listed.loc["bare_soil", "spectra"] > 4000
    card = json.loads((folder / "data_card.json").read_text())
    assert 0.2 < card["share_simulated"] < 0.35
    assert card["share_simulated_by_kind"]["vegetation"] == 1.0
    assert {source["source"]: source["licence"] for source in card["sources"]}["earthlib"] == "MIT"
    assert card["shipped_model"]["scenes_seen_in_training"] == []
    assert "File SHA-256" in (folder / "model_card.md").read_text()
    assert "2 concepts" not in capsys.readouterr().err


def test_a_scene_without_fixed_prompts_needs_some(tmp_path, capsys, scene):
    from unmixing.scenes.dataset import seal, write_scene

    other = scene.copy()
    other.attrs = {**scene.attrs, "id": "elsewhere"}
    write_scene(seal(other), tmp_path / "elsewhere.nc")
    words = ["governance", "--scene", str(tmp_path / "elsewhere.nc"), "-o", str(tmp_path / "out")]
    assert main(words) == 1
    assert "has no fixed prompts" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unmixing_leaves_an_audit_record_beside_its_maps(tmp_path):
    folder = tmp_path / "maps"
    words = ["unmix", "synthetic_easy", "bare soil", "water", "-o", str(folder), "--prior", "divergence"]
    assert main(words) == 0
    (record,) = read_records(folder / AUDIT_LOG)
    assert record["command"] == "unmix"
    assert record["configuration"]["prior"] == "divergence"
    assert [one["concept"] for one in record["prompts"]] == ["bare_soil", "water"]
    for name, digest in record["outputs_sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert set(record["inputs_sha256"]) == {"synthetic_easy"}
