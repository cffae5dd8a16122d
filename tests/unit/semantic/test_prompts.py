import itertools

import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes.registry import load_registry
from unmixing.semantic.ontology import ancestors, build_ontology, resolve
from unmixing.semantic.prompts import (
    REGIONS_FILE,
    auto_prompts,
    load_scene_prompts,
    load_templates,
    parse_prompts,
    read_prompts,
    retrieval_quality,
    scene_prompts,
    study_ontology,
)

REGIONS = ("any", "urban", "farmland", "forest", "coast", "wetland", "desert", "mountain", "fire", "mine")


def refusal(function, *arguments, **options):
    with pytest.raises(UnmixingError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def ontology():
    return study_ontology()


def test_scenes_of_the_evaluation_have_a_prompt_for_each_material_of_their_reference():
    assert [prompt.prompt for prompt in scene_prompts("samson")] == ["bare soil", "tree", "water"]
    assert [prompt.prompt for prompt in scene_prompts("jasper_ridge")] == ["tree", "water", "dirt", "asphalt road"]
    for scene in ("urban4", "urban5", "urban6", "urban4_crop", "urban5_crop", "urban6_crop", "dlr_hysu"):
        assert tuple(prompt.reference for prompt in scene_prompts(scene)) == load_registry()[scene].names


def test_prompts_of_real_scenes_follow_the_names_of_the_references_word_for_word(ontology):
    # So nothing can have been chosen by what a spectrum looks like.
    for scene, prompts in load_scene_prompts(ontology).items():
        if load_registry()[scene].kind != "synthetic":
            for prompt in prompts:
                assert resolve(prompt.reference, ontology).concept.id == prompt.concept, (scene, prompt)


def test_a_scene_without_fixed_prompts_is_refused_with_those_that_have_some():
    message = refusal(scene_prompts, "cuprite")
    assert "'cuprite' has no fixed prompts" in message
    assert "samson" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {scenes: [samson], prompts: {Soil: bare soil, Tree: tree}}", "needs prompts for Soil, Tree, Water"),
        ("- {scenes: [samson], prompts: {Tree: tree, Soil: bare soil, Water: water}}", "in this order"),
        ("- {scenes: [samson], prompts: {Soil: bare soil, Tree: forest, Water: water}}", "write 'tree'"),
        ("- {scenes: [samson], prompts: {Soil: bare soil, Tree: kryptonite, Water: water}}", "names no known concept"),
        ("- {scenes: [samson], prompts: {Soil: water, Tree: tree, Water: water}}", "stands for two materials"),
        ("- {scenes: [mars], prompts: {Soil: bare soil}}", "scene 'mars' is unknown"),
        ("- {scenes: [samson, samson], prompts: {Soil: bare soil, Tree: tree, Water: water}}", "stands twice"),
        ("- {scenes: [samson], prompts: [bare soil]}", "by the names in the reference"),
        ("- {scenes: [samson]}", "must have the keys scenes and prompts"),
        ("samson: [bare soil]", "must hold a list"),
        ("- [", "no YAML"),
    ],
)
def test_a_wrong_file_of_scene_prompts_is_refused_in_one_line(tmp_path, ontology, text, words):
    path = tmp_path / "prompts.yaml"
    path.write_text(text, encoding="utf-8")
    assert words in refusal(load_scene_prompts, ontology, path)


def test_the_study_knows_the_targets_and_the_minerals_of_the_library(ontology, tmp_path):
    assert ancestors(ontology, resolve("red fabric", ontology).concept.id) == ("fabric", "built")
    assert ancestors(ontology, resolve("magnetite", ontology).concept.id) == ("mineral",)
    own = tmp_path / "own.yaml"
    own.write_text("kelp:\n  parent: water\n  prompt: kelp\n", encoding="utf-8")
    assert resolve("kelp", study_ontology(own)).concept.id == "kelp"


