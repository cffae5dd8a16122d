"""A tiny second study: rows of each experiment, tables from them, governance files, maps by name; nothing twice."""

import json

import numpy as np
import pandas as pd
import pytest
import rasterio

from project import Project
from unmixing.scenes.synthetic import make_synthetic
from unmixing.store import read_parquet

TINY = {
    "scenes": ["synthetic_easy"],
    "on_scenes": {
        "stride": 8,
        "baselines": ["class_mean_scls", "constant"],
        "ablations": False,
        "vca_draws": 0,
        "shots": [],
        "supervised_epochs": 0,
        "bilinear": [],
    },
    "maps": {"stride": 4},
    "names": None,
    "mixtures": None,
    "robustness": None,
    "fairness": None,
    "cost": None,
    "coverage": {"counts": [4], "draws": 20, "pixels": 100, "splits": False},
    "seeds": {"seeds": [0, 1], "steps": 2, "stride": 8},
}
TABLES = ["table_semantic_scenes", "table_semantic_coverage", "table_semantic_robustness", "table_semantic_seeds"]
TARGETS = [*TABLES, "figure_semantic_maps", "governance", "named_maps"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("semantic") / "study")
    made.configure(
        semantic={**TINY, "scenes": ["synthetic_easy", "field"]},
        scenes=["synthetic_easy", "field"],
        own_scenes={"field": labelled_field(made.folder)},
    )
    made.run(*TARGETS)
    return made


def labelled_field(folder):
    """A scene of the user's own with a label map, and what the configuration says of it."""
    whole = make_synthetic("synthetic_easy")
    np.save(folder / "field.npy", whole["cube"].to_numpy())
    np.save(folder / "truth.npy", whole["abundances"].to_numpy().argmax(axis=-1) + 1)
    return {
        "path": "field.npy",
        "scale": "reflectance",
        "wavelengths": [float(value) for value in whole["wavelength"].to_numpy()],
        "labels": "truth.npy",
        "label_block": 4,
        "label_names": ["soil", "plants", "ash"],
        "prompts": {"soil": "bare soil", "plants": "green vegetation", "ash": "burned ground"},
    }


def results(project):
    return project.folder / "results" / "demo"


def test_the_rows_say_what_they_are_made_from(project):
    rows, provenance = read_parquet(results(project) / "semantic" / "scenes-synthetic_easy.parquet")
    assert set(rows["scene"]) == {"synthetic_easy"}
    assert set(provenance["scene_sha256"]) == {"synthetic_easy"}
    assert {"class_mean_scls", "constant"} <= set(rows["method"])


def test_a_labelled_scene_of_the_users_own_is_scored_and_mapped(project):
    rows, _ = read_parquet(results(project) / "semantic" / "scenes-field.parquet")
    assert {"semantic", "class_mean_scls"} <= set(rows["method"])
    assert rows["value"].notna().any()
    with rasterio.open(results(project) / "named_maps" / "field" / "abundances.tif") as maps:
        assert set(maps.descriptions) == {"bare soil", "green vegetation", "burned ground"}


def test_an_experiment_that_is_left_out_is_a_table_that_says_so(project):
    written = (results(project) / "tables" / "table_semantic_robustness.md").read_text()
    assert "not part of this study" in written or "not run" in written


def test_the_table_names_the_encoder_and_never_clip(project):
    table = pd.read_parquet(results(project) / "tables" / "table_semantic_scenes.parquet")
    shown = " ".join(table["method"].dropna().astype(str))
    assert "MiniLM" in shown
    assert "CLIP-UnmixRS" not in shown


def test_governance_files_lie_beside_each_other(project):
    folder = results(project) / "governance" / "synthetic_easy"
    names = {path.name for path in folder.iterdir()}
    assert {"model_card.md", "data_card.json", "audit_log.jsonl", "explanations.jsonl", "coverage.csv"} <= names
    record = json.loads((folder / "audit_log.jsonl").read_text().splitlines()[-1])
    assert record["seed"] is not None


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_maps_by_name_sum_to_one(project):
    with rasterio.open(results(project) / "named_maps" / "synthetic_easy" / "abundances.tif") as maps:
        total = maps.read().sum(axis=0)
    np.testing.assert_allclose(total[np.isfinite(total)], 1, atol=1e-4)


def test_a_second_call_has_nothing_to_do(project):
    assert "Nothing to be done" in project.run(*TARGETS)
