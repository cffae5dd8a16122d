"""The paper's six scenes keep their places."""

from __future__ import annotations

import pytest

from unmixing.errors import UnmixingError
from unmixing.tables.scene_rows import PAPER_SCENES, order_protocols, scenes_to_show

from .frames import scene, scenes


def test_the_six_come_first_as_printed():
    shown = scenes_to_show(scenes())
    assert [row.scene for row in shown] == [*PAPER_SCENES, "synthetic_easy"]
    assert list(PAPER_SCENES) == ["samson", "urban4", "urban5", "urban6", "cuprite", "jasper_ridge"]


def test_the_six_stay_when_nothing_is_listed():
    shown = scenes_to_show([])
    assert [row.scene for row in shown] == list(PAPER_SCENES)
    assert all(row.reason for row in shown)


def test_scenes_outside_the_study_are_left_out_unless_the_papers():
    extra = scene("dlr_hysu", paper=False, in_study=False)
    assert "dlr_hysu" not in [row.scene for row in scenes_to_show([extra])]


def test_a_missing_scene_of_the_study_stays_with_its_reason():
    shown = scenes_to_show([scene("dlr_hysu", paper=False, available=False)])
    assert "UNMIXING_SCENES" in shown[-1].reason


def test_a_crop_is_never_the_papers_scene():
    shown = scenes_to_show([scene("urban4_crop", kind="crop", paper=True)])
    assert not shown[-1].paper


@pytest.mark.parametrize(
    ("records", "message"),
    [([scene("samson")] * 2, "listed twice"), ([{"scene": "samson"}], "has no key")],
)
def test_a_bad_list_is_refused_in_one_line(records, message):
    with pytest.raises(UnmixingError, match=message) as caught:
        scenes_to_show(records)
    assert "\n" not in str(caught.value)


def test_described_stands_before_released():
    assert order_protocols(["released", "mended", "described"]) == ["described", "released", "mended"]
