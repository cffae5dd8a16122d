from pathlib import Path

import pytest
import yaml

from unmixing.cells import cell, cells_of_job, job, jobs, settings
from unmixing.configuration import merge, validate
from unmixing.contrastive_cells import agreement_points, earlier_jobs, expected_trials
from unmixing.errors import UnmixingError
from unmixing.protocol.points import CONFIGURATIONS, POINTS, VARIANTS, Head, variants_of
from unmixing.published import paper_value
from unmixing.search import GRIDS
from unmixing.study import Study

ROOT = Path(__file__).parents[2]
SCENE = "synthetic_easy"


def configuration(**contrastive):
    demo = yaml.safe_load((ROOT / "config.yaml").read_text())
    return validate(merge(demo, {"contrastive": contrastive}))


def paper(**contrastive):
    overlay = yaml.safe_load((ROOT / "workflow/studies/paper.yaml").read_text())
    return validate(
        merge(merge(yaml.safe_load((ROOT / "config.yaml").read_text()), overlay), {"contrastive": contrastive})
    )


def test_the_named_configurations_are_those_of_table_7():
    for label, name in (
        ("Best SAD (Avg)", "table7_average"),
        ("Best SAD (Samson)", "table7_samson"),
        ("Best SAD (Urban4)", "table7_urban4"),
    ):
        point = POINTS[name]
        columns = {"temp_tau": "temperature", "lambda": "weight", "patch": "patch_size", "batch": "batch_size"}
        for column, key in {**columns, "sigma_k": "sigma"}.items():
            assert paper_value(7, "", label, column) == point[key]


def test_every_configuration_is_a_point_of_its_grid():
    for point in POINTS.values():
        values = {key: value for key, value in point.items() if key not in ("loss", "weight")}
        GRIDS[point["loss"]].places({**values, "lambda": point["weight"]})


def test_variants_of_labels_are_for_the_loss_with_labels_alone():
    assert variants_of("table7_average", list(VARIANTS)) == list(VARIANTS)
    assert variants_of("nt_xent_best", list(VARIANTS)) == ["generalized", "lambda_1", "identity", "equal_updates"]


def test_a_variant_differs_from_its_configuration_in_what_its_name_says():
    known = paper()

    def point(setting, scene="samson"):
        return cell(known, "contrastive", "described", scene, setting, 7)["point"]

    whole = point("table7_average-generalized")
    assert whole == POINTS["table7_average"]
    for variant, change in (
        ("lambda_1", {"weight": 1.0}),
        ("permuted", {"label_source": "permuted"}),
        ("stage1", {"label_source": "stage1"}),
        ("nt_xent", {"loss": "nt_xent"}),
        ("identity", {"head": "identity"}),
        ("equal_updates", {"updates": 100 * 32}),
    ):
        assert point(f"table7_average-{variant}") == {**whole, **change}


def test_arms_of_a_scene_share_all_but_setting_point_and_place():
    known = configuration()
    names = [name for name in settings(known, "contrastive", SCENE, "described") if "-" in name]
    cells = [cell(known, "contrastive", "described", SCENE, name, 7) for name in names]
    assert len(cells) == 5
    for key in ("fields", "schedule", "entropy", "runs", "code"):
        assert all(one[key] == cells[0][key] for one in cells), f"{key} is not paired"
    assert {one["point"]["patch_size"] for one in cells} == {16}, "the demo's patches fit its scene"


def test_all_runs_of_one_seed_are_one_run():
    known = paper()
    arm = cell(known, "contrastive", "released", "samson", "table7_average-generalized", 7)
    assert arm["fields"]["seeds"] == "single"
    assert arm["runs"] == 1
    assert cell(known, "contrastive", "described", "samson", "table7_average-generalized", 7)["runs"] == 10


def test_the_agreement_is_released_but_for_its_seeds():
    known = paper()
    released = cell(known, "contrastive", "released", "samson", "table7_average-generalized", 7)
    names = list(agreement_points())
    assert len(names) == len(set(names)) == 16
    compared = cell(known, "contrastive", "released", "samson", names[0], 7)
    assert compared["fields"] == {**released["fields"], "seeds": "per_run"}
    assert compared["runs"] == 3
    assert {point["patch_size"] for point in agreement_points().values()} == {8, 16, 32}
    described = jobs(known, "contrastive", "samson", "described")
    assert not [name for name in described if name.startswith("agreement")]


