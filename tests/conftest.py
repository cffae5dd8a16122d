"""Fixtures shared by all tests: the folders of real data, which a bare clone does not have."""

import os
from pathlib import Path

# Before any numerical library starts its threads: tests run beside each other, one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is unset: {what} are not at hand")
    folder = Path(value)
    if not folder.is_dir():
        pytest.fail(f"{variable} names {folder}, which is not a folder")
    return folder


@pytest.fixture
def scenes_folder() -> Path:
    return _folder("UNMIXING_SCENES", "the real scenes")


@pytest.fixture
def libraries_folder() -> Path:
    return _folder("UNMIXING_LIBRARIES", "the spectral libraries")


@pytest.fixture
def reference_folder() -> Path:
    return _folder("UNMIXING_REFERENCE", "the released spreadsheets")
