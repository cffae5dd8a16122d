import json

import numpy as np
import pytest
import xarray as xr

from unmixing.errors import UnmixingError
from unmixing.programs.command import main
from unmixing.semantic import unmix
from unmixing.semantic.governance import AUDIT_LOG
from unmixing.semantic.model import load_default_model
from unmixing.semantic.own_spectra import read_own_spectra
from unmixing.semantic.prompts import study_ontology
from unmixing.semantic.questions import ask_model
from unmixing.semantic.sources import COMMON_GRID

AXIS = np.arange(380.0, 2500.0, 5.0)


@pytest.fixture(scope="module")
def ontology():
    return study_ontology()


@pytest.fixture(scope="module")
def model():
    return load_default_model()


def write_table(path, spectra, axis=AXIS):
    names, columns = zip(*spectra, strict=True)
    rows = [",".join(map(str, row)) for row in np.column_stack([axis, *columns]).tolist()]
    path.write_text("\n".join([",".join(["wavelength_nm", *names]), *rows]), encoding="utf-8")
    return path


def line(slope, offset=0.1, axis=AXIS):
    return offset + slope * (axis - 400) / 2000


def test_names_are_resolved_as_prompts_and_numbers_at_their_ends_left_out(ontology, tmp_path):
    given = [("Tarmac", line(0.1)), ("tree 3", line(0.2)), ("tree_04", line(0.3)), ("mystery stuff", line(0.4))]
    found = read_own_spectra([write_table(tmp_path / "field.csv", given)], ontology)
    assert found.concepts == ("asphalt_road", "tree", "tree")
    assert found.unnamed == ("mystery stuff",)
    np.testing.assert_allclose(found.spectra[0], line(0.1, axis=COMMON_GRID), atol=1e-12)
    assert len(found.of(ontology, "tree")) == 2
    assert len(found.of(ontology, "vegetation")) == 2
    assert len(found.of(ontology, "")) == 0


def test_finer_spectra_are_averaged_over_the_bands_of_the_grid(ontology, tmp_path):
    fine = np.arange(380.0, 2500.0, 1.0)
    rough = line(0.2, axis=fine) + 0.05 * (-1.0) ** np.arange(fine.size)
    found = read_own_spectra([write_table(tmp_path / "fine.csv", [("tree", rough)], fine)], ontology)
    # Read off at single samples every point would lie .05 off, as all of the grid's lie on even samples.
    np.testing.assert_allclose(found.spectra[0], line(0.2, axis=COMMON_GRID), atol=1e-3)


def test_what_a_spectrum_does_not_reach_stays_unknown(ontology, tmp_path):
    short = np.array([400.0, 500.0, 600.0])
    found = read_own_spectra([write_table(tmp_path / "short.csv", [("soil", [0.1, 0.2, 0.3])], short)], ontology)
    known = np.isfinite(found.spectra[0])
    np.testing.assert_array_equal(known, COMMON_GRID <= 600)
    assert found.spectra[0][known][5] == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("spectra", "axis", "message"),
    [
        ([("tree", 100 * line(0.2))], AXIS, "values from 0 to 30.95: give reflectance from 0 to 1"),
        ([("tree", np.where(AXIS > 2400, -1.23e34, 0.2))], AXIS, "values from -1.23e.34 to 0.2: give reflectance"),
        ([("mystery stuff", line(0.2))], AXIS, "no spectrum's name names a concept .'mystery stuff'."),
        ([("tree", [0.1, 0.2])], np.array([2600.0, 2700.0]), "'tree' knows nothing of 400-2450 nm"),
    ],
)
def test_what_cannot_be_used_is_refused_with_one_line(ontology, tmp_path, spectra, axis, message):
    with pytest.raises(UnmixingError, match=message) as refused:
        read_own_spectra([write_table(tmp_path / "own.csv", spectra, axis)], ontology)
    assert "\n" not in str(refused.value)


