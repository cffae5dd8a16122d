import json
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from unmixing.errors import UnmixingError
from unmixing.store import (
    CellStore,
    atomic_path,
    read_journal,
    read_parquet,
    recipe_hash,
    rows_digest,
    write_json,
    write_parquet,
)

RECIPE = {"phase": "baseline", "schedule": {"epochs": 3}, "entropy": 1}


@pytest.fixture
def store(tmp_path):
    return CellStore.open(tmp_path, "baseline", "described", "samson", "standard", RECIPE)


def arrays(value=1.0):
    return {"endmembers": np.full((2, 3), value, np.float32), "abundances": np.zeros((4, 5, 2), np.float16)}


def test_recipe_depends_on_meaning_not_on_order():
    turned = {"entropy": 1, "schedule": {"epochs": 3}, "phase": "baseline"}
    assert recipe_hash(RECIPE) == recipe_hash(turned)
    assert len(recipe_hash(RECIPE)) == 12
    assert recipe_hash(RECIPE) != recipe_hash({**RECIPE, "entropy": 2})
    assert recipe_hash(RECIPE) != recipe_hash({**RECIPE, "schedule": {"epochs": 3.5}})


def test_recipe_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="not JSON compliant"):
        recipe_hash({"learning_rate": float("nan")})


def test_cell_folder_names_everything_and_keeps_the_recipe(store, tmp_path):
    assert store.folder.relative_to(tmp_path).as_posix() == f"baseline/described/samson/standard/{recipe_hash(RECIPE)}"
    assert json.loads((store.folder / "recipe.json").read_text()) == RECIPE


def test_a_run_comes_back_as_it_was_written(store):
    store.write(3, arrays(0.25), {"status": "ok", "reason": "", "seconds": 1.5})
    back, record = store.read(3)
    assert set(back) == {"endmembers", "abundances"}
    np.testing.assert_array_equal(back["endmembers"], arrays(0.25)["endmembers"])
    assert back["abundances"].dtype == np.float16
    assert record == {"status": "ok", "reason": "", "seconds": 1.5}


def test_finished_counts_only_what_was_asked_for(store):
    for run in (0, 2, 7):
        store.write(run, arrays(), {})
    assert store.finished(5) == [0, 2]
    assert store.finished(8) == [0, 2, 7]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "other"])
def test_a_damaged_run_is_set_aside_and_computed_again(store, damage, capsys):
    store.write(0, arrays(), {})
    path = store.path(0)
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[content.index(b"endmembers.npy") + 150] ^= 0xFF
    elif damage == "emptied":
        content = bytearray()
    else:
        content = bytearray(b"no archive at all")
    path.write_bytes(content)
    with pytest.raises(UnmixingError, match="is damaged"):
        store.read(0)
    assert store.finished(1) == []
    assert path.with_name("0.npz.damaged").exists()
    assert not path.exists()
    assert "set aside" in capsys.readouterr().out


def test_a_missing_run_is_named(store):
    with pytest.raises(UnmixingError, match=r"4\.npz is missing"):
        store.read(4)


def _write_half(path):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise ConnectionError


def test_a_failed_write_leaves_nothing(tmp_path):
    path = tmp_path / "deep" / "table.csv"
    with pytest.raises(ConnectionError):
        _write_half(path)
    assert list(path.parent.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["value.json"]


def test_what_a_killed_writer_left_is_swept_when_the_cell_is_taken(store):
    (store.folder / ".3.npz.999.partial.npz").write_bytes(b"half")
    with store.lock():
        assert not list(store.folder.glob(".*partial*"))


def _hold(folder, taken, release):
    with CellStore(folder).lock():
        taken.set()
        release.wait(20)


def test_two_processes_never_hold_a_cell_together(store, capfd):
    context = multiprocessing.get_context("spawn")
    taken, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(store.folder, taken, release))
    holder.start()
    assert taken.wait(20)
    pid = os.fork()
    if pid == 0:
        with store.lock("waiting for it"):
            (store.folder / "entered").touch()
        os._exit(0)
    holder.join(1)
    assert not (store.folder / "entered").exists()
    release.set()
    holder.join(20)
    os.waitpid(pid, 0)
    assert (store.folder / "entered").exists()
    assert "waiting for it" in capfd.readouterr().out


def test_journal_keeps_every_line_in_order_and_survives_a_torn_one(store, tmp_path):
    store.journal("start", 0)
    store.journal("finish", 0, status="ok")
    with (store.folder / "journal.jsonl").open("a") as handle:
        handle.write('{"time": 1, "eve')
    entries = read_journal(tmp_path)
    assert [(entry["event"], entry["run"]) for entry in entries] == [("start", 0), ("finish", 0)]
    assert entries[0]["cell"].startswith("baseline/described/samson/standard/")


def frame():
    return pd.DataFrame(
        {
            "id": ["a/0", "a/0", "a/1", "a/1"],
            "endmember": [1, 2, 1, 2],
            "sad_rad": [0.1, 0.2, 0.3, np.nan],
            "seconds": [1.0, 1.0, 2.0, 2.0],
        }
    )


def test_parquet_carries_its_provenance(tmp_path):
    write_parquet(frame(), tmp_path / "rows.parquet", {"commit": "abc", "recipes": {"x": "y"}})
    back, provenance = read_parquet(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(back, frame())
    assert provenance == {"commit": "abc", "recipes": {"x": "y"}}


def test_parquet_faults_are_one_line(tmp_path):
    missing, broken, foreign = (tmp_path / name for name in ("missing", "broken", "foreign"))
    broken.write_bytes(b"PAR1 nothing more")
    frame().to_parquet(foreign)
    for path, words in ((missing, "is missing"), (broken, "is damaged"), (foreign, "no provenance")):
        with pytest.raises(UnmixingError, match=words) as caught:
            read_parquet(path)
        assert "\n" not in str(caught.value)


def test_equal_studies_have_equal_digests_whatever_time_they_took():
    reordered = frame().iloc[[3, 0, 2, 1]].assign(seconds=99.0)
    assert rows_digest(frame()) == rows_digest(reordered)
    changed = frame()
    changed.loc[0, "sad_rad"] = np.nextafter(0.1, 1)
    assert rows_digest(frame()) != rows_digest(changed)


def test_parquet_is_read_and_written_without_a_thread(tmp_path):
    program = """
import os, pathlib, sys
import pandas as pd
import pyarrow.parquet
from unmixing.store import read_parquet, write_parquet

path = pathlib.Path(sys.argv[1])
before = len(os.listdir("/proc/self/task"))
write_parquet(pd.DataFrame({name: range(5000) for name in "abcdefgh"}), path, {})
assert len(read_parquet(path)[0]) == 5000
print(before, len(os.listdir("/proc/self/task")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "rows.parquet")], capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert after == before
