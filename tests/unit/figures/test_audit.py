"""The tornado of the audit: which bars are drawn, in which order, and what stands where there is nothing to draw."""

import numpy as np
import pandas as pd
import pytest

from unmixing.figures import audit
from unmixing.tables.audit_effects import REMAINDER, SUM

from ..tables.frames import runs, scenes
from ..tables.test_audit import BASE, arm, contrastive_study, study, sweep_study


def draw(rows):
    return audit.draw(pd.DataFrame(), rows, scenes())


def labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def messages(figure):
    return [text.get_text() for part in figure.subfigs for text in part.texts]


def test_bars_are_mean_differences_largest_first():
    axes = draw(study()).axes[0]
    assert axes.get_title(loc="left") == "Samson (real), from described, baseline, 4 to 5 pairs"
    assert labels(axes)[:3] == [
        "loss\nspectral_angle → elementwise_arccos",
        "batch_norm\ntracked → untracked",
        "initial_weights\nper_run → shared",
    ]
    assert (labels(axes)[3], labels(axes)[-1]) == (SUM, REMAINDER)
    assert [bar.get_width() for bar in axes.patches][:3] == pytest.approx([0.012, -0.004, 0.001])
    assert axes.yaxis_inverted(), "the largest stands on top"


def test_worse_and_better_differ_in_colour():
    bars = draw(study()).axes[0].patches
    assert bars[0].get_facecolor() == bars[2].get_facecolor() != bars[1].get_facecolor()


def test_every_pair_is_a_circle_and_five_have_an_interval():
    axes = draw(study()).axes[0]
    circles = [len(part.get_offsets()) for part in axes.collections if len(part.get_offsets()) > 1]
    assert circles == [5, 5, 4, 5, 5, 5]
    few = draw(study().query("run < 3")).axes[0]
    assert len(few.lines) == 2, "the zero line and the one above all changes: no intervals"
    assert len(axes.lines) == 2 + 5


def test_fields_that_were_not_changed_are_named_below():
    axes = draw(study()).axes[0]
    assert axes.get_xlabel().endswith("not changed in this study: activation, input, matching")
    found = {round(text.get_position()[1]): text.get_text().strip() for text in axes.texts}
    assert found[0] == "+0.0120  n = 5"
    assert found[1] == "−0.0040  n = 5"


def test_a_change_whose_runs_all_failed_keeps_its_place():
    lost = arm(BASE, "baseline_activation", status=("diverged",) * 5)
    axes = draw(pd.concat([study(), lost])).axes[0]
    place = labels(axes).index("activation\nleaky_relu → relu")
    found = {round(text.get_position()[1]): text.get_text().strip() for text in axes.texts}
    assert found[place] == "no run has numbers before and after the change; after the change 5 diverged"


def test_every_phase_and_place_has_a_panel_of_its_own():
    rows = pd.concat([study(), sweep_study(), sweep_study(place="flip_both-dynamic_unseeded-10"), contrastive_study()])
    panels = draw(rows).axes
    titles = [axes.get_title(loc="left").replace("\n", " ") for axes in panels]
    assert [title.split(", from described, ")[1] for title in titles] == [
        "baseline, 4 to 5 pairs",
        "sweep at Crop 50 %; dynamic, unseeded; 10 images, 5 pairs",
        "sweep at Flip of both axes (released sheets only); dynamic, unseeded; 10 images, 5 pairs",
        "contrastive training at Best SAD (Avg) of Table 7, 5 pairs",
    ]
    assert panels[1].get_xlim() == panels[2].get_xlim() != panels[3].get_xlim()
    assert labels(panels[2]) == ["patches\nrandom → corner_grid"]
    assert "not changed" not in panels[2].get_xlabel(), "said once for each phase"
    assert "scaling" in panels[3].get_xlabel()


def test_panels_of_a_scene_share_their_axis():
    released = arm(BASE - 0.05, "baseline_loss", protocol="released", shared=True)
    first, second = draw(pd.concat([study(), released])).axes
    assert first.get_xlim() == second.get_xlim()
    assert second.get_title(loc="left") == "Samson (real), from released, baseline, 5 pairs"
    low, high = first.get_xlim()
    assert low < -0.07 < 0.02 < high, "every bar of both is inside"


def test_scenes_without_runs_say_why():
    figure = draw(study())
    assert any("UNMIXING_SCENES" in text for text in messages(figure))
    assert any(text.startswith("no runs of the audit") for text in messages(figure)), "the synthetic scene"
    assert not any("Jasper Ridge" in text for text in messages(figure))
    assert not draw(pd.DataFrame()).axes
    blind = pd.concat([arm(np.full_like(BASE, np.nan), setting) for setting in ("standard", "baseline_loss")])
    assert any(text.startswith("no run has numbers before and after a change") for text in messages(draw(blind)))


def test_changes_that_do_nothing_still_have_an_axis():
    axes = draw(pd.concat([runs(sad=BASE), arm(BASE, "baseline_loss")])).axes[0]
    low, high = axes.get_xlim()
    assert low < 0 < high


def test_the_description_counts_pairs():
    about = audit.describe(study(), scenes(), {"samson": {"runs": 5, "epochs": 80}}, {"commit": "0123abc"})
    assert about.n == "Samson (real), from described, baseline: 4 to 5 pairs"
    assert about.name == "figure_audit"
    assert about.scale == "baseline 80 epochs"
    assert audit.describe(pd.DataFrame(), scenes(), {}, {}).n == "no runs"
