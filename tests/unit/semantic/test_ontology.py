import pytest

from unmixing.errors import UnmixingError
from unmixing.semantic.ontology import (
    LANGUAGES,
    Concept,
    ancestors,
    build_ontology,
    load_ontology,
    members,
    normalise,
    resolve,
    retrieve,
    strings,
    with_names,
)


@pytest.fixture(scope="module")
def ontology():
    return load_ontology()


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def refusal(function, *arguments):
    with pytest.raises(UnmixingError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_all_that_a_concept_is_called_leads_back_to_it(ontology):
    for concept in ontology.concepts.values():
        for text in strings(concept):
            found = resolve(text, ontology)
            assert (found.concept.id, found.how) == (concept.id, "exact"), text


def test_wordings_held_out_are_no_wordings_to_train_with(ontology):
    for concept in ontology.concepts.values():
        held_out = {normalise(text) for text in concept.held_out}
        seen = {normalise(text) for text in (concept.prompt, *concept.paraphrases)}
        seen |= {normalise(text) for names in concept.aliases.values() for text in names}
        assert not held_out & seen, concept.id


def test_concepts_of_the_installed_library_can_be_trained_and_tested_on_paraphrases(ontology):
    counted = [concept for concept in ontology.concepts.values() if "earthlib" in concept.records]
    assert len(counted) == 27
    for concept in counted:
        assert len(concept.paraphrases) >= 4, concept.id
        assert len(concept.held_out) >= 2, concept.id


def test_concepts_have_names_in_four_languages(ontology):
    for concept in ontology.concepts.values():
        if "mineral" not in ancestors(ontology, concept.id):
            # English has the prompt, so aliases are needed in the others.
            assert {"es", "de", "fr"} <= set(concept.aliases), concept.id
        assert set(concept.aliases) <= set(LANGUAGES)


def test_members_and_ancestors_are_each_other_reversed(ontology):
    assert ancestors(ontology, "pine") == ("conifer", "tree", "green_vegetation", "vegetation")
    assert members(ontology, "conifer") == ("conifer", "pine", "spruce", "fir")
    assert "snow" not in members(ontology, "vegetation")
    assert "choose an id such as" in refusal(ancestors, ontology, "pinus")


@pytest.mark.parametrize(
    ("prompt", "concept"),
    [
        ("Asphalt Roads", "asphalt_road"),
        ("  bare-soil ", "bare_soil"),
        ("the grasses", "grass"),
        ("VÉGÉTATION verte", "green_vegetation"),
        ("vegetation verte", "green_vegetation"),
        ("Straße", "asphalt_road"),
        ("strasse", "asphalt_road"),
        ("gruene Vegetation", "green_vegetation"),
        ("arbol", "tree"),
        ("l’eau", "water"),
        ("dead leaves", "leaf_litter"),
        ("car park", "parking_lot"),
    ],
)
def test_case_accents_hyphens_articles_and_plurals_do_not_matter(prompt, concept, ontology):
    found = resolve(prompt, ontology)
    assert (found.concept.id, found.how, found.prompt) == (concept, "exact", prompt)


@pytest.mark.parametrize(
    ("prompt", "concept"),
    [
        ("asfalt", "asphalt_road"),
        ("vegitation", "vegetation"),
        ("kaolinte", "kaolinite"),
        ("concret sidewalk", "sidewalk"),
    ],
)
def test_slips_of_the_pen_are_mended_and_said(prompt, concept, ontology):
    found = resolve(prompt, ontology)
    assert (found.concept.id, found.how) == (concept, "spelling")
    assert found.matched in ontology.index


@pytest.mark.parametrize(
    ("prompt", "candidate"),
    [
        ("dry glass", "dry grass"),  # one letter from a known name, but a known word of its own
        ("oil", "bare soil"),
        ("concrete highway", "concrete"),
        ("submerged aquatic vegetation", "vegetation"),
        ("日本語", None),
        ("", None),
    ],
)
def test_what_names_no_concept_is_refused_with_the_nearest(prompt, candidate, ontology):
    message = refusal(resolve, prompt, ontology)
    assert repr(prompt) in message
    if candidate:
        assert f"{candidate!r}" in message


def test_one_mineral_is_not_taken_for_another(ontology):
    known = with_names(ontology, ["magnetite", "rhodonite"], "usgs")
    assert resolve("magnetite", known).concept.id == "magnetite"
    refusal(resolve, "magnesite", known)
    refusal(resolve, "rhodolite", known)
    assert resolve("magnetit", known).concept.id == "magnetite"


def test_two_concepts_equally_near_are_not_decided():
    ontology = build_ontology([Concept("one", "alphabet soup"), Concept("other", "alphabet loup")])
    message = refusal(resolve, "alphabet xoup", ontology)
    assert "alphabet soup" in message
    assert "alphabet loup" in message


def test_a_parent_retrieves_its_members(ontology):
    found = dict(retrieve("vegetation", ontology, 40))
    assert set(members(ontology, "vegetation")) <= set(found)
    assert next(iter(found)) == "vegetation"
    assert all(0 <= score <= 1 for score in found.values())


def test_names_of_a_library_become_concepts_once(ontology):
    known = with_names(ontology, ["kaolinite", "blue goo", "Blue goo", "lodgepole pine"], "usgs")
    assert set(known.concepts) - set(ontology.concepts) == {"blue_goo"}
    assert known.concepts["blue_goo"].parent == "mineral"
    assert known.concepts["blue_goo"].records["usgs"][0].names == ("blue goo",)


def test_a_user_file_adds_concepts_and_adds_to_known_ones(tmp_path):
    path = write(
        tmp_path / "mine.yaml",
        "kelp:\n  parent: water\n  prompt: floating kelp\n  aliases: {de: [Seetang]}\n"
        "grass:\n  aliases: {en: [sward]}\n  records:\n    own:fields: [{class: sward}]\n",
    )
    ontology = load_ontology(path)
    assert resolve("seetang", ontology).concept.id == "kelp"
    assert ancestors(ontology, "kelp") == ("water",)
    assert resolve("sward", ontology).concept.id == "grass"
    assert resolve("lawn", ontology).concept.id == "grass"
    assert set(ontology.concepts["grass"].records) == {"usgs", "own:fields"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kelp:\n  prompt: kelp\n  parent: sea_plants\n", "unknown parent 'sea_plants'"),
        ("kelp:\n  prompt: kelp\nkelp:\n  prompt: kelp\n", "line 1: 'kelp' stands twice"),
        ("kelp:\n  prompt: kelp\n  prompt: algae\n", "'prompt' stands twice"),
        ("kelp:\n  prompt: Lawns\n", "'Lawns' names both 'grass' and 'kelp'"),
        ("kelp:\n  parent: water\n", "prompt is missing"),
        ("kelp:\n  prompt: kelp\n  colour: brown\n", "key 'colour' is not known"),
        ("kelp:\n  prompt: kelp\n  aliases: {nl: [wier]}\n", "lists by language"),
        ("kelp:\n  prompt: kelp\n  paraphrases: [sea weed, Sea-weeds]\n", "stands twice"),
        ("kelp:\n  prompt: kelp\n  records: {usgs: [{kind: x}]}\n", "with a class or names"),
        ("a:\n  prompt: aa\n  parent: b\nb:\n  prompt: bb\n  parent: a\n", "above itself"),
        ("grass:\n  prompt: hay field\n", "prompt is 'green grass' already"),
        ("grass:\n  parent: built\n", "parent is 'green_vegetation' already"),
        ("- kelp\n", "no ontology"),
        ("kelp: [\n", "no YAML"),
    ],
)
def test_a_wrong_user_file_is_refused_in_one_line(tmp_path, text, words):
    assert words in refusal(load_ontology, write(tmp_path / "mine.yaml", text))


def test_a_missing_user_file_is_refused(tmp_path):
    assert "no such ontology file" in refusal(load_ontology, tmp_path / "none.yaml")
