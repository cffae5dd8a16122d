"""The benchmark on the published grid: its ranks on made tables, and how it refuses."""

import importlib.util
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.search import GRIDS, Grid

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "tabular_search.py"


@pytest.fixture(scope="module")
def benchmark():
    specification = importlib.util.spec_from_file_location("tabular_search", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    # Dataclasses look their module up by name.
    sys.modules["tabular_search"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["tabular_search"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sheet in the published layout: values 1, 2, 3, ... in the grid's order, rows shuffled, a stray row."""
    rows = []
    for loss, name in (("generalized", "generalized"), ("ntxent", "nt_xent")):
        for number, configuration in enumerate(GRIDS[name].configurations(), start=1):
            rows.append(
                {
                    "loss": loss,
                    "temperature": configuration["temperature"],
                    "lambda_recon": configuration["lambda"],
                    "patch_size": configuration["patch_size"],
                    "batch_size": configuration["batch_size"],
                    "sigma_kernel": configuration.get("sigma", 1.0),
                    "avg_sad": number / 1000,
                    "samson_sad": 2 - number / 1000,
                    "urban4_sad": 3 + number / 1000,
                    "flag": "Table 7 Best SAD (Avg)" if number == 4 else None,
                }
            )
    stray = {**rows[17], "avg_sad": 0.0001, "flag": "stray row: a copy"}
    order = np.random.default_rng(0).permutation(len(rows))
    folder = tmp_path_factory.mktemp("reference")
    frame = pd.DataFrame([rows[index] for index in order[:900]] + [stray] + [rows[index] for index in order[900:]])
    frame.to_csv(folder / "grid_search_reference.csv", index=False)
    return folder


def test_tables_are_in_the_grids_order_without_the_stray_row(benchmark, made):
    tables = benchmark.read_tables(made)
    assert set(tables) == set(itertools.product(GRIDS, ("average", "samson", "urban4")))
    for name, grid in GRIDS.items():
        np.testing.assert_allclose(tables[name, "average"], np.arange(1, grid.size + 1) / 1000)
        np.testing.assert_allclose(tables[name, "samson"], 2 - np.arange(1, grid.size + 1) / 1000)


def test_ranks_are_those_of_the_best_configuration_so_far(benchmark, made):
    values = benchmark.read_tables(made)["generalized", "average"]
    records = benchmark.run_plan(benchmark.Plan("full", "generalized", "average", (1, 1, 1)), values)
    # The grid's first configuration has the lowest value of this table ...
    assert [(record["evaluations"], record["best_rank"]) for record in records] == [(32, 1), (64, 1), (128, 1)]
    # ... and in the reversed one each evaluation is the best so far.
    records = benchmark.run_plan(benchmark.Plan("full", "generalized", "samson", (1, 1, 0)), values[::-1].copy())
    assert [(record["evaluations"], record["best_rank"]) for record in records] == [(32, 1249), (64, 1217)]
    assert records[0]["regret_rad"] == pytest.approx(1.248)
    grid = GRIDS["generalized"]
    assert records[1]["best_setting"] == grid.setting(grid.configurations()[63])


def test_equal_values_share_the_lower_rank(benchmark):
    grid = GRIDS["nt_xent"]
    values = np.full(grid.size, 0.2)
    values[200:] = 0.1
    records = benchmark.run_plan(benchmark.Plan("full", "nt_xent", "average", (1, 0, 0)), values)
    assert [record["best_rank"] for record in records] == [121]


def test_the_best_so_far_is_the_first_with_the_lowest_value(benchmark):
    grid = Grid("made", {"temperature": (0.1, 1.0), "patch_size": (8, 16)})
    found = benchmark.best_so_far(grid, np.array([0.3, 0.1, 0.1, 0.2]), "full", 4, 0)
    assert found.tolist() == [0, 1, 1, 1]


def test_fewer_seeds_for_long_searches_leave_the_short_ones_as_they_were(benchmark, made):
    values = benchmark.read_tables(made)["nt_xent", "average"]
    records = benchmark.run_plan(benchmark.Plan("random", "nt_xent", "average", (3, 3, 1)), values)
    assert [(record["seed"], record["evaluations"], record["seeds"]) for record in records] == [
        (0, 32, 3),
        (0, 64, 3),
        (0, 128, 1),
        (1, 32, 3),
        (1, 64, 3),
        (2, 32, 3),
        (2, 64, 3),
    ]
    alone = benchmark.run_plan(benchmark.Plan("random", "nt_xent", "average", (3, 3, 0)), values)
    assert alone == [record for record in records if record["evaluations"] < 128]


def test_random_search_has_the_rank_that_chance_gives(benchmark, made):
    values = benchmark.read_tables(made)["generalized", "average"]
    plan = benchmark.Plan("random", "generalized", "average", (0, 50, 0))
    ranks = [record["best_rank"] for record in benchmark.run_plan(plan, values)]
    # Lowest of 64 out of 1,280 without replacement: expectation (N + 1)/(n + 1), standard error of 50 about 2.8.
    assert np.mean(ranks) == pytest.approx(1281 / 65, abs=8)


def made_records(ranks, strategy):
    return [
        {
            "grid": "generalized",
            "target": "average",
            "strategy": strategy,
            "evaluations": 64,
            "seed": seed,
            "best_rank": rank,
            "regret_rad": rank / 1000,
        }
        for seed, rank in enumerate(ranks)
    ]


def test_a_comparison_pairs_by_seed_and_counts_both_ways(benchmark):
    summary = benchmark.compare(made_records([10, 20, 30, 40], "random") + made_records([1, 20, 31], "tpe"))
    row = summary[summary["strategy"] == "tpe"].iloc[0]
    assert (row["seeds"], row["lower"], row["equal"], row["higher"]) == (3, 1, 1, 1)
    # Random search's median on the three seeds that both have, not on its four.
    assert (row["median"], row["random_median"]) == (20, 20)
    assert row["median_regret_rad"] == pytest.approx(0.02)
    assert np.isnan(summary[summary["strategy"] == "random"].iloc[0]["p_value"])


def test_the_verdict_asks_for_the_median_and_for_the_paired_test(benchmark):
    rng = np.random.default_rng(1)
    random = rng.integers(1, 40, 100)
    good = made_records(np.maximum(1, random // 8), "tpe")
    harmful = made_records(random + 5, "gp")
    slight = made_records(np.maximum(1, random - 1), "tpe_categorical")
    beside = made_records(random, "random")
    said = benchmark.verdict(benchmark.compare(beside + good + harmful + slight))
    assert "reached by tpe (" in said
    assert "gp" not in said
    assert "categorical" not in said
    assert "no strategy reaches it" in benchmark.verdict(benchmark.compare(beside + harmful + slight))
    # A low median that random search has as well is no success.
    low = made_records(np.full(100, 3), "random") + made_records(np.full(100, 3), "tpe")
    assert "no strategy reaches it" in benchmark.verdict(benchmark.compare(low))


def test_the_verdict_says_when_seeds_were_fewer_than_the_goal_names(benchmark):
    random = np.arange(10, 50)
    summary = benchmark.compare(made_records(random, "random") + made_records(random // 10, "gp"))
    assert "on fewer seeds" in benchmark.verdict(summary)


def test_the_command_writes_records_and_says_what_came_out(benchmark, made, tmp_path, monkeypatch, capsys):
    table = ("generalized", "average")
    plans = (benchmark.Plan("random", *table, (6, 6, 6)), benchmark.Plan("full", *table, (6, 6, 0)))
    monkeypatch.setattr(benchmark, "PLANS", plans)
    output = tmp_path / "benchmarks" / "tabular_search.json"
    assert benchmark.main([f"--reference={made}", f"--output={output}", "--seeds=2"]) == 0
    records = json.loads(output.read_text())
    assert len(records) == 2 * 3 + 2 * 2
    assert {"strategy", "evaluations", "seed", "best_rank"} <= set(records[0])
    assert {record["best_rank"] for record in records if record["strategy"] == "full"} == {1}
    assert "goal: median best rank at most 5" in capsys.readouterr().out


def test_without_a_reference_it_is_skipped_with_a_reason(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("UNMIXING_REFERENCE", raising=False)
    output = tmp_path / "out.json"
    assert benchmark.main([f"--output={output}"]) == 0
    assert "skipped: UNMIXING_REFERENCE is unset" in capsys.readouterr().out
    assert not output.exists()


def test_a_folder_without_the_sheet_is_a_fault_in_one_line(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNMIXING_REFERENCE", str(tmp_path))
    output = tmp_path / "out.json"
    assert benchmark.main([f"--output={output}"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "there is no grid_search_reference.csv" in said
    assert not output.exists()


def test_a_sheet_with_a_missing_or_a_double_row_is_refused(benchmark, made, tmp_path):
    rows = pd.read_csv(made / "grid_search_reference.csv")
    rows.drop(index=3).to_csv(tmp_path / "grid_search_reference.csv", index=False)
    with pytest.raises(UnmixingError, match="take the file that has each once"):
        benchmark.read_tables(tmp_path)
    pd.concat([rows, rows.iloc[[3]]]).to_csv(tmp_path / "grid_search_reference.csv", index=False)
    with pytest.raises(UnmixingError, match="take the file that has each once"):
        benchmark.read_tables(tmp_path)


def test_the_published_grid_has_the_ranks_the_paper_is_compared_with(benchmark, reference_folder):
    tables = benchmark.read_tables(reference_folder)
    grid = GRIDS["generalized"]
    average = tables["generalized", "average"]
    np.testing.assert_allclose(average, (tables["generalized", "samson"] + tables["generalized", "urban4"]) / 2)
    lowest = grid.configurations()[int(average.argmin())]
    assert tuple(lowest.values()) == (0.01, 0.9, 64, 8, 1.0)
    # Table 7's "Best SAD (Avg)" is the fourth (audit item A9).
    named = grid.number(dict(zip(grid.levels, (0.1, 0.5, 32, 8, 1.0), strict=True)))
    assert int((average < average[named]).sum()) == 3
    assert round(float(average[named]), 4) == 0.067


def test_the_plan_gives_the_headline_all_its_seeds(benchmark):
    headline = [plan for plan in benchmark.PLANS if (plan.grid, plan.target) == benchmark.HEADLINE]
    full = {plan.strategy for plan in headline if min(plan.seeds[:2]) >= 100}
    assert {"random", "tpe"} <= full
    # Searches are paired with random search: it has every seed that another strategy has.
    for plan in benchmark.PLANS:
        beside = [
            other
            for other in benchmark.PLANS
            if other.strategy == "random" and (other.grid, other.target) == (plan.grid, plan.target)
        ]
        assert len(beside) == 1
        assert all(many >= few for many, few in zip(beside[0].seeds, plan.seeds, strict=True))
