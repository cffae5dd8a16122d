"""Label fractions: only blocks that are labelled throughout with materials count."""

import numpy as np
import pytest
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.semantic.label_fractions import label_references
from unmixing.semantic.scores import score_maps


def made_scene():
    """Four blocks: half corn half oats, all oats, a quarter unlabelled, and one with cars."""
    fractions = np.array([[[0.25, 0.25, 0.5, 0], [0, 0, 1, 0]], [[1, 0, 0, 0], [0.5, 0, 0.25, 0.25]]], np.float32)
    return xr.Dataset(
        {
            "cube": (("row", "col", "band"), np.ones((2, 2, 6), np.float32)),
            "label_fraction": (("row", "col", "label_class"), fractions),
            "label_coverage": (("row", "col"), np.array([[1, 1], [0.75, 1]], np.float32)),
            "label_name": (("label_class",), np.array(["corn", "corn-notill", "oats", "cars"], dtype=object)),
        },
        coords={"wavelength": ("band", np.linspace(500, 900, 6))},
        attrs={"id": "made"},
    )


PROMPTS = {"corn": "maize", "corn-notill": "maize", "oats": "oats"}


def test_classes_of_one_prompt_are_added_and_other_blocks_left_out():
    found = label_references(made_scene(), PROMPTS)
    assert found.names == ["maize", "oats"]
    assert found.valid.tolist() == [[True, True], [False, False]]
    assert found.abundances[0].tolist() == [[0.5, 0.5], [0, 1]]


def test_fractions_are_scored_as_shares_of_area():
    found = label_references(made_scene(), PROMPTS)
    rows = score_maps(found.abundances, found, maxima=[0.3, 0.9])
    assert rows.loc[rows["metric"] == "armse", "value"].tolist() == [0, 0]
    assert set(rows["n"]) == {2}


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(UnmixingError, match="'wheat' is none of the scene's"):
        label_references(made_scene(), {"wheat": "wheat", "oats": "oats"})
    with pytest.raises(UnmixingError, match="at least two"):
        label_references(made_scene(), {"oats": "oats"})
    with pytest.raises(UnmixingError, match="no block is labelled throughout"):
        label_references(made_scene().isel(row=slice(1, 2)), PROMPTS)
    with pytest.raises(UnmixingError, match="no label fractions"):
        label_references(made_scene().drop_vars("label_fraction"), PROMPTS)
