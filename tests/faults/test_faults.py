"""Every kind of fault gives one clear line or a right result; those that start Snakemake are met elsewhere.

`make reliability` meets all of them.
"""

import pytest

from faults.catalogue import FAULTS, NotHere


@pytest.mark.parametrize("fault", [one for one in FAULTS if not one.slow], ids=lambda one: f"{one.part}: {one.title}")
def test_a_fault_gives_one_clear_line_or_a_right_result(fault, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    try:
        seen = fault.meet(folder)
    except NotHere as reason:
        pytest.skip(str(reason))
    assert seen.startswith(("refused: ", "right: "))
    assert "\n" not in seen


def test_the_catalogue_has_at_least_forty_kinds_each_once():
    titles = [one.title for one in FAULTS]
    assert len(set(titles)) == len(titles) >= 40
