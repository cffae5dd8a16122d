"""Nothing that a study reads is run: no pickle, no code from data or configuration; no address but the registry's."""

import ast
import pickle
import re
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
import yaml

from unmixing.code_version import PACKAGE
from unmixing.configuration import read_yaml, validate
from unmixing.errors import UnmixingError
from unmixing.scenes import read_scene
from unmixing.scenes.labels import read_labels
from unmixing.scenes.registry import load_registry
from unmixing.store import CellStore, find_recipe, read_parquet
from unmixing.tables.forms import Column
from unmixing.tables.writing import Table, html_text, latex_text, markdown_text

ROOT = Path(__file__).parents[2]
MODULES = sorted(PACKAGE.rglob("*.py"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]

#: They run what they read, or open connections.
FORBIDDEN = {
    *("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "runpy", "code", "codeop"),
    *("socket", "http", "ftplib", "smtplib", "xmlrpc", "requests", "httpx", "aiohttp", "urllib3", "webbrowser"),
    *("zipfile", "tarfile", "ctypes", "multiprocessing.managers"),
}
#: The one place where the network is asked.
NETWORK = {"scenes/fetch.py": {"urllib.error", "urllib.request"}}
#: The one place that calls the C library by itself: `mallopt`, with constants.
FOREIGN = {"training/memory.py": {"ctypes"}}
#: Who may load a module by its name, which is one of a fixed list or of this package.
BY_NAME = {
    *("programs/command.py", "programs/table.py", "programs/figure.py", "programs/semantic.py"),
    *("scenes/__init__.py", "semantic/__init__.py", "semantic/text.py", "programs/verify.py", "verification.py"),
}
#: Who may read the environment.
ENVIRONMENT = {"study.py", "programs/study.py"}


def _trees():
    for path in MODULES:
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def _calls(tree):
    """Return each call with the name it goes by, such as ``np.load``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def _words(call):
    return {word.arg: ast.unparse(word.value) for word in call.keywords}


def test_no_module_imports_what_runs_data_or_opens_connections():
    found = {
        (name, module)
        for name, tree in _trees()
        for module in _imports(tree)
        if module.split(".")[0] in FORBIDDEN | {"urllib"}
        and module not in {"urllib.parse", *NETWORK.get(name, ()), *FOREIGN.get(name, ())}
    }
    assert found == set()


def test_no_module_runs_text_or_a_shell():
    words = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "builtins.eval", "runpy.run_path"}
    found = [
        (name, called)
        for name, tree in _trees()
        for called, call in _calls(tree)
        if called in words or "read_pickle" in called or "to_pickle" in called or _words(call).get("shell") == "True"
    ]
    assert found == []


def test_every_loader_is_the_one_that_runs_nothing():
    loaders = 0
    for name, tree in _trees():
        for called, call in _calls(tree):
            if called in ("np.load", "numpy.load"):
                assert _words(call).get("allow_pickle") == "False", name
            elif called == "torch.load" or called.endswith("open_clip.create_model"):
                assert _words(call).get("weights_only") == "True", name
            elif called.startswith("yaml."):
                assert called in (
                    "yaml.load",
                    "yaml.safe_load",
                    "yaml.safe_dump",
                    "yaml.constructor.ConstructorError",
                ), name
                if called == "yaml.load":
                    source = (PACKAGE / name).read_text(encoding="utf-8")
                    assert "SafeLoader" in source, name
                    assert not re.search("UnsafeLoader|FullLoader|yaml\\.Loader", source), name
            else:
                continue
            loaders += 1
    assert loaders > 5, "the scan finds what there is"


def test_modules_are_loaded_by_name_in_few_places_and_the_environment_is_read_in_two():
    loading = {name for name, tree in _trees() for called, _ in _calls(tree) if called.endswith("import_module")}
    assert loading <= BY_NAME
    reading = {
        name
        for name, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
    }
    assert reading == ENVIRONMENT


def test_addresses_of_the_registry_are_https_and_files_are_known_by_a_checksum_and_stay_in_their_folder():
    seen = 0
    for entry in load_registry().values():
        for item in entry.files:
            path = Path(item.path)
            assert not path.is_absolute()
            assert ".." not in path.parts
            assert item.sha256 or item.git_blob, item.path
            for address in item.addresses:
                parts = urlsplit(address)
                assert parts.scheme == "https"
                assert parts.hostname
                assert [parts.username, parts.password, parts.port] == [None] * 3
                seen += 1
    assert seen > 3


#: Placeholders that hold what a user wrote, paths of his included, and those whose values come from fixed sets.
FIXED = {"benchmarks", "store", "matching", "code", "module", "part", "seed"}


def test_what_a_user_wrote_is_quoted_in_every_shell_command():
    placeholders = 0
    for path in RULES:
        text = path.read_text(encoding="utf-8")
        for name, quoted in re.findall(r"\{params\.(\w+)(:q)?\}", text):
            assert quoted or name in FIXED, f"{path.name}: {{params.{name}}} is not quoted"
            placeholders += 1
        assert not re.search(r"\{input\.(source|released)\}", text), f"{path.name}: a user's path is not quoted"
        assert not re.search(r"^\s*run:", text, re.MULTILINE), path.name
    assert placeholders > 10
    constraints = (ROOT / "Snakefile").read_text(encoding="utf-8").partition("wildcard_constraints:")[2]
    assert not re.search(r'="[^"]*[.$;&`(*][^"]*"', constraints.partition("report:")[0].replace("[a-z0-9_-]+", ""))


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture
def bomb(tmp_path):
    made = Bomb(tmp_path / "went off")
    pickle.loads(pickle.dumps(made))
    assert made.path.exists(), "it does go off"
    made.path.unlink()
    return made


def test_pickles_in_arrays_are_refused_and_not_run(bomb, tmp_path):
    objects = np.empty((2, 2, 3), dtype=object)
    objects[:] = bomb
    np.save(tmp_path / "cube.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "cube.npz", cube=objects)
    store = CellStore.open(tmp_path, "baseline", "described", "x", "standard", {})
    np.savez(store.path(0), endmembers=objects, record=np.array("{}"))
    for read in (
        lambda: read_scene(tmp_path / "cube.npy"),
        lambda: read_scene(tmp_path / "cube.npz"),
        lambda: read_labels(tmp_path / "cube.npy"),
        lambda: store.read(0),
    ):
        with pytest.raises(UnmixingError):
            read()
        assert not bomb.path.exists()


@pytest.mark.parametrize("suffix", [".nc", ".mat", ".npz", ".npy", ".tif", ".hdr", ".safetensors"])
def test_a_pickle_under_any_name_is_refused_and_not_run(bomb, tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(pickle.dumps(bomb))
    if suffix == ".safetensors":
        from unmixing.semantic.model import read_model as read
    else:
        read = read_scene
    with pytest.raises(UnmixingError):
        read(path)
    assert not bomb.path.exists()


def test_a_table_with_a_pickle_in_its_metadata_stays_a_table(bomb, tmp_path):
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": [pickle.dumps(bomb)]}).to_parquet(path)
    with pytest.raises(UnmixingError, match="no provenance"):
        read_parquet(path)
    assert not bomb.path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "study: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{}']]\n",
        "!!python/object/new:os.system ['touch {}']\n",
        "__use_yte__: true\n__definitions__:\n  - import pathlib\n  - pathlib.Path('{}').touch()\nstudy: demo\n",
        "study: \"$(touch '{}')\"\n",
    ],
    ids=["object", "shell", "template", "substitution"],
)
def test_code_in_a_configuration_is_refused_and_not_run(tmp_path, text):
    path, mark = tmp_path / "config.yaml", tmp_path / "ran"
    path.write_text(text.format(mark))
    with pytest.raises(UnmixingError):
        validate(read_yaml(path))
    assert not mark.exists()


def test_snakemake_too_reads_a_configuration_without_running_its_tags(tmp_path):
    configfile = pytest.importorskip("snakemake.common.configfile")
    path, mark = tmp_path / "config.yaml", tmp_path / "ran"
    path.write_text(f"study: !!python/object/apply:os.system ['touch {mark}']\n")
    with pytest.raises(Exception, match=r"(?i)yaml|config"):
        configfile.load_configfile(str(path))
    assert not mark.exists()


@pytest.mark.parametrize("run", ["../../etc/x/0", "a/../../b/0", "/etc/a/b/0", "a/b/c/*/0", "a/b/../x/0"])
def test_an_id_of_a_run_leads_nowhere_but_into_the_store(tmp_path, run):
    store = tmp_path / "store"
    store.mkdir()
    for folder in (tmp_path / "etc/x/deep", tmp_path / "b/deep"):
        folder.mkdir(parents=True)
        (folder / "0.npz").touch()
    with pytest.raises(UnmixingError, match="is no run"):
        find_recipe(store, run)


def test_what_data_say_is_escaped_in_every_form_of_a_table():
    evil = "<script>alert(1)</script> \\input{x} $y$ [a](javascript:b) |"
    frame = pd.DataFrame({"name": [evil]})
    table = Table("table", evil, evil, frame, [Column("name", evil)], notes=[evil], provenance={"commit": evil})
    page = html_text(table)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "\\input{x}" not in latex_text(table)
    assert "<script>" not in markdown_text(table)


def test_profiles_and_environments_name_no_password():
    for path in [
        *(ROOT / "profiles").rglob("*.yaml"),
        *(ROOT / "envs").glob("*.yaml"),
        *(ROOT / "container").glob("*"),
    ]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?i)(password|secret_key|access_key|token)\s*[:=]\s*\S", text), path
        if path.suffix == ".yaml":
            assert isinstance(yaml.safe_load(text), dict)