def test_a_whole_grid_is_cut_into_shards_that_hold_every_configuration_once():
    known = paper()
    found = jobs(known, "contrastive", "samson", "described")
    shards = {name: members for name, members in found.items() if "shard" in name}
    assert len(shards) == 80 + 20
    assert {len(members) for members in shards.values()} == {16}
    every = [setting for members in shards.values() for setting in members]
    assert len(set(every)) == len(every) == 1280 + 320
    assert earlier_jobs(known, "samson", "described", "nt_xent_search") == [f"nt_xent_shard_{n + 1}" for n in range(20)]
    one = cell(known, "contrastive", "described", "samson", shards["nt_xent_shard_2"][3], 7)
    assert one["design"]["trial"] == 16 + 3
    assert one["runs"] == 1


def test_a_search_job_describes_what_it_looks_for_and_what_its_trials_share():
    known = configuration()
    described = job(known, "contrastive", "described", SCENE, "generalized_search", 7)
    assert described["cells"] == []
    wanted = described["search"]
    assert wanted["levels"]["patch_size"] == [8, 16]
    assert wanted["levels"]["temperature"] == [0.01, 0.1, 1.0, 10.0], "levels that are not given are the paper's"
    assert (wanted["strategy"], wanted["evaluations"], wanted["seed"]) == ("tpe", 12, 7)
    arm = cell(known, "contrastive", "described", SCENE, "table7_average-generalized", 7)
    assert {key: described["shared"][key] for key in ("fields", "schedule", "code")} == {
        key: arm[key] for key in ("fields", "schedule", "code")
    }
    assert not {"setting", "point", "design"} & set(described["shared"])


@pytest.mark.parametrize("phase", ["contrastive", "heads"])
def test_a_job_s_cells_come_back_whole(phase):
    known = configuration()
    for name, members in jobs(known, phase, SCENE, "described").items():
        back = cells_of_job(job(known, phase, "described", SCENE, name, 7))
        assert back == [cell(known, phase, "described", SCENE, setting, 7) for setting in members]


def test_heads_differ_in_the_head_alone():
    known = configuration()
    cells = {
        name: cell(known, "heads", "described", SCENE, name, 7) for name in settings(known, "heads", SCENE, "described")
    }
    assert set(cells) == set(Head.__args__)
    for name, one in cells.items():
        assert one["point"] == {**cells["baseline"]["point"], "head": name}


def test_scenes_that_are_left_out_have_no_cells():
    without = configuration(scenes=[])
    for phase in ("contrastive", "heads"):
        assert jobs(without, phase, SCENE, "described") == {}
    assert settings(configuration(heads={"scenes": []}), "heads", SCENE, "described") == []
    assert not [
        name
        for name in jobs(configuration(search={"scenes": []}), "contrastive", SCENE, "described")
        if "search" in name
    ]


def test_the_estimate_of_a_search_has_as_many_trials_as_it_will_train():
    found = expected_trials(configuration(), SCENE)
    assert sum(runs for _, runs in found) == 2 * (12 + 1 * 2)
    assert sum(runs for _, runs in expected_trials(paper(), "samson")) == 2 * 3 * 10, "shards count themselves"


def test_labels_that_ask_for_more_baseline_runs_than_there_are_are_refused_by_name():
    known = configuration(runs=6, variants=["generalized", "stage1"])
    with pytest.raises(UnmixingError, match=r"synthetic_easy.*baseline\.runs"):
        Study(known, Path("results"), {})
    Study(configuration(runs=6, variants=["generalized"]), Path("results"), {})


def test_the_baseline_comes_first_only_where_labels_need_it():
    without = Study(configuration(variants=["generalized"]), Path("results"), {})
    assert without.label_manifests("contrastive", "described", SCENE) == []
    needed = Study(configuration(variants=["generalized", "stage1"]), Path("results"), {})
    assert needed.label_manifests("contrastive", "described", SCENE) == needed.manifests("baseline", "described", SCENE)
    assert needed.label_manifests("heads", "described", SCENE) == []
    assert needed.label_manifests("baseline", "described", SCENE) == []


def test_names_of_the_configurations_are_all_points():
    assert set(CONFIGURATIONS) == set(POINTS)


def test_sizes_of_a_scene_and_of_released_replace_those_of_the_configurations():
    sizes = {SCENE: {"patch_size": 12, "protocols": ["described", "released"], "released": {"patch_size": 10}}}
    known = configuration(overrides=sizes)
    for protocol, size in (("described", 12), ("released", 10)):
        arm = cell(known, "contrastive", protocol, SCENE, "table7_average-generalized", 7)
        assert arm["point"]["patch_size"] == size


def test_grids_of_one_name_with_other_levels_are_kept_apart():
    for level in (8, 16):
        known = configuration(search={"levels": {"patch_size": [level]}})
        found = expected_trials(known, SCENE)
        assert all(f"patch_size_{level}-" in name for name, _ in found)
        assert cell(known, "contrastive", "described", SCENE, found[0][0], 7)["point"]["patch_size"] == level
