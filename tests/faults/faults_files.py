"""Files of a study that were cut, emptied, exchanged, or lost a bit."""

import json
import shutil
from pathlib import Path

import numpy as np

from faults.ground import SCENE, as_json, call, damage, fault, finished, no_halves, refusal, refused
from unmixing.errors import UnmixingError
from unmixing.scenes.dataset import open_scene, write_scene
from unmixing.scenes.synthetic import make_synthetic
from unmixing.store import CellStore, read_journal, read_parquet

FLIPS = 150


def _damaged_run(folder: Path, kind: str) -> str:
    ground, wanted = finished(folder)
    damage(ground.run_file(1), kind, seed=5)
    said = ground.train()
    assert said.status == 0, said.err
    seen = ground.ends_the_same(wanted)
    return f"{seen}; {'set aside and trained again' if 'set aside' in said.out else 'its numbers were untouched'}"


@fault("files", "a run's npz is truncated")
def run_truncated(folder: Path) -> str:
    return _damaged_run(folder, "truncated")


@fault("files", "a run's npz is empty")
def run_emptied(folder: Path) -> str:
    return _damaged_run(folder, "emptied")


@fault("files", f"one of {FLIPS} bits of a run's npz is flipped")
def run_flipped(folder: Path) -> str:
    ground, wanted = finished(folder)
    path = ground.run_file(0)
    sound, store = path.read_bytes(), CellStore(path.parent)
    arrays, record = store.read(0)
    caught = 0
    for seed in range(FLIPS):
        damage(path, "flipped", seed)
        try:
            others, other_record = store.read(0)
        except UnmixingError:
            caught += 1
        else:
            assert other_record == record
            assert others.keys() == arrays.keys()
            assert all(np.array_equal(arrays[name], others[name], equal_nan=True) for name in arrays)
        path.write_bytes(sound)
    damage(path, "flipped", 0)
    return f"{ground.ends_the_same(wanted)}; {caught} of {FLIPS} noticed, the others changed no number"


@fault("files", "a run's npz is that of another run")
def run_exchanged(folder: Path) -> str:
    ground, wanted = finished(folder)
    shutil.copy(ground.run_file(0), ground.run_file(1))
    refused(ground.evaluate(), "it holds run 0", "delete")
    return ground.ends_the_same(wanted)


@fault("files", "a run's npz comes from another recipe")
def run_of_another_recipe(folder: Path) -> str:
    ground, wanted = finished(folder)
    path = ground.run_file(0)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    record = {**json.loads(str(arrays["record"])), "recipe": "0123456789ab"}
    np.savez(path, **{**arrays, "record": np.array(json.dumps(record))})
    refused(ground.evaluate(), "recipe 0123456789ab")
    return ground.ends_the_same(wanted)


