"""Each script runs on the smallest shapes and writes records of the documented form. No time is judged."""

import json
import math

import agreement
import cost
import measuring
import numpy as np
import pytest
import start_up
import torch
import training_job
import training_step

from unmixing.programs.command import PROGRAMS
from unmixing.protocol.baseline import PROTOCOLS
from unmixing.seeds import run_streams
from unmixing.training.reconstruction import Schedule, train

EVERYWHERE = {"machine", "versions", "commit", "allocator", "load_before", "load_after"}


@pytest.fixture(autouse=True)
def _leaves_torch_as_it_was():
    before = torch.get_deterministic_debug_mode(), torch.get_num_threads()
    yield
    torch.set_deterministic_debug_mode(before[0])
    torch.set_num_threads(before[1])


def _records(path):
    def refuse(constant):
        pytest.fail(f"{path.name} holds {constant}, which is no JSON")

    records = json.loads(path.read_text(), parse_constant=refuse)
    assert isinstance(records, list)
    assert all(record.keys() >= EVERYWHERE for record in records)
    return records


def test_things_timed_in_turns_are_called_equally_often_and_start_in_turns():
    calls = []
    arms = {name: lambda name=name: calls.append(name) for name in "abc"}
    seconds, share = measuring.in_turns(arms, rounds=3, warm_up=1)
    assert "".join(calls) == "cab" + "abc" + "bca" + "cab"
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3, "c": 3}
    assert share > 0


def test_a_process_tells_its_answer_memory_and_libraries():
    done = measuring.in_a_process("answer = bytearray(100 * 2**20)[:2].hex()")
    assert done["answer"] == "0000"
    assert done["peak_mb"] > 100 + 5 > done["resident_mb"] > 2
    assert done["torch"] is False
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        measuring.in_a_process("1 / 0")


def test_arithmetic_of_the_paper_s_shapes():
    # 24,000 pixels; 156 bands; 48 filters of 3x3 twice, 3 endmembers of 13x13 three times, 1x1 three times.
    expected = 2 * 24000 * (2 * 156 * 48 * 9 + 3 * 156 * 3 * 169 + 3 * 48 * 3)
    assert training_step.Shape.of("samson").flop() == expected


def test_plain_port_does_the_arithmetic_that_is_written_out():
    shape = training_step.Shape("random", 20, 20, bands=6, endmembers=2, patches=2, size=16)
    arms = training_step.make_arms(shape)
    assert training_step.done_flop(arms["plain"]) == shape.flop()
    assert training_step.done_flop(arms["float32"]) < shape.flop()


TINY = ["--scenes", "synthetic_easy", "--rounds", "1", "--patches", "2", "--patch-size", "14"]


def test_training_step(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measuring, "bfloat16_instructions", lambda: "")
    monkeypatch.setitem(training_step.REQUIRED, ("synthetic_easy", "float32"), (2.6, 3.3))
    assert training_step.main([*TINY, "--output", str(tmp_path)]) == 0
    single, half = _records(tmp_path / "training_step.json")
    assert (single["scene"], single["precision"], half["precision"]) == ("synthetic_easy", "float32", "bfloat16")
    assert single["ratio"] == pytest.approx(single["plain_ms"] / single["fast_ms"], rel=0.01)
    assert 0 < single["share_of_peak"] < single["written_out_share_of_peak"]
    assert single["gflops"] == pytest.approx(single["flop_done"] / single["fast_ms"] / 1e6, rel=0.05)
    assert single["threads"] == 1
    assert "avx512_bf16" in half["skipped"]
    assert half["fast_ms"] is None
    assert half.keys() >= {"ratio", "peak_gflops", "share_of_peak"}
    output = capsys.readouterr().out
    assert "2.6    3.3" in output
    assert "skipped: the processor" in output


def test_profile_names_operations_of_each_training(tmp_path):
    arguments = ["--profile", "synthetic_easy", "--patches", "2", "--patch-size", "14", "--output", str(tmp_path)]
    assert training_step.main(arguments) == 0
    text = (tmp_path / "training_step_profile_synthetic_easy.txt").read_text()
    assert "synthetic_easy, plain: 3 updates" in text
    assert "synthetic_easy, float32: 3 updates" in text
    assert "aten::" in text


def test_exponent_of_a_power_law_and_its_interval():
    values = np.array([1.0, 2, 4, 8, 16])
    fit = cost.exponent(values, 3 * values**1.5)
    assert fit["exponent"] == fit["lower"] == fit["upper"] == 1.5
    assert fit["factor"] == pytest.approx(3)
    rough = cost.exponent(values, 3 * values**1.5 * np.exp([0.1, -0.1, 0.1, -0.1, 0.1]))
    # Residuals of +-.1 about a slope of 0, 5 points over 4 log 2: computed by hand.
    assert rough["upper"] - rough["lower"] == pytest.approx(
        2 * 3.1824 * math.sqrt(0.048 / 3 / 10) / math.log(2), abs=2e-3
    )


def test_cost(tmp_path):
    arguments = ["--rounds", "1", "--points", "3", "--patch-size", "14", "--scenes", "synthetic_easy"]
    assert cost.main([*arguments, "--axes", "patches", "patches_per_run", "--output", str(tmp_path)]) == 0
    records = _records(tmp_path / "cost.json")
    scene = records[0]
    assert (scene["kind"], scene["scene"], scene["precision"]) == ("scene", "synthetic_easy", "float32")
    assert (scene["bands"], scene["endmembers"], scene["patches"], scene["patch_size"]) == (60, 3, 15, 16)
    assert scene["seconds_per_update"] > 0
    assert scene["seconds_per_estimate"] > 0
    points = [record for record in records if record["kind"] == "point"]
    assert [(p["axis"], p["unit"], p["value"]) for p in points] == [
        *(("patches", "update", value) for value in (2, 4, 8)),
        *(("patches_per_run", "run", value) for value in (15, 30, 60)),
    ]
    fits = [record for record in records if record["kind"] == "exponent"]
    assert [fit["axis"] for fit in fits] == ["patches", "patches_per_run"]
    assert all(fit["lower"] <= fit["exponent"] <= fit["upper"] for fit in fits)
    assert {"cost.png", "cost.svg"} <= {path.name for path in tmp_path.iterdir()}


