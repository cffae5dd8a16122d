"""The recipes for containers take what is there, take the same, and say that nobody has built them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = (ROOT / "container/Dockerfile").read_text()
APPTAINER = (ROOT / "container/unmixing.def").read_text()


def copied(text):
    """Return what a recipe copies of the project."""
    if text is DOCKER:
        words = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY")]
        return {word for line in words for word in line}
    return set(re.findall(r"^    (\S+) /project/", text, re.MULTILINE))


@pytest.mark.parametrize("text", [DOCKER, APPTAINER], ids=["docker", "apptainer"])
def test_a_recipe_says_that_it_is_untested_and_installs_what_is_locked(text):
    assert text.splitlines()[0].startswith("# UNTESTED")
    assert "--constraint constraints.txt --editable '.[text,cluster]'" in text
    assert all((ROOT / name).exists() for name in copied(text))
    version = re.search(r"python:(\d+)\.(\d+)", text)
    assert tuple(map(int, version.groups())) >= (3, 11)


def test_both_recipes_take_all_that_a_study_reads():
    assert copied(DOCKER) == copied(APPTAINER)
    assert copied(DOCKER) >= {"Snakefile", "config.yaml", "workflow", "profiles", "envs", "reports", "pyproject.toml"}
