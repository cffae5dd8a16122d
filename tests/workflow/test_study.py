"""A tiny study from nothing to the report, and what makes it run again."""

import re
import shutil

import pandas as pd
import pytest

from project import TINY, Project
from unmixing.store import read_parquet

TABLE = "results/demo/tables/table3"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """One finished study that the tests below look at and change, in their order."""
    made = Project(tmp_path_factory.mktemp("studies") / "a folder")
    made.output = made.run()
    return made


def test_a_person_can_follow_it(project):
    lines = re.findall(r"baseline described synthetic_easy: run \d of 2 ok, loss [\d.]+, [\d.]+ s", project.output)
    assert len(lines) == TINY["runs"]
    log = project.text("results/demo/logs/train/baseline-described-synthetic_easy-standard.log")
    assert len(re.findall(r"run \d, epoch \d, loss", log)) == TINY["runs"] * TINY["epochs"]
    assert "the report, if it was asked for, is results/demo/report/index.html" in project.output


def test_every_run_is_a_row_for_each_endmember(project):
    rows, provenance = read_parquet(project.folder / "results/demo/runs/baseline-described-synthetic_easy.parquet")
    assert len(rows) == TINY["runs"] * 3
    assert rows["id"].unique().tolist() == [f"baseline/described/synthetic_easy/standard/{run}" for run in (0, 1)]
    assert (rows["epochs"] == TINY["epochs"]).all()
    assert (rows["updates"] == TINY["epochs"] * 2).all()
    assert rows["sad_rad"].between(0, 3.15).all()
    assert rows["abundance_rmse_resolved"].between(0, 1).all()
    assert rows["seed_initialisation"].nunique() == TINY["runs"]
    assert {"commit", "versions", "recipes", "scene_sha256", "matching"} <= set(provenance)


def test_table3_has_every_scene_of_the_paper_and_five_forms(project):
    table = pd.read_csv(project.folder / f"{TABLE}.csv")
    assert table["scene"].tolist() == [
        "samson", "urban4", "urban5", "urban6", "cuprite", "jasper_ridge", "synthetic_easy",
    ]  # fmt: skip
    by_scene = table.set_index("scene")
    assert by_scene.loc["samson", "paper_sad"] == 0.0654
    assert by_scene.loc["samson", "reason"] == "not part of the study demo: name it under `scenes` in the configuration"
    assert pd.isna(by_scene.loc["samson", "sad_mean"])
    assert pd.isna(by_scene.loc["synthetic_easy", "paper_sad"])
    assert by_scene.loc["synthetic_easy", "sad_mean"] > 0
    for form in ("md", "tex", "html"):
        assert "0.0654" in project.text(f"{TABLE}.{form}")
    assert read_parquet(project.folder / f"{TABLE}.parquet")[1]["commit"]


def test_report_is_one_file_that_loads_nothing(project):
    page = project.text("results/demo/report/index.html")
    assert "Table 3" in page
    assert "data:image/svg+xml" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    for form in ("svg", "png", "pdf"):
        assert (project.folder / f"results/demo/figures/figure_endmembers.{form}").stat().st_size > 1000


def test_nothing_is_left_half_written(project):
    assert not [path for path in project.folder.rglob("*partial*") if ".snakemake" not in path.parts]


def test_second_time_there_is_nothing_to_do(project):
    before = project.text(f"{TABLE}.csv"), project.text("results/demo/report/index.html")
    assert "Nothing to be done" in project.run()
    assert (project.text(f"{TABLE}.csv"), project.text("results/demo/report/index.html")) == before


def test_touching_files_comments_and_new_keys_rerun_nothing(project):
    for path in [*project.folder.rglob("*.py"), *project.folder.rglob("*.smk"), project.folder / "config.yaml"]:
        path.touch()
    (project.folder / "results/scenes/synthetic_easy.nc").touch()
    for path in ("losses/angles.py", "metrics.py", "models/cnnaeu.py", "tables/table3.py", "scenes/synthetic.py"):
        file = project.folder / "workflow/unmixing" / path
        file.write_text("# A remark that says nothing new.\n" + file.read_text())
    project.edit(
        "workflow/unmixing/configuration.py",
        "    baseline: Baseline = Field(",
        '    novelty: int = Field(description="a new key")\n    baseline: Baseline = Field(',
    )
    project.configure(novelty=1)
    assert project.planned() == {}


def test_more_runs_compute_only_the_new_ones(project):
    table = project.text(f"{TABLE}.csv")
    assert project.starts() == [0, 1]
    project.configure(baseline={"runs": 4})
    output = project.run("table3")
    assert "2 of 4 runs are in the store" in output
    assert project.starts() == [0, 1, 2, 3]
    project.configure(baseline={"runs": 2})
    project.run("table3")
    assert project.starts() == [0, 1, 2, 3]
    assert project.text(f"{TABLE}.csv") == table, "the same study gives the same table"


def test_committed_evidence_stands_in_for_runs_of_the_same_recipe(project):
    table = project.text(f"{TABLE}.csv")
    project.command("archive", "results/demo")
    store, aside = project.store, project.folder / "aside"
    store.rename(aside)
    project.configure(runs="reference", baseline={"runs": 3})
    output = project.run("table3", "--forcerun", "train")
    assert "2 of 3 runs are taken from reports/reference" in output
    assert project.starts() == [2]
    project.configure(baseline={"runs": 2})
    project.run("table3")
    assert project.text(f"{TABLE}.csv") == table
    shutil.rmtree(store)
    aside.rename(store)
    project.configure(runs="computed")
    project.run("table3")
    assert project.starts() == [0, 1, 2, 3]


def test_a_changed_metric_scores_again_without_training(project):
    project.edit("workflow/unmixing/metrics.py", "difference**2", "abs(difference) ** 2")
    planned = project.planned()
    assert "train" not in planned
    assert planned["evaluate"] == 1
    project.run("table3")
    assert project.starts() == [0, 1, 2, 3]


def test_a_changed_learning_rate_trains_again_and_keeps_the_old_runs(project):
    project.configure(baseline={"learning_rate": 0.001})
    assert project.planned()["train"] == 1
    project.run("table3")
    assert project.starts() == [0, 1, 2, 3, 0, 1]
    assert len(list(project.store.rglob("recipe.json"))) == 2
    project.configure(baseline={"learning_rate": 0.003})
    project.run("table3")
    assert len(project.starts()) == 6, "the first recipe's runs were still in the store"


def test_a_changed_formula_trains_again(project):
    project.edit("workflow/unmixing/models/cnnaeu.py", "SOFTMAX_SCALE = 3.0", "SOFTMAX_SCALE = 3.5")
    assert project.planned()["train"] == 1


def test_snakemake_s_own_report_has_its_captions(project):
    project.edit("workflow/unmixing/models/cnnaeu.py", "SOFTMAX_SCALE = 3.5", "SOFTMAX_SCALE = 3.0")
    project.run(program="snakemake")
    project.run("--report", "machinery.html", program="snakemake")
    page = project.text("machinery.html")
    assert "Docutils System Messages" not in page
    assert "Table 3" in page
