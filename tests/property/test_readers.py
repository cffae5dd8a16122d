"""Readers under any input: they give the scene that was written, or one clear line; never anything else."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makers.scenes import (
    make_scene,
    variables_of,
    write_envi,
    write_envi_library,
    write_geotiff,
    write_matlab5,
    write_matlab73,
)
from unmixing.errors import UnmixingError
from unmixing.scenes import read_library, read_own_scene, read_scene
from unmixing.scenes.wavelengths import axis_from_recipe, sort_bands, to_nanometres

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(SETTINGS, max_examples=30)

SCENES = st.builds(
    make_scene,
    rows=st.integers(4, 12),
    cols=st.integers(4, 12),
    bands=st.integers(13, 30),
    noise=st.sampled_from([0.0, 0.001]),
    seed=st.integers(0, 99),
)


def attempt(function, *args, **options):
    """Return what a reader gives, or None where it refuses; the refusal must be one line."""
    refusal = "refused"
    try:
        return function(*args, **options)
    except UnmixingError as error:
        refusal = str(error)
    assert refusal
    assert "\n" not in refusal
    return None


def assert_scene(dataset, made, tolerance=2e-6):
    np.testing.assert_allclose(dataset["cube"].values, made.cube, atol=tolerance)
    np.testing.assert_allclose(dataset["wavelength"].values, made.wavelengths, rtol=1e-5)
    if "abundances" in dataset:
        np.testing.assert_allclose(dataset["abundances"].values, made.abundances, atol=2e-6)


@SETTINGS
@given(
    made=SCENES,
    write=st.sampled_from([write_matlab5, write_matlab73]),
    turned=st.sampled_from(["right", "transposed", "rows", "cols", "both", "list", "list by columns", "bands first"]),
    listed=st.booleans(),
    flat_spectra=st.booleans(),
)
def test_matlab_files_in_any_arrangement(made, write, turned, listed, flat_spectra):
    variables = variables_of(made)
    if not listed:
        variables["Y"] = made.cube
    stored = made.abundances
    variables["S_GT"] = {
        "right": stored,
        "transposed": stored.transpose(1, 0, 2),
        "rows": stored[::-1],
        "cols": stored[:, ::-1],
        "both": stored[::-1, ::-1],
        "list": stored.reshape(-1, 3),
        "list by columns": stored.transpose(1, 0, 2).reshape(-1, 3).T,
        "bands first": stored.transpose(2, 0, 1),
    }[turned]
    if flat_spectra:
        variables["GT"] = variables["GT"].T
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "made.mat", variables)
        dataset = attempt(read_scene, path, wavelengths=made.wavelengths, pixel_order="F" if listed else "")
    if dataset is not None:
        assert_scene(dataset, made)
    else:
        # small scenes can be too symmetric to prove; none else may be refused
        from unmixing.metrics import spectral_angle
        from unmixing.scenes.orientation import arrangements

        angles = sorted(
            spectral_angle(made.cube, laid @ made.endmembers).mean()
            for laid in arrangements(made.abundances, *made.cube.shape[:2]).values()
        )
        rows, cols, bands = made.cube.shape
        # ... or as many bands as rows, columns or pixels, so that the band axis cannot be told
        assert angles[0] > 0.45 * angles[1] or bands in (rows, cols, rows * cols)


@SETTINGS
@given(
    made=SCENES,
    interleave=st.sampled_from(["bsq", "bil", "bip"]),
    byte_order=st.integers(0, 1),
    kind=st.sampled_from(["f4", "f8", "i2", "u2", "i4", "u4"]),
    micrometres=st.booleans(),
    bad=st.sets(st.integers(1, 13), max_size=5),
)
def test_envi_files_of_any_kind(made, interleave, byte_order, kind, micrometres, bad):
    whole = kind[0] in "iu"
    cube = made.cube.clip(0.0)
    stored = np.round(cube * 1e4).astype(kind) if whole else cube.astype(kind)
    flags = ["0" if index + 1 in bad else "1" for index in range(made.bands)]
    fields = {"bbl": "{" + ", ".join(flags) + "}", **({"reflectance scale factor": 10000} if whole else {})}
    with tempfile.TemporaryDirectory() as folder:
        header = write_envi(
            Path(folder) / "made",
            stored,
            made.wavelengths / (1000 if micrometres else 1),
            interleave=interleave,
            byte_order=byte_order,
            units="Micrometers" if micrometres else "Nanometers",
            fields=fields,
        )
        dataset = read_scene(header)
    kept = np.array([flag == "1" for flag in flags])
    expected = dataclasses.replace(made, cube=cube[..., kept], wavelengths=made.wavelengths[kept])
    assert_scene(dataset, expected, tolerance=6e-5 if whole else 2e-6)


def base_files(folder: Path) -> dict[str, Path]:
    made = make_scene(6, 7, bands=16)
    np.savez_compressed(folder / "made.npz", Y=made.cube, M=made.endmembers, A=made.abundances)
    np.save(folder / "made.npy", made.cube)
    stored = made.cube.astype("f4")
    return {
        "npz": folder / "made.npz",
        "npy": folder / "made.npy",
        "mat": write_matlab5(folder / "five.mat", variables_of(made)),
        "mat73": write_matlab73(folder / "seven.mat", variables_of(made)),
        "tif": write_geotiff(folder / "image.tif", stored, compress="deflate"),
        "hdr": write_envi(folder / "cube", stored, made.wavelengths),
        "sli": write_envi_library(folder / "library", made.endmembers, made.wavelengths, made.names).with_suffix(
            ".hdr"
        ),
    }


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return base_files(tmp_path_factory.mktemp("bases"))


DAMAGE = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 1), st.just(0)),
    st.tuples(st.just("flip"), st.floats(0, 1), st.integers(1, 255)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.integers(0, 255)),
)


def damage(content: bytes, kind: str, place: float, value: int) -> bytes:
    position = min(int(place * len(content)), len(content) - 1)
    if kind == "cut":
        return content[:position]
    if kind == "flip":
        return content[:position] + bytes([content[position] ^ value]) + content[position + 1 :]
    return content[:position] + bytes([value]) + content[position:]


@pytest.mark.parametrize("name", ["npz", "npy", "mat", "mat73", "tif", "hdr", "sli"])
@FEW
@given(changes=st.lists(DAMAGE, min_size=1, max_size=3))
def test_damaged_files_are_refused_or_harmless(bases, name, changes):
    path = bases[name]
    content = path.read_bytes()
    if name == "mat73":
        # HDF5 itself can run for ever on flipped bytes, which no reader above it can prevent
        changes = [change for change in changes if change[0] == "cut"]
    if name in ("hdr", "sli"):
        changes = [*changes, ("flip", 0.4, 16)]
    try:
        damaged = content
        for change in changes:
            damaged = damage(damaged, *change) if damaged else damaged
        path.write_bytes(damaged)
        wavelengths = np.linspace(400, 1000, 16)
        if name == "sli":
            attempt(read_library, path)
            return
        dataset = attempt(read_scene, path, **({} if name == "hdr" else {"wavelengths": wavelengths}))
        if dataset is not None:
            assert np.isfinite(dataset["cube"].values).all()
            assert (np.diff(dataset["wavelength"].values) > 0).all()
            if name == "npz":
                # its members carry checksums, so what comes through is what was written
                np.testing.assert_allclose(dataset["cube"].values, make_scene(6, 7, bands=16).cube, atol=2e-6)
    finally:
        path.write_bytes(content)


HINTS = st.fixed_dictionaries(
    {},
    optional={
        "rows": st.integers(-2, 50) | st.text(max_size=3) | st.none(),
        "cols": st.integers(-2, 50),
        "bands": st.integers(-2, 50),
        "band_axis": st.integers(-4, 4) | st.text(max_size=2),
        "pixel_order": st.sampled_from(["C", "F", "x", ""]),
        "wavelengths": st.lists(st.floats(), max_size=20) | st.text(max_size=12) | st.integers(),
        "wavelength_units": st.sampled_from(["", "nm", "Micrometers", "parsec"]),
        "wavelength_source": st.sampled_from(["", "measured", "guessed"]),
        "bad_bands": st.lists(st.integers(-3, 20), max_size=4) | st.text(max_size=2),
        "nodata": st.floats() | st.none() | st.text(max_size=2),
        "scale_factor": st.floats() | st.text(max_size=2),
        "scale": st.sampled_from(["", "reflectance", "relative", "percent"]),
        "kind": st.sampled_from(["own", "real", "other"]),
        "names": st.lists(st.text(max_size=3), max_size=4) | st.integers(),
        "endmembers": st.sampled_from(["M", "Q", "none"]) | st.just(np.ones((2, 16))) | st.just([["a"]]),
        "abundances": st.sampled_from(["A", "Y", "none"]) | st.just(np.ones((6, 7, 3)) / 3),
        "abundance_convention": st.sampled_from(["", "areal", "nnls_sum_raw", "nnls_sum_max"]),
    },
)


@pytest.mark.parametrize("name", ["npz", "hdr", "tif"])
@SETTINGS
@given(hints=HINTS)
def test_any_hints_give_a_scene_or_one_line(bases, name, hints):
    dataset = attempt(read_scene, bases[name], **hints)
    if dataset is not None:
        assert np.isfinite(dataset["cube"].values).all()
        assert dataset["cube"].ndim == 3


@SETTINGS
@given(
    stanza=st.fixed_dictionaries(
        {},
        optional={
            "id": st.text(max_size=5) | st.integers(),
            "endmembers": st.integers(-1, 60) | st.sampled_from(["auto", "many", True, 2.5]),
            "wavelengths": st.sampled_from(["file", "unknown", "linear 400 1000 16", "hydice_210", "", "."])
            | st.lists(st.floats(300, 900), max_size=17),
            "references": st.sampled_from(["made.npz", ".", "", "library.sli", "library.hdr"]),
            "title": st.text(max_size=5) | st.integers(),
            "extra": st.integers(),
        },
    )
)
def test_any_stanza_gives_a_scene_or_one_line(bases, stanza):
    attempt(read_own_scene, {"path": bases["hdr"], **stanza}, bases["hdr"].parent)


@SETTINGS
@given(recipe=st.text(max_size=30) | st.from_regex(r"(linear|hydice_210|aviris_224)( without)?( [\d.-]{1,5}){0,4}"))
def test_recipes_give_an_axis_or_one_line(recipe):
    axis = attempt(axis_from_recipe, recipe)
    assert axis is None or np.isfinite(axis).all()


@SETTINGS
@given(values=st.lists(st.floats(0.3, 2.6), min_size=1, max_size=30), micrometres=st.booleans())
def test_units_never_change_a_wavelength(values, micrometres):
    given_values = np.array(values) * (1 if micrometres else 1000)
    for units in ("", "Micrometers" if micrometres else "Nanometers"):
        axis, note = to_nanometres(given_values, units, "made")
        np.testing.assert_allclose(axis, np.array(values) * 1000)
        assert bool(note) == micrometres


@SETTINGS
@given(axis=st.lists(st.integers(400, 420), min_size=1, max_size=40), seed=st.integers(0, 9))
def test_sorting_keeps_the_mean_of_every_wavelength(axis, seed):
    wavelengths = np.array(axis, dtype=float)
    spectra = np.random.default_rng(seed).random((2, 3, wavelengths.size))
    rising, (ordered,) = sort_bands(wavelengths, spectra)
    assert (np.diff(rising) > 0).all()
    for index, wave in enumerate(rising):
        np.testing.assert_allclose(ordered[..., index], spectra[..., wavelengths == wave].mean(axis=-1))
