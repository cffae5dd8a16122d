"""What a user meets when something is wrong, and what a killed study leaves."""

import ast
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from project import Project
from unmixing.code_version import PACKAGE, closure, module_path
from unmixing.programs.command import PROGRAMS
from unmixing.store import read_journal


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "study")


def _wait_for_run(project, run, process, seconds=120):
    """Return the process that trains ``run``, as soon as the journal says that it started."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for entry in read_journal(project.store) if project.store.exists() else []:
            if entry["event"] == "start" and entry["run"] == run:
                return entry["process"]
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    raise AssertionError(f"run {run} did not start within {seconds} s")


@pytest.mark.parametrize("program", ["unmixing", "snakemake"])
def test_a_wrong_key_stops_at_once_with_one_line(project, program):
    project.configure(baseline={"epocs": 3})
    output = project.run(fails=True, program=program)
    lines = [line for line in output.splitlines() if "profile" not in line]
    assert len(lines) == 1, output
    assert "key baseline.epocs = 3 is unknown; allowed here: runs, epochs, patches" in lines[0]
    assert not (project.folder / "results").exists()


def test_a_missing_scene_is_skipped_with_its_reason_in_the_table(project):
    project.configure(scenes=["synthetic_easy", "samson"], baseline={"runs": 1, "epochs": 1})
    output = project.run("table3")
    assert "scene samson is skipped:" in output
    row = next(line for line in project.text("results/demo/tables/table3.md").splitlines() if "| Samson" in line)
    assert "0.0654" in row
    assert "UNMIXING_SCENES" in row


def test_a_patch_larger_than_the_scene_is_one_clear_line(project):
    project.configure(baseline={"patch_size": 99})
    output = project.run(fails=True)
    assert "unmixing train: patches of 99x99 pixels do not fit into a scene of 40x40: lower patch_size" in output
    assert "Traceback" not in output
    assert not list(project.folder.rglob("baseline*.parquet"))


def test_a_diverged_run_is_a_row_and_the_study_goes_on(project):
    project.configure(baseline={"epochs": 1})
    project.edit("workflow/unmixing/training/fitting.py", "lr=self.learning_rate", "lr=1e38")
    output = project.run()
    assert "run 1 of 2 diverged, loss or weights not finite in epoch 1" in output
    table = project.text("results/demo/tables/table3.csv")
    assert "loss or weights not finite in epoch 1" in table


def test_killed_in_its_third_run_a_cell_repeats_none_and_ends_the_same(tmp_path):
    settings = {"runs": 4, "epochs": 8, "patches": 40}
    undisturbed = Project(tmp_path / "undisturbed", **settings)
    undisturbed.run("table3")
    project = Project(tmp_path / "killed", **settings)
    process = project.start("table3")
    os.kill(_wait_for_run(project, 2, process), signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0
    output = project.run("table3")
    assert "2 of 4 runs are in the store" in output
    assert project.starts() == [0, 1, 2, 2, 3]
    assert project.digest() == undisturbed.digest()
    assert not list(project.store.rglob("*partial*"))


def test_killed_scheduler_second_start_clears_its_lock_and_repeats_nothing(tmp_path):
    project = Project(tmp_path / "study", runs=3, epochs=40, patches=60)
    process = project.start("table3")
    _wait_for_run(project, 1, process)
    refused = project.run(fails=True)
    assert "a study is running in" in refused
    assert len(refused.splitlines()) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    # The training outlives its scheduler; its successor waits for it and finds its runs.
    output = project.run("table3")
    assert "Snakemake's lock behind: cleared" in output
    assert sorted(project.starts()) == [0, 1, 2]


def test_a_live_bare_snakemake_is_not_disturbed(project):
    project.configure(baseline={"epochs": 60, "patches": 60})
    process = project.start("table3", program="snakemake")
    try:
        _wait_for_run(project, 0, process)
        assert "Snakemake is running in" in project.run(fails=True)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def test_deleted_and_damaged_inputs_are_one_clear_line_each(project):
    project.configure(baseline={"runs": 1, "epochs": 1})
    project.run("table3")
    next(project.store.rglob("0.npz")).unlink()
    output = project.run("table3", "--forcerun", "evaluate", fails=True)
    assert "0.npz is missing" in output
    assert "delete results/demo/cells/baseline/described/synthetic_easy/standard.json first" in output
    assert "Traceback" not in output
    scene = project.folder / "results/scenes/synthetic_easy.nc"
    scene.write_bytes(scene.read_bytes()[:5000])
    output = project.run("table3", fails=True)
    assert "unmixing train: " in output
    assert "Traceback" not in output


def _imports_torch(module):
    """Whether loading a module of the package loads torch: an import outside of functions and of TYPE_CHECKING."""
    waiting = list(ast.parse(module_path(module).read_text()).body)
    while waiting:
        node = waiting.pop()
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] == "torch" for name in names):
            return True
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)
    return False


def _torch_reached(module):
    """Modules that need torch among all that a module imports, at its top or when it runs, and their packages."""
    reached = set(closure(module))
    reached |= {name.rpartition(".")[0] for name in reached} - {""}
    return sorted(filter(_imports_torch, reached))


LOADED_BY_NAME = [
    f"{folder}.{path.stem}"
    for folder in ("tables", "figures", "report", "scenes")
    for path in sorted((PACKAGE / folder).glob("[!_]*.py"))
]
"""Tables and figures, which programs load by name, and what makes reports and scenes."""


TRAINING = {"anchors", "governance", "purity", "replay", "semantic", "semantic_train", "train", "unmix"}
"""Programs that train, make the images of a training, or use a trained model."""

FROM_THE_MODEL = {"figures.architecture", "figures.contrastive_architecture", "figures.recording"}
"""Figures that are drawn from a network as it is built."""


@pytest.mark.parametrize(
    "module",
    [
        *(f"programs.{name}" for name in PROGRAMS if name not in TRAINING),
        *(name for name in LOADED_BY_NAME if name not in FROM_THE_MODEL),
    ],
)
def test_programs_but_training_never_import_torch(module):
    assert _torch_reached(module) == []


def test_training_imports_torch():
    assert {"models.cnnaeu", "training.reconstruction"} <= set(_torch_reached("programs.train"))
    assert not _imports_torch("seeds"), "a function of it does, when it is called"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_needs_no_heavy_library(program):
    script = (
        "import sys\nfrom unmixing.programs.command import main\n"
        f"try: main([{program!r}, '--help'])\nexcept SystemExit as end: status = end.code\n"
        "heavy = [m for m in ('torch', 'matplotlib', 'xarray') if m in sys.modules]\nprint(status, heavy)"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert output.stdout.splitlines()[-1] == "0 []"


def test_provenance_names_commit_versions_and_machine():
    from unmixing.provenance import provenance

    record = json.loads(json.dumps(provenance(extra=1)))
    assert {"commit", "versions", "processor", "cores", "extra"} == set(record)
    assert record["versions"]["numpy"][0].isdigit()
