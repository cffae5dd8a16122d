import ast
import hashlib
import shutil

import pytest

from unmixing import code_version as module
from unmixing.code_version import (
    INFRASTRUCTURE,
    NUMERIC_MODULES,
    PACKAGE,
    closure,
    code_version,
    normalised_source,
    output_version,
)


def test_the_declared_lists_are_fixed():
    # Adding a module here makes every stored run of that phase old: do it only where numbers change.
    assert NUMERIC_MODULES["baseline"] == (
        "losses.angles",
        "models.cnnaeu",
        "ops",
        "patches",
        "protocol.baseline",
        "seeds",
        "training.fitting",
        "training.reconstruction",
    )


def test_the_declared_list_of_the_classical_phase_is_fixed():
    assert NUMERIC_MODULES["classical"] == (
        "classical.abundances",
        "classical.active_set",
        "classical.checks",
        "classical.extraction",
        "classical.factorisation",
        "classical.methods",
        "classical.reference_rows",
        "seeds",
    )


@pytest.mark.parametrize("phase", [name for name in NUMERIC_MODULES if not name.startswith("evaluate")])
def test_a_training_phase_declares_all_it_computes_with_and_nothing_else(phase):
    reached = {name for declared in NUMERIC_MODULES[phase] for name in closure(declared)}
    assert reached - INFRASTRUCTURE == set(NUMERIC_MODULES[phase])
    strangers = ("study", "store", "metrics", "statistics", "tables", "figures", "report", "programs", "evaluation")
    assert not [name for name in NUMERIC_MODULES[phase] if name.split(".")[0] in strangers]


@pytest.mark.parametrize("scoring", ["evaluate", "evaluate_classical"])
def test_evaluation_declares_all_it_computes_with(scoring):
    reached = {name for declared in NUMERIC_MODULES[scoring] for name in closure(declared)}
    assert reached - INFRASTRUCTURE == set(NUMERIC_MODULES[scoring])
    assert "metrics" in reached
    assert not reached & {"training.reconstruction", "models.cnnaeu", "losses.angles"}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package whose files a test may edit."""
    folder = tmp_path / "unmixing"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "PACKAGE", folder)
    module._version.cache_clear()
    yield folder
    module._version.cache_clear()


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    module._version.cache_clear()


def test_comments_docstrings_layout_and_file_times_change_nothing(copy):
    before = code_version("baseline"), output_version("tables.table3")
    path = copy / "losses" / "angles.py"
    path.write_text("# a remark\n\n\n" + path.read_text().replace("Spectral angle (", "The spectral angle ("))
    path = copy / "models" / "cnnaeu.py"
    path.write_text(ast.unparse(ast.parse(path.read_text())))
    edit(copy / "patches.py", "import numpy as np\nimport torch\n", "import torch\nimport numpy as np\n")
    (copy / "study.py").write_text("NEW_KEY = 1\n")
    module._version.cache_clear()
    assert (code_version("baseline"), output_version("tables.table3")) == before


def test_a_formula_changes_its_phase_and_no_other(copy):
    training, scoring = code_version("baseline"), code_version("evaluate")
    edit(copy / "metrics.py", "np.arctan2", "np.arctan")
    assert code_version("baseline") == training
    assert code_version("evaluate") != scoring
    edit(copy / "models" / "cnnaeu.py", "SOFTMAX_SCALE = 3.0", "SOFTMAX_SCALE = 2.0")
    assert code_version("baseline") != training


def test_a_table_depends_on_its_module_on_what_that_imports_and_on_the_published_values(copy):
    before = output_version("tables.table3")
    edit(copy / "published" / "paper.csv", "0.0654", "0.0655")
    after = output_version("tables.table3")
    assert after != before
    edit(copy / "statistics" / "intervals.py", "float = 0.95", "float = 0.9")
    assert output_version("tables.table3") != after


def test_versions_do_not_depend_on_the_python_that_computes_them():
    # Recorded once: a change retrains every stored run of every user.
    tree = ast.parse("import b, a\n@d\ndef f(x: int, *y, z=1.5) -> str:\n    return f'{x!r:>{z}}' if y else b''\n")
    assert hashlib.sha256(module._dump(tree).encode()).hexdigest()[:12] == "bc7428fc7261"


def test_a_string_below_a_constant_is_documentation():
    source = normalised_source("code_version")
    assert "scores what the phases estimated" not in source
    assert "NUMERIC_MODULES" in source