@fault("files", "a run's npz is gone although its manifest says that it is finished")
def run_gone(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(0).unlink()
    refused(ground.evaluate(), "0.npz is missing", "delete", str(ground.manifest))
    return ground.ends_the_same(wanted)


def _rows(folder: Path, kind: str) -> str:
    ground, wanted = finished(folder)
    damage(ground.rows, kind, seed=3)
    seen = refused(ground.table(), str(ground.rows), "damaged", "delete it")
    ground.ends_the_same(wanted)
    return seen


@fault("files", "run rows (Parquet) are truncated")
def rows_truncated(folder: Path) -> str:
    return _rows(folder, "truncated")


@fault("files", "run rows (Parquet) are empty")
def rows_emptied(folder: Path) -> str:
    return _rows(folder, "emptied")


@fault("files", f"one of {FLIPS} bits of run rows (Parquet) is flipped")
def rows_flipped(folder: Path) -> str:
    ground, _ = finished(folder)
    sound = ground.rows.read_bytes()
    frame, provenance = read_parquet(ground.rows)
    caught = 0
    for seed in range(FLIPS):
        damage(ground.rows, "flipped", seed)
        try:
            other, other_provenance = read_parquet(ground.rows)
        except UnmixingError:
            caught += 1
        else:
            assert other.equals(frame)
            assert other_provenance == provenance
        ground.rows.write_bytes(sound)
    assert caught > 0.9 * FLIPS
    return f"refused: {caught} of {FLIPS} flips, the others changed no value"


@fault("files", "run rows come from another program and carry no provenance")
def rows_foreign(folder: Path) -> str:
    ground, wanted = finished(folder)
    read_parquet(ground.rows)[0].to_parquet(ground.rows)
    seen = refused(ground.table(), "no provenance", "delete it")
    ground.ends_the_same(wanted)
    return seen


@fault("files", "a table's Parquet is truncated when the report reads it")
def table_truncated(folder: Path) -> str:
    ground, _ = finished(folder)
    path = folder / "tables" / "table3.parquet"
    damage(path, "truncated")
    options = ["--tables", path, "--figures", folder / "none.svg", "--command", "make", "--study", ground.description]
    options += ["--workflow", '{"steps": [], "planned": {}}', "--benchmarks", folder]
    return refused(call("report", *options, "--output", folder / "index.html"), str(path), "damaged")


def _scene(folder: Path, kind: str) -> str:
    ground, _ = finished(folder)
    damage(ground.scene, kind, seed=11)
    ground.manifest.unlink()
    return refused(ground.train(), str(ground.scene), "delete it and make it again")


@fault("files", "a scene (NetCDF) is truncated")
def scene_truncated(folder: Path) -> str:
    return _scene(folder, "truncated")


@fault("files", "a scene (NetCDF) is empty")
def scene_emptied(folder: Path) -> str:
    return _scene(folder, "emptied")


@fault("files", f"one of {FLIPS} bits of a scene (NetCDF) is flipped")
def scene_flipped(folder: Path) -> str:
    ground, _ = finished(folder)
    sound = ground.scene.read_bytes()
    wanted = open_scene(ground.scene)
    caught = 0
    for seed in range(FLIPS):
        damage(ground.scene, "flipped", seed)
        try:
            found = open_scene(ground.scene)
        except UnmixingError:
            caught += 1
        else:
            assert found.identical(wanted)
        ground.scene.write_bytes(sound)
    assert caught > 0.9 * FLIPS
    return f"refused: {caught} of {FLIPS} flips, the others changed no value"


@fault("files", "another scene lies under a scene's name")
def scene_exchanged(folder: Path) -> str:
    ground, _ = finished(folder)
    write_scene(make_synthetic("synthetic_hard"), ground.scene)
    seen = refused(ground.train(), "holds scene synthetic_hard, not synthetic_easy")
    refused(ground.evaluate(), "holds scene synthetic_hard")
    return seen


@fault("files", "a manifest is cut short")
def manifest_truncated(folder: Path) -> str:
    ground, wanted = finished(folder)
    damage(ground.manifest, "truncated")
    seen = refused(ground.evaluate(), str(ground.manifest), "damaged", "delete it")
    ground.ends_the_same(wanted)
    return seen


@fault("files", "a manifest is JSON of something else")
def manifest_foreign(folder: Path) -> str:
    ground, wanted = finished(folder)
    for value in ({"cells": [1]}, {"cells": {}}, [], {}, "x", None):
        ground.manifest.write_text(as_json(value))
        seen = refused(ground.evaluate(), str(ground.manifest), "no manifest")
    ground.ends_the_same(wanted)
    return seen


@fault("files", f"one of {FLIPS} bits of a manifest is flipped")
def manifest_flipped(folder: Path) -> str:
    ground, wanted = finished(folder)
    sound = ground.manifest.read_bytes()
    from unmixing.store import read_cells

    known = read_cells([ground.manifest])
    caught = 0
    for seed in range(FLIPS):
        damage(ground.manifest, "flipped", seed)
        try:
            found = read_cells([ground.manifest])
        except UnmixingError:
            caught += 1
        else:
            assert found == known or "unmixing_sha256" not in json.loads(ground.manifest.read_text()), (
                "a value was changed"
            )
        ground.manifest.write_bytes(sound)
    ground.ends_the_same(wanted)
    return f"refused: {caught} of {FLIPS} flips, the others changed no value"


@fault("files", "the study's description is cut short")
def description_truncated(folder: Path) -> str:
    ground, wanted = finished(folder)
    damage(ground.description, "truncated")
    seen = refused(ground.table(), str(ground.description), "damaged")
    ground.ends_the_same(wanted)
    return seen


@fault("files", "a journal holds torn lines, other JSON, and bytes that are no text")
def journal_garbage(folder: Path) -> str:
    ground, wanted = finished(folder)
    (journal,) = ground.store.rglob("journal.jsonl")
    before = read_journal(ground.store)
    with journal.open("ab") as handle:
        handle.write(b'\xff\xfe\x00{"time": 1, "ev\n[]\n7\n{"a": 1}\nnull\n{"time": 2.0, "event"')
    assert read_journal(ground.store) == before
    ground.run_file(1).unlink()
    seen = ground.ends_the_same(wanted)
    assert [entry["run"] for entry in read_journal(ground.store)[len(before) :]] == [1]
    return seen


@fault("files", "a recipe beside its runs is cut short, and a run is replayed")
def recipe_truncated(folder: Path) -> str:
    ground, _ = finished(folder)
    (recipe,) = ground.store.rglob("recipe.json")
    damage(recipe, "truncated")
    return refused(
        call("replay", f"baseline/described/{SCENE}/standard/0", "--results", folder), "recipe.json", "damaged"
    )


@fault("files", "a killed program left half-written files")
def halves_left(folder: Path) -> str:
    ground, wanted = finished(folder)
    path = ground.run_file(1)
    path.rename(path.with_name(".1.npz.99.partial.npz"))
    seen = ground.ends_the_same(wanted)
    no_halves(folder)
    return seen


@fault("files", "a trained model (safetensors) has one bit flipped")
def model_flipped(folder: Path) -> str:
    from unmixing.semantic.model import MODELS_FOLDER, read_model

    for name in ("small.safetensors", "small.sha256"):
        shutil.copy(MODELS_FOLDER / name, folder / name)
    for seed in range(20):
        damage(folder / "small.safetensors", "flipped", seed)
        seen = refusal(lambda: read_model(folder / "small.safetensors"), "copy both files again")
        shutil.copy(MODELS_FOLDER / "small.safetensors", folder / "small.safetensors")
    return seen


@fault("files", "text anchors (Parquet) are truncated")
def anchors_truncated(folder: Path) -> str:
    from unmixing.semantic.anchor_store import ANCHORS_FOLDER, read_anchors

    path = folder / "ngrams.parquet"
    shutil.copy(ANCHORS_FOLDER / "ngrams.parquet", path)
    damage(path, "truncated")
    return refusal(lambda: read_anchors(path))


@fault("files", "measured costs are JSON of something else")
def costs_foreign(folder: Path) -> str:
    from unmixing.plan import read_costs

    path = folder / "training_step.json"
    for value in ([1], {"a": 1}, "x"):
        path.write_text(as_json(value))
        refusal(lambda: read_costs(path), "damaged")
    path.write_text("[")
    return refusal(lambda: read_costs(path), "damaged")


@fault("files", "the journal of a search is cut in the middle of a line")
def search_journal_torn(folder: Path) -> str:
    from unmixing.search import GRIDS, Grid, SearchJournal, Trial

    grid = Grid("nt_xent", dict(GRIDS["nt_xent"].levels))
    path = folder / "search.jsonl"
    journal = SearchJournal(path, grid, "random", 1)
    for place in range(3):
        journal.record(Trial(grid.configuration(place), 0.1 * (place + 1), "ok", ""))
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    assert len(SearchJournal(path, grid, "random", 1).trials()) == 2
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 0x80
    path.write_bytes(bytes(damaged))
    return refusal(lambda: SearchJournal(path, grid, "random", 1), "damaged")


@fault("files", "a registered scene's file has the right name and length and other content")
def source_damaged(folder: Path) -> str:
    import os

    from unmixing.scenes.registry import scene_entry

    path = folder / "Samson.mat"
    path.touch()
    os.truncate(path, scene_entry("samson").files[0].bytes)
    seen = refused(
        call("scene", "samson", "--source", path, "--output", folder / "samson.nc"), "checksum", "replace it"
    )
    assert not (folder / "samson.nc").exists()
    return seen


@fault("files", "the recorded seed of a study is damaged")
def entropy_damaged(folder: Path) -> str:
    from faults.ground import study

    drawn = study(folder, entropy="system").entropy()
    path = folder / "entropy" / "demo.json"
    assert study(folder, entropy="system").entropy() == drawn
    text = path.read_text(encoding="utf-8")
    first = next(place for place, letter in enumerate(text) if letter.isdigit())
    for content in (text[: len(text) // 2], "[]", "{}", text[:first] + str(9 - int(text[first])) + text[first + 1 :]):
        path.write_text(content, encoding="utf-8")
        seen = refusal(lambda: study(folder, entropy="system").entropy(), str(path))
    return seen
