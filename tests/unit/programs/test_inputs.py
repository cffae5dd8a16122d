"""What programs hand to tables and figures: files by experiment, and no more than is asked for."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from unmixing.programs.beside import beside
from unmixing.programs.inputs import Results, add_arguments, by_experiment, read_results
from unmixing.store import write_json, write_parquet


def test_files_of_an_experiment_stand_together_also_as_committed():
    names = ["scenes-samson.parquet", "names.parquet", "scenes-jasper_ridge.parquet", "semantic-names.parquet"]
    found = by_experiment([Path("somewhere") / name for name in names])
    assert {part: [path.name for path in paths] for part, paths in found.items()} == {
        "scenes": ["scenes-samson.parquet", "scenes-jasper_ridge.parquet"],
        "names": ["names.parquet", "semantic-names.parquet"],
    }


def test_a_maker_gets_only_what_it_asks_for(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    results = Results(frame, frame, frame, [], {}, {}, {"names": frame})

    def plain(rows, scenes, scale, provenance): ...

    def all_of_it(rows, *, curves, semantic, sheets): ...

    assert beside(plain, results, tmp_path / "sheet.csv") == {}
    found = beside(all_of_it, results, tmp_path / "sheet.csv")
    assert found["sheets"] == tmp_path
    assert found["semantic"]["names"] is frame
    assert found["curves"] is frame
    assert "sheets" not in beside(all_of_it, results, None)


@pytest.mark.parametrize("checksum", ["abc", {"samson": "abc"}])
def test_semantic_rows_are_put_together_by_experiment(tmp_path, checksum):
    import argparse

    for scene in ("samson", "jasper_ridge"):
        rows = pd.DataFrame({"scene": [scene], "value": [1.0]})
        told = checksum if isinstance(checksum, str) else {scene: "abc"}
        write_parquet(rows, tmp_path / f"scenes-{scene}.parquet", {"scene_sha256": told})
    write_json(tmp_path / "study.json", {"name": "demo", "scenes": [], "scale": {}})
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    files = [str(path) for path in sorted(tmp_path.glob("scenes-*.parquet"))]
    results = read_results(parser.parse_args(["--study", str(tmp_path / "study.json"), "--semantic", *files]))
    assert results.rows.empty
    assert set(results.semantic) == {"scenes"}
    assert results.semantic["scenes"]["scene"].tolist() == ["jasper_ridge", "samson"]
    assert results.provenance["scene_sha256"] == {"samson": "abc", "jasper_ridge": "abc"}