def test_own_spectra_stand_for_their_materials_alone(model, ontology, tmp_path):
    given = [("tree 1", line(0.2)), ("tree 2", line(0.4))]
    own = read_own_spectra([write_table(tmp_path / "field.csv", given)], ontology)
    asked = ask_model(model, ["tree", "bare soil"], own=own)
    usual = ask_model(model, ["tree", "bare soil"])
    np.testing.assert_allclose(asked.means[0], line(0.3, axis=COMMON_GRID), atol=1e-6)
    mine, other = asked.spectra[asked.owner == 0].numpy(), asked.spectra[asked.owner == 1]
    for slope in (0.2, 0.4):
        assert np.abs(mine - line(slope, axis=COMMON_GRID)).max(axis=1).min() < 1e-6
    # Beside the two there are only bent copies of their mean.
    assert len(mine) == 2 + 6
    np.testing.assert_array_equal(other, usual.spectra[usual.owner == 1])
    np.testing.assert_array_equal(asked.means[1], usual.means[1])
    np.testing.assert_array_equal(asked.vectors, usual.vectors)
    assert asked.brought == (2, 0)
    assert asked.notes == ("'tree': 2 of your spectra in the place of the library's",)


def test_own_spectra_of_nothing_that_is_asked_for_are_refused(model, ontology, tmp_path):
    own = read_own_spectra([write_table(tmp_path / "field.csv", [("tree", line(0.2))])], ontology)
    with pytest.raises(UnmixingError, match="is of a material that is asked for: they are of 'tree'"):
        ask_model(model, ["water", "bare soil"], own=own)


@pytest.fixture
def field(tmp_path):
    """Spectra that no library has, and a scene of their mixtures."""
    spectra = {"bare soil": line(-0.05, 0.3), "tree": line(0.5, 0.02)}
    table = write_table(tmp_path / "field.csv", list(spectra.items()))
    shares = np.linspace(0, 1, 12).reshape(3, 4)
    pure = np.stack([line(-0.05, 0.3, COMMON_GRID), line(0.5, 0.02, COMMON_GRID)])
    cube = np.stack([shares, 1 - shares], axis=2) @ pure
    scene = xr.Dataset(
        {"cube": (("row", "col", "band"), cube.astype(np.float32))}, coords={"wavelength": ("band", COMMON_GRID)}
    )
    return table, scene, shares


def test_a_scene_of_ones_own_spectra_comes_back_exactly(field, ontology):
    table, scene, shares = field
    ways = {"prior": "none", "brightness": "fixed", "endmembers": "library"}
    mine = unmix(scene, ["bare soil", "tree"], own=read_own_spectra([table], ontology), **ways)
    np.testing.assert_allclose(mine["abundances"][:, :, 0], shares, atol=1e-3)
    usual = unmix(scene, ["bare soil", "tree"], **ways)
    assert np.abs(usual["abundances"][:, :, 0] - shares).max() > 0.1


def test_the_command_takes_ones_own_spectra_and_records_them(tmp_path, capsys):
    table = write_table(tmp_path / "field.csv", [("bare soil", line(0.2)), ("stuff", line(0.3))])
    folder = tmp_path / "maps"
    words = ["unmix", "synthetic_easy", "bare soil", "green vegetation", "-o", str(folder), "--library", str(table)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "'bare soil': 1 of your spectra in the place of the library's" in said
    assert "1 of your spectra name no concept: 'stuff'" in said
    (record,) = map(json.loads, (folder / AUDIT_LOG).read_text().splitlines())
    assert "field.csv" in record["inputs_sha256"]
    assert main([*words[:-1], str(tmp_path / "none.csv")]) == 1
    assert "no such file" in capsys.readouterr().err
    (tmp_path / "twin").mkdir()
    twin = write_table(tmp_path / "twin" / "field.csv", [("bare soil", line(0.4))])
    assert main([*words, "--library", str(twin)]) == 1
    assert "two files are called field.csv: rename one of them" in capsys.readouterr().err