def test_a_list_is_resolved_in_its_order_and_a_wrong_one_refused(ontology):
    found = parse_prompts(["Wasser", "asfalt", "lawn"], ontology)
    assert [(each.concept.id, each.how) for each in found] == [
        ("water", "exact"),
        ("asphalt_road", "spelling"),
        ("grass", "exact"),
    ]
    assert "names no known concept" in refusal(parse_prompts, ["water", "kryptonite"], ontology)
    assert "at least one name" in refusal(parse_prompts, [], ontology)
    assert "at least one name" in refusal(parse_prompts, "water", ontology)


def test_a_file_of_prompts_is_read_without_its_remarks(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("# what is there\nasphalt road\n\n  végétation verte # from a friend\n", encoding="utf-8")
    assert read_prompts(path) == ("asphalt road", "végétation verte")
    path.write_text("# nothing\n", encoding="utf-8")
    assert "write one per line" in refusal(read_prompts, path)
    assert "check the path" in refusal(read_prompts, tmp_path / "none.txt")


@pytest.mark.parametrize("region", REGIONS)
def test_lists_of_regions_name_known_concepts_of_which_none_lies_above_another(ontology, region):
    import yaml

    prompts = yaml.safe_load(REGIONS_FILE.read_text(encoding="utf-8"))[region]
    concepts = [resolve(prompt, ontology).concept for prompt in prompts]
    assert [concept.prompt for concept in concepts] == prompts
    for one, other in itertools.permutations(concepts, 2):
        assert one.id not in (other.id, *ancestors(ontology, other.id))
    found = auto_prompts(ontology, region=region, count=len(prompts))
    assert [candidate.prompt for candidate in found] == prompts


def test_automatic_prompts_keep_to_what_is_available(ontology):
    found = auto_prompts(ontology, available=["green_vegetation", "bare_soil", "kaolinite"])
    assert [candidate.prompt for candidate in found] == ["green vegetation", "bare soil"]
    assert "no concept is left" in refusal(auto_prompts, ontology, available=["kaolinite"])
    assert "region 'moon' is unknown" in refusal(auto_prompts, ontology, region="moon")


def test_presence_ranks_automatic_prompts_and_keeps_one_of_a_concept_and_its_kind(ontology):
    presence = {"roof": 0.5, "roof_tile": 0.9, "water": 0.7, "tree": 0.05, "pine": 0.8, "not known": 1.0}
    found = auto_prompts(ontology, presence=presence, minimum=0.1)
    assert [(candidate.concept, candidate.score) for candidate in found] == [
        ("roof_tile", 0.9),
        ("pine", 0.8),
        ("water", 0.7),
    ]
    mountain = auto_prompts(ontology, region="mountain", presence=presence, minimum=0.1)
    assert [candidate.concept for candidate in mountain] == ["pine", "water"]
    assert [candidate.concept for candidate in auto_prompts(ontology, presence=presence, count=1)] == ["roof_tile"]
    assert "lower the minimum" in refusal(auto_prompts, ontology, presence=presence, minimum=2.0)


def test_a_small_ontology_of_ones_own_gets_the_part_of_a_region_that_it_knows(ontology):
    water, soil = ontology.concepts["water"], ontology.concepts["bare_soil"]
    small = build_ontology([water, type(soil)(**{**vars(soil), "parent": ""})])
    assert [candidate.concept for candidate in auto_prompts(small)] == ["bare_soil", "water"]


def test_precision_and_recall_of_a_list_take_kinds_for_their_concept(ontology):
    precision, recall = retrieval_quality(["pine", "water", "snow", "roof"], ["tree", "water", "bare_soil"], ontology)
    assert precision == pytest.approx(2 / 4)
    assert recall == pytest.approx(2 / 3)
    assert retrieval_quality([], ["tree"], ontology)[0] != retrieval_quality([], ["tree"], ontology)[0]


def test_templates_hold_one_place_for_the_name():
    sets = load_templates()
    assert sets["bare"] == ("{}",)
    assert "a photo of {}" in sets["photo"]
    assert "the reflectance spectrum of {}" in sets["spectrum"]
