import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_conda_environment_has_the_dependencies_of_the_package():
    environment = yaml.safe_load((ROOT / "envs/study.yaml").read_text())
    assert environment["dependencies"][-1]["pip"] == sorted(PROJECT["dependencies"])


def test_the_lock_names_every_dependency_within_its_bound():
    locked = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().lower().split())
    wanted = PROJECT["dependencies"] + [entry for extra in PROJECT["optional-dependencies"].values() for entry in extra]
    for entry in wanted:
        name, bound = re.fullmatch(r"([\w-]+)>=([\d.]+)", entry.lower()).groups()
        version = locked.get(name) or locked[name.replace("-", "_")]
        assert [int(part) for part in re.findall(r"\d+", version)] >= [int(part) for part in bound.split(".")], entry


def test_every_file_that_the_readme_shows_or_links_is_there():
    named = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert "reports/pictures/baseline.png" in named
    assert all((ROOT / path).is_file() for path in named)


def test_dependencies_have_lower_bounds_and_no_pins():
    assert all(">=" in entry and "==" not in entry for entry in PROJECT["dependencies"])
