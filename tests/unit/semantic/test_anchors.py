import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.anchors import (
    ANCHORS_FOLDER,
    build_anchors,
    check_anchors,
    concept_anchors,
    default_rows,
    load_default_anchors,
    merge_anchors,
    prompt_anchors,
    prompts_sha256,
    random_anchors,
    read_anchors,
    reduced_anchors,
    text_anchors,
    wording_vectors,
    write_anchors,
)
from unmixing.semantic.ontology import build_ontology, load_ontology
from unmixing.semantic.prompts import load_scene_prompts, study_ontology
from unmixing.semantic.text import ngram_encoder, random_encoder, word_encoder
from unmixing.store import read_parquet, write_parquet

SCENE = ["asphalt road", "green vegetation", "bare soil", "water", "roof"]


def refusal(function, *arguments, **options):
    with pytest.raises(UnmixingError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def ontology():
    return study_ontology()


@pytest.fixture(scope="module")
def few(ontology):
    """A handful of concepts, to build stores of quickly."""
    chosen = ["bare_soil", "water", "asphalt_road", "roof", "coral_reef", "solar_panel", "kaolinite"]
    return build_ontology(
        [
            type(concept)(**{**vars(concept), "parent": ""})
            for concept in (ontology.concepts[identifier] for identifier in chosen)
        ]
    )


@pytest.fixture(scope="module")
def store(few):
    return build_anchors(ngram_encoder(256), few)


def test_shipped_anchors_hold_all_default_prompts_and_are_small(ontology):
    for family in ("minilm", "ngrams"):
        shipped = load_default_anchors(family)
        anchors = prompt_anchors(["asphalt road", "green vegetation", "bare soil"], shipped, ontology)
        np.testing.assert_allclose(np.linalg.norm(anchors.vectors, axis=1), 1, rtol=1e-6)
        assert anchors.concepts == ("asphalt_road", "green_vegetation", "bare_soil")
        concept_anchors(shipped, list(ontology.concepts))
        for prompts in load_scene_prompts(ontology).values():
            prompt_anchors([prompt.prompt for prompt in prompts], shipped, ontology)
    assert sum(path.stat().st_size for path in ANCHORS_FOLDER.iterdir()) < 1.5e6


def test_shipped_anchors_are_those_of_the_present_ontology_and_names():
    # Where this fails, names were edited: build the stores again with write_default_anchors().
    for family in ("minilm", "ngrams"):
        assert load_default_anchors(family).prompts_sha256 == prompts_sha256(default_rows())


def test_shipped_anchors_say_what_made_them_and_none_is_called_clip():
    assert load_default_anchors("minilm").label == "MiniLM-L6 (language only, not CLIP)"
    assert "spelling only" in load_default_anchors("ngrams").label
    assert load_default_anchors("minilm").dimension == 384
    message = refusal(load_default_anchors, "clip")
    assert "minilm" in message
    assert "ngrams" in message


def test_shipped_ngrams_are_what_the_encoder_gives_today():
    check_anchors(load_default_anchors("ngrams"), ngram_encoder(), count=64)


def test_shipped_minilm_vectors_know_some_meaning_that_spelling_does_not(ontology):
    # Held-out wordings that lie nearest to the prompt of their own concept: .63 and .37 when the stores were built.
    hits = {}
    for family in ("minilm", "ngrams"):
        shipped = load_default_anchors(family)
        concepts = [name for name in load_ontology().concepts if len(wording_vectors(shipped, name, ["held_out"]))]
        prompts = np.concatenate([wording_vectors(shipped, name, ["prompt"]) for name in concepts])
        nearest = [np.argmax(wording_vectors(shipped, name, ["held_out"]) @ prompts.T, axis=1) for name in concepts]
        hits[family] = np.mean(np.concatenate([found == index for index, found in enumerate(nearest)]))
    assert hits["minilm"] > hits["ngrams"] + 0.1


def test_names_of_library_materials_can_be_held_out_without_an_encoder():
    shipped = load_default_anchors("minilm")
    vectors = text_anchors(shipped, ["kaolinite", "Fresh-Basalt", "nylon carpet"])
    assert vectors.shape == (3, 384)
    assert (shipped.rows.loc[shipped.rows["text"] == "fresh basalt", "concept"] == "").all()
    assert "hold no text 'unobtainium'" in refusal(text_anchors, shipped, ["unobtainium"])


def test_reading_and_using_anchors_imports_no_heavy_package():
    program = (
        "import sys\n"
        "from unmixing.semantic.anchors import load_default_anchors, prompt_anchors, merge_anchors\n"
        "from unmixing.semantic.prompts import study_ontology\n"
        "found = prompt_anchors(['tarmac', 'lake'], load_default_anchors(), study_ontology())\n"
        "assert merge_anchors(found.vectors).vectors.shape == (2, 384)\n"
        "print([name for name in ('torch', 'open_clip', 'transformers', 'tokenizers') if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_store_comes_back_as_it_was_written(store, few, tmp_path):
    write_anchors(store, tmp_path / "a.parquet")
    back = read_anchors(tmp_path / "a.parquet", ontology=few)
    pd.testing.assert_frame_equal(back.rows, store.rows)
    np.testing.assert_allclose(back.vectors, store.vectors, atol=2e-4)
    for field in ("encoder", "family", "note", "weights_sha256", "templates", "prompts_sha256", "label"):
        assert getattr(back, field) == getattr(store, field)
    write_anchors(store, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_anchors_are_refused_when_a_wording_changed_but_not_when_names_were_added(store, few, tmp_path):
    path = tmp_path / "anchors.parquet"
    write_anchors(store, path)
    soil = few.concepts["bare_soil"]
    others = [concept for concept in few.concepts.values() if concept.id != "bare_soil"]
    added = type(soil)(**{**vars(soil), "paraphrases": (*soil.paraphrases, "ploughland")})
    read_anchors(path, ontology=build_ontology([*others, added]))
    read_anchors(path, ontology=build_ontology(others))
    changed = type(soil)(**{**vars(soil), "paraphrases": soil.paraphrases[1:]})
    message = refusal(read_anchors, path, ontology=build_ontology([*others, changed]))
    assert "'soil' as paraphrase of 'bare_soil'" in message


def test_a_store_that_was_tampered_with_is_refused(store, tmp_path):
    path = tmp_path / "anchors.parquet"
    write_anchors(store, path)
    frame, about = read_parquet(path)
    moved = frame.assign(vector=[np.roll(vector, 1) for vector in frame["vector"]])
    renamed = frame.assign(concept=list(reversed(frame["concept"])))
    faults = [(moved, about), (renamed, about), (frame, {**about, "templates": ["a photo of {}"]})]
    for table, claims in faults:
        write_parquet(table, path, claims)
        assert "not what their hashes say" in refusal(read_anchors, path)
    write_parquet(frame, path, {**about, "anchors": 0})
    assert "not of version" in refusal(read_anchors, path)
    path.write_bytes(path.read_bytes()[:100])
    assert "damaged" in refusal(read_anchors, path)
    assert "missing" in refusal(read_anchors, tmp_path / "none.parquet")


def test_an_anchor_is_the_mean_of_prompt_and_paraphrases_and_of_nothing_held_out(store, few):
    soil = few.concepts["bare_soil"]
    own = ngram_encoder(256).encode([soil.prompt, *soil.paraphrases])
    expected = own.sum(axis=0) / np.linalg.norm(own.sum(axis=0))
    np.testing.assert_allclose(concept_anchors(store, ["bare_soil"])[0], expected, atol=1e-6)
    assert len(wording_vectors(store, "bare_soil", ["held_out"])) == len(soil.held_out)
    assert "no concept 'snow'" in refusal(concept_anchors, store, ["snow"])


def test_all_names_of_a_concept_in_any_language_have_its_one_anchor(ontology):
    shipped = load_default_anchors()
    found = prompt_anchors(["asphalt road", "Tarmac", "Straße", "asfalto", "route", "asfalt"], shipped, ontology)
    assert set(found.concepts) == {"asphalt_road"}
    assert (found.vectors == found.vectors[0]).all()


def test_an_unknown_prompt_is_refused_with_the_nearest_names(ontology):
    shipped = load_default_anchors()
    message = refusal(prompt_anchors, ["water", "concrete highway"], shipped, ontology)
    assert "'concrete highway' names no known concept" in message
    assert "'concrete'" in message
    assert "names no known concept" in refusal(prompt_anchors, ["submerged aquatic vegetation"], shipped, ontology)
    assert "at least one name" in refusal(prompt_anchors, [], shipped, ontology)
    assert "at least one name" in refusal(prompt_anchors, "water", shipped, ontology)


def test_permuting_prompts_permutes_the_anchors_and_nothing_else(ontology):
    shipped = load_default_anchors()
    straight = prompt_anchors(SCENE, shipped, ontology)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(SCENE))
        moved = prompt_anchors([SCENE[index] for index in order], shipped, ontology)
        np.testing.assert_array_equal(moved.vectors, straight.vectors[order])
        assert moved.concepts == tuple(straight.concepts[index] for index in order)


def test_what_a_store_lacks_is_encoded_only_by_its_own_encoder(store, ontology):
    encoder = ngram_encoder(256)
    assert "no concept 'snow'" in refusal(prompt_anchors, ["snow"], store, ontology)
    found = prompt_anchors(["snow", "concrete highway", "tarmac"], store, ontology, encoder)
    assert found.concepts == ("snow", "", "asphalt_road")
    np.testing.assert_array_equal(found.vectors[1], encoder.encode(["concrete highway"])[0])
    np.testing.assert_array_equal(found.vectors[2], concept_anchors(store, ["asphalt_road"])[0])
    snow = ontology.concepts["snow"]
    whole = build_anchors(encoder, build_ontology([type(snow)(**{**vars(snow), "parent": ""})]))
    np.testing.assert_allclose(found.vectors[0], concept_anchors(whole, ["snow"])[0], atol=1e-6)
    assert "give the same one" in refusal(prompt_anchors, ["snow"], store, ontology, ngram_encoder(512))


def test_a_store_whose_encoder_changed_is_found_out(store):
    check_anchors(store, ngram_encoder(256))
    assert "give the same one" in refusal(check_anchors, store, word_encoder(256))
    other = random_encoder(256)
    impostor = type(other)(**{**vars(other), "weights_sha256": store.weights_sha256})
    assert "another vector" in refusal(check_anchors, store, impostor)


def test_nearly_equal_anchors_are_merged_and_share_equally():
    rng = np.random.default_rng(0)
    base = np.linalg.qr(rng.normal(size=(20, 3)))[0].T
    near = base[1] + 0.02 * base[2]  # cosine .9998
    apart = base[1] + 0.1 * base[2]  # cosine .995
    vectors = np.stack([base[0], base[1], apart, near, base[0]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    merged = merge_anchors(vectors)
    assert merged.groups.tolist() == [0, 1, 2, 1, 0]
    assert merged.doubles(["road", "tree", "leaf", "trees", "street"]) == (("road", "street"), ("tree", "trees"))
    shares = merged.share(np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]]))
    np.testing.assert_allclose(shares, [[0.25, 0.15, 0.2, 0.15, 0.25], [0, 0.5, 0, 0.5, 0]])
    np.testing.assert_allclose(merged.vectors[0], base[0], atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(merged.vectors, axis=1), 1, rtol=1e-6)


def test_anchors_linked_by_a_chain_are_one():
    angles = np.radians([0, 2, 4, 10])  # neighbours of the first three at cosine .9994, its ends at .9976
    merged = merge_anchors(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert merged.groups.tolist() == [0, 0, 0, 1]


def test_merging_is_equivariant_bit_for_bit():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(4, 32))
    vectors = np.concatenate([base, base + 1e-3 * rng.normal(size=base.shape), base[:2] * (1 + 1e-9)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    straight = merge_anchors(vectors)
    assert len(straight.vectors) == 4
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(vectors))
        moved = merge_anchors(vectors[order])
        np.testing.assert_array_equal(moved.vectors[moved.groups], straight.vectors[straight.groups][order])
        assert (np.diff(moved.groups[np.unique(moved.groups, return_index=True)[1]]) == 1).all()


def test_distinct_concepts_of_the_shipped_stores_are_not_merged(ontology):
    for family in ("minilm", "ngrams"):
        merged = merge_anchors(concept_anchors(load_default_anchors(family), list(ontology.concepts)))
        assert merged.doubles(list(ontology.concepts)) == ()


def test_random_anchors_are_one_direction_for_each_concept(store):
    control = random_anchors(store, 512)
    for concept in ("bare_soil", "water"):
        vectors = wording_vectors(control, concept, ["prompt", "paraphrase", "held_out", "alias"])
        assert (vectors == vectors[0]).all()
    anchors = concept_anchors(control, ["bare_soil", "water", "roof"])
    assert np.abs(np.triu(anchors @ anchors.T, 1)).max() < 0.2
    assert control.label == "random directions (no meaning), one per concept"
    assert not np.allclose(concept_anchors(random_anchors(store, 512, seed=1), ["roof"]), anchors[2])


def test_reduced_anchors_keep_all_angles_where_there_is_room_for_them(store):
    concepts = ["bare_soil", "water"]
    rows = store.rows["concept"].isin(concepts).to_numpy()
    reduced, share = reduced_anchors(store, 100, concepts)
    assert share == pytest.approx(1)
    np.testing.assert_allclose(
        reduced.vectors[rows] @ reduced.vectors[rows].T, store.vectors[rows] @ store.vectors[rows].T, atol=1e-5
    )
    small, part = reduced_anchors(store, 8)
    assert (small.dimension, part < 1) == (8, True)
    assert small.weights_sha256 != store.weights_sha256
    assert "choose between 1 and 256" in refusal(reduced_anchors, store, 257)
    assert "choose between" in refusal(reduced_anchors, store, 8, ["snow"])
