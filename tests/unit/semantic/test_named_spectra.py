"""Names and groups from the libraries at hand."""

import numpy as np
import pytest

from unmixing.semantic.anchors import load_default_anchors, text_anchors
from unmixing.semantic.library import load_library
from unmixing.semantic.named_spectra import EARTHLIB_GROUPS, named_spectra
from unmixing.semantic.names import spelling_similarity
from unmixing.semantic.prompts import study_ontology


@pytest.fixture(scope="module")
def ontology():
    return study_ontology()


def test_earthlib_alone_gives_its_classes_under_their_prompts(ontology):
    named = named_spectra(load_library(ontology), ontology)
    assert {"bare soil", "green vegetation", "tree bark", "metal"} <= set(named.names)
    assert len(named.names) <= len(EARTHLIB_GROUPS)
    np.testing.assert_allclose(np.linalg.norm(named.shapes, axis=1), 1)
    assert np.isfinite(named.shapes).all()


def test_with_the_usgs_library_there_are_names_enough_and_none_spelled_alike(libraries_folder, ontology):
    library = load_library(ontology, usgs=libraries_folder / "usgs_splib06_av18a.sli")
    named = named_spectra(library, ontology)
    assert len(named.names) > 200
    similarity = spelling_similarity(named.names) - np.eye(len(named.names))
    assert similarity.max() <= 0.5
    assert set(named.table["source"]) == {"usgs", "earthlib"}
    metals = named.table[named.table["group"] == "metal"]
    assert set(metals["source"]) == {"usgs", "earthlib"}, "a material of both libraries is left out of both"
    assert text_anchors(load_default_anchors(), named.names).shape == (len(named.names), 384)
    assert len(named_spectra(library, ontology, distinct=None).names) > len(named.names)