def test_a_job_trains_all_its_runs_in_a_store(tmp_path):
    code = training_job.training_job(training_job.scene_file(tmp_path), tmp_path / "store", runs=2, epochs=1)
    done = measuring.in_a_process(code)
    assert done["torch"] is True
    assert len(list((tmp_path / "store").rglob("*.npz"))) == 2
    assert json.loads((tmp_path / "store" / "manifest.json").read_text())["cells"][0]["runs"] == 2


def test_fast_curve_is_that_of_a_real_training():
    plan = agreement.Plan("synthetic_easy", "", epochs=2, patches=20, size=14)
    cube, references = agreement.load(plan)
    estimate = train(
        cube,
        len(references),
        Schedule(plan.epochs, plan.patches, plan.size, plan.batch, 0.003),
        PROTOCOLS["described"].training(),
        run_streams(plan.seed, plan.scene, agreement.RUN),
    )
    curves = agreement.run(plan, "fast")
    np.testing.assert_array_equal(np.float32(curves["loss_rad"]), estimate.losses)


def test_one_unit_off_moves_every_value_by_one_unit_and_keeps_the_maximum():
    cube = np.random.default_rng(0).random((6, 5, 4), dtype=np.float32)
    moved = agreement.one_unit_off(cube, np.random.default_rng(1))
    steps = np.abs(moved.view(np.int32).astype(np.int64) - cube.view(np.int32))
    assert moved.dtype == np.float32
    assert moved.max() == cube.max()
    assert steps[cube < cube.max()].tolist() == [1] * (cube.size - 1)
    assert 0.2 < (moved > cube).mean() < 0.8


def test_comparison_of_curves():
    curves = {"plain": [0.0, 0.0], "fast": [0.0, 0.3], "reordered": [0.1, 0.0], "unit_1": [0.0, -0.1]}
    found = agreement.compare({name: {"loss_rad": c, "sad_rad": c} for name, c in curves.items()})["sad_rad"]
    assert found["fast_to_plain"] == pytest.approx(0.3)
    assert found["rounding"] == pytest.approx(0.1)
    assert found["fast_is_farthest"] is True
    expected = (math.sqrt(0.01 / 2) + math.sqrt(0.01 / 2) + math.sqrt(0.09 / 2)) / 3
    assert found["apart"]["plain"] == pytest.approx(expected)


def _in_this_process(code):
    scope = {}
    exec(code, scope)
    return {"answer": scope["answer"], "seconds": 1.0, "peak_mb": 100.0}


def test_agreement(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measuring, "in_a_process", _in_this_process)
    arguments = ["--perturbations", "0", "--epochs", "2", "--patches", "15", "--output", str(tmp_path)]
    assert agreement.main(arguments) == 0
    records = _records(tmp_path / "agreement.json")
    runs = {record["arm"]: record for record in records if record["kind"] == "run"}
    assert set(runs) == {"plain", "fast", "reordered"}
    assert all(len(run["loss_rad"]) == len(run["sad_rad"]) == 2 for run in runs.values())
    np.testing.assert_allclose(runs["fast"]["loss_rad"], runs["plain"]["loss_rad"], rtol=1e-4)
    np.testing.assert_allclose(runs["fast"]["sad_rad"], runs["plain"]["sad_rad"], rtol=1e-3)
    assert runs["fast"]["peak_resident_mb"] == 100
    (comparison,) = (record for record in records if record["kind"] == "comparison")
    assert comparison["run_ratio"] > 0
    (skipped,) = (record for record in records if record["kind"] == "skipped")
    assert skipped["scene"] == "samson"
    assert skipped["reason"] in capsys.readouterr().out
    assert {"agreement.png", "agreement.svg"} <= {path.name for path in tmp_path.iterdir()}


def test_start_up(tmp_path):
    assert start_up.main(["--rounds", "1", "--programs", "schema", "--output", str(tmp_path)]) == 0
    bare, loaded = _records(tmp_path / "start_up.json")
    assert [(r["program"], r["state"], r["loads_torch"]) for r in (bare, loaded)] == [
        ("schema", "help", False),
        ("schema", "loaded", False),
    ]
    assert 2 < bare["resident_mb"] < loaded["resident_mb"] <= loaded["peak_mb"]
    assert bare["seconds"] > 0


def test_start_up_measures_a_real_job(tmp_path):
    codes = start_up.codes(tmp_path)
    assert {program for program, _ in codes} == {"python", *PROGRAMS}
    assert '"runs": 0' in codes["train", "job"]


TRAINING = {"anchors", "governance", "purity", "replay", "semantic", "semantic_train", "train", "unmix"}
"""Programs that may load torch."""


def test_no_program_but_training_loads_torch_by_any_library():
    # tests/workflow/test_faults.py reads the imports of each module; this one loads them, with all third parties.
    light = sorted(set(PROGRAMS) - TRAINING)
    names = sorted({name for program in light for name in start_up.reached(program)})
    assert {"unmixing.tables.table3", "unmixing.figures.style", "unmixing.programs.evaluate"} <= set(names)
    code = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    assert measuring.in_a_process(code)["torch"] is False


def test_training_loads_torch():
    assert {"unmixing.models.cnnaeu", "unmixing.ops"} <= set(start_up.reached("train"))
