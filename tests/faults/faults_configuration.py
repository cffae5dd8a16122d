"""Configurations that no study can have."""

import time
from pathlib import Path

import yaml

from faults.ground import fault
from project import ROOT
from unmixing.configuration import merge, read_yaml, validate
from unmixing.errors import UnmixingError


def _refused(text: str | bytes, folder: Path, *words: str) -> str:
    path = folder / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    started = time.monotonic()
    try:
        validate(read_yaml(path))
    except UnmixingError as refusal:
        lines = str(refusal).splitlines()
        for word in words:
            assert any(word in line for line in lines), lines
        assert all(len(line) < 2000 for line in lines)
        assert time.monotonic() - started < 20
        return f"refused: {lines[0][:200]}"
    raise AssertionError("a wrong configuration was taken")


def _demo(**changes: object) -> str:
    values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    return yaml.safe_dump(merge(values, changes), allow_unicode=True)


@fault("configuration", "it is no YAML")
def no_yaml(folder: Path) -> str:
    return _refused("study: [demo\nseed: 1\n", folder, "line", "mend the YAML")


@fault("configuration", "it is empty")
def empty(folder: Path) -> str:
    return _refused("", folder, "holds no keys")


@fault("configuration", "it is no text")
def no_text(folder: Path) -> str:
    return _refused(b"study: \xff\xfe demo", folder, "cannot be read")


@fault("configuration", "a key is there twice, of which YAML would keep the last")
def key_twice(folder: Path) -> str:
    text = _demo().replace("seed:", "seed: 1\nseed:", 1)
    return _refused(text, folder, "key seed is there twice")


@fault("configuration", "a tag of YAML asks for code to be run")
def code(folder: Path) -> str:
    seen = _refused(f"study: !!python/object/apply:os.system ['touch {folder}/pwned']\n", folder, "mend the YAML")
    assert not (folder / "pwned").exists()
    return seen


@fault("configuration", "references of YAML unfold to billions of values")
def unfolding(folder: Path) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return _refused("\n".join(lines), folder, "is unknown")


@fault("configuration", "a number is NaN or infinite")
def not_finite(folder: Path) -> str:
    for value in (float("nan"), float("inf"), -float("inf")):
        seen = _refused(_demo(baseline={"learning_rate": value}), folder, "baseline.learning_rate")
    return seen


@fault("configuration", "a number is text, a list is a number, a section is a list")
def other_types(folder: Path) -> str:
    _refused(_demo(baseline={"runs": "3"}), folder, "baseline.runs")
    _refused(_demo(scenes=3), folder, "scenes")
    return _refused(_demo(baseline=[1]), folder, "baseline")


@fault("configuration", "the study's name leads out of the results")
def name_leads_out(folder: Path) -> str:
    for name in ("../x", "a/b", "/x", "store", "a b", "a;b", "é", ""):
        seen = _refused(_demo(study=name), folder, "study")
    return seen
