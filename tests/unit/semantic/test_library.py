import numpy as np
import pandas as pd
import pytest

from makers.scenes import write_envi_library
from unmixing.errors import UnmixingError
from unmixing.metrics import spectral_angle
from unmixing.semantic.earthlib_records import mended_places, sites
from unmixing.semantic.library import (
    COMMON_GRID,
    common_spectra,
    coverage,
    covered_concept,
    load_library,
    named_materials,
    require_spectra,
)
from unmixing.semantic.names import distinct_names, load_names, parse_title, spelling_similarity
from unmixing.semantic.ontology import load_ontology, with_names
from unmixing.semantic.sources import Source
from unmixing.semantic.water import water_reflectance, water_spectra


@pytest.fixture(scope="module")
def ontology():
    return load_ontology()


@pytest.fixture(scope="module")
def library(ontology):
    return load_library(ontology, modelled_water=12)


@pytest.fixture(scope="module")
def made_usgs(tmp_path_factory):
    """A file with the traps of the USGS library: overlapping spectrometers, fill values, records that are none."""
    axis = np.concatenate([np.arange(0.38, 0.70, 0.01), np.arange(0.655, 2.5, 0.01)])
    line = 0.1 + 0.2 * axis
    kaolinite = line.copy()
    kaolinite[[100, 101]] = -1.23e34
    half = np.where(axis < 1.2, -1.23e34, line)
    titles = {
        "Wavelengths in microns 224 ch AVIRIS18a": axis,
        "Resolution  in microns 224 ch AVIRIS18a": np.full(axis.size, 0.01),
        "Data value _ channel number (224 ch)": np.arange(axis.size),
        "Kaolinite CM9 s06av18a_a": kaolinite,
        "Kaolinite KGa-1.b <2um s06av18a_b": line,
        "Kaolinite CM9 s06av18a_bb_": half,
        "Lawn_Grass GDS91 (Green) s06av18a_a": line,
        "Lawn_Grass GDS91 shifted 3nm s06av18a_a": line,
        "Lawn_Grass GDS91 +const 1.0 s06av18a_a": line,
        "Melting_snow mSnw3 s06av18a_a": line,
        "Melting_snow mSnw3+0.5_veg s06av18a_a": line,
        "Oak Oak-Leaf-2 dried s06av18a_a": line,
        "Alunite.5+MuscCU91-250A AMX4 s06av18a_a": line,
        "Unheardofite XY1 s06av18a_a": line,
    }
    return write_envi_library(
        tmp_path_factory.mktemp("usgs") / "library", np.array(list(titles.values())), axis, list(titles)
    )


@pytest.fixture(scope="module")
def with_usgs(ontology, made_usgs):
    return load_library(ontology, usgs=made_usgs)


def test_the_installed_library_is_read_whole(library):
    records = library.records[library.records["source"] == "earthlib"]
    assert len(records) == 7260  # one of 7261 has nothing below 1000 nm
    assert records["measured"].sum() == 5260
    assert library.records["record"].is_unique
    assert library.spectra["earthlib"].shape == (7260, 180)
    assert (np.diff(library.wavelengths["earthlib"]) > 0).all()


def test_coverage_counts_members_and_says_where_from(ontology, library):
    table = coverage(ontology, library)
    assert table.loc["asphalt_road", ["own", "spectra", "sites", "sources"]].tolist() == [170, 170, 8, "earthlib"]
    assert table.loc["bare_soil", "spectra"] == 4185
    assert table.loc["ground", "own"] == 0
    assert table.loc["ground", "spectra"] == table.loc[["bare_soil", "dirt", "sand", "gravel"], "own"].sum()
    assert table.loc["water", ["spectra", "measured", "sources"]].tolist() == [12, 0, "parametric"]
    assert table.loc["green_vegetation", "measured"] == 0
    assert table.loc[["snow", "coral_reef", "seawater"], "spectra"].tolist() == [0, 0, 0]


def test_a_concept_without_spectra_is_refused_by_name(ontology, library):
    with pytest.raises(UnmixingError) as caught:
        require_spectra(ontology, library, ["asphalt_road", "coral_reef", "pine"])
    message = str(caught.value)
    assert "'coral reef'" in message
    assert "'pine tree' (ask for 'green vegetation')" in message
    assert "asphalt" not in message
    assert "\n" not in message
    require_spectra(ontology, library, ["asphalt_road", "water", "ground"])
    assert covered_concept(ontology, library, "snow") == ""
    assert covered_concept(ontology, library, "seawater") == "water"


def test_gravel_on_a_roof_is_not_gravel_on_the_ground(library):
    records = library.records[library.records["record_class"] == "gravel"]
    assert dict(records.groupby("level_2")["concept"].first()) == {"bare": "gravel", "built": "roof_gravel"}
    assert (records.groupby("level_2")["concept"].nunique() == 1).all()


def test_names_beat_classes(library):
    records = library.records.set_index("name")
    assert records.loc["goldgras", "concept"] == "dry_grass"
    assert records.loc["goldgras", "record_class"] == "litter"
    assert set(records.loc[["ash"], "concept"]) == {"ash"}


def test_errors_of_the_installed_library_are_mended_or_set_aside(library):
    records = library.records
    soils = records[records["record_class"] == "soil"]
    assert not ((soils["latitude"] == 0) & (soils["longitude"] == 0)).any()
    assert soils["latitude"].isna().sum() == 345 + 103
    built = records[records["level_2"] == "built"]
    assert (built["longitude"] < 0).all()
    difubr = records[records["name"] == "difubr"]
    assert set(difubr["record_class"]) == {"char", "litter"}
    assert set(difubr["concept"]) == {""}
    assert records[records["state"] == "mixture"]["concept"].eq("").all()
    marsh = np.flatnonzero(records["name"] == "Marsh")
    assert np.isnan(common_spectra(library, marsh)).any(axis=1).all()
    assert not (library.spectra["earthlib"] <= 0).any()


def test_places_near_each_other_are_one_site():
    degree_km = 111.195
    steps = np.array([0.0, 0.2, 0.4, 1.4, 0.0]) / degree_km
    latitude = np.append(40 + steps, np.nan)
    longitude = np.append(np.full(5, -120.0), -120.0)
    found = sites(latitude, longitude)
    # A chain of 200 m steps is one site; 1 km further on is another; an unknown place is none.
    assert found[0] == found[1] == found[2] == found[4] == "40.0000,-120.0000"
    assert found[3] not in ("", found[0])
    assert found[5] == ""
    assert sites(np.array([np.nan]), np.array([1.0])) == [""]
    assert sites(np.array([1.0]), np.array([2.0])) == ["1.0000,2.0000"]


def test_sites_far_north_are_measured_in_kilometres():
    # .004 degrees of longitude are 445 m on the equator and 77 m at 80 degrees north.
    assert len(set(sites(np.array([0.0, 0.0]), np.array([10.0, 10.004])))) == 2
    assert len(set(sites(np.array([80.0, 80.0]), np.array([10.0, 10.004])))) == 1


def test_only_known_errors_of_places_are_mended():
    santa = "urban reflectance spectra from santa barbara"
    latitude, longitude, notes = mended_places(
        np.array([34.4, 34.4, 0.0, 0.0, 10.0]), np.array([119.8, -119.8, 0.0, 5.0, 100.0]), [santa, santa, "", "", ""]
    )
    np.testing.assert_array_equal(longitude, [-119.8, -119.8, np.nan, 5.0, 100.0])
    np.testing.assert_array_equal(latitude, [34.4, 34.4, np.nan, 0.0, 10.0])
    assert [note.split()[0] for note in notes] == ["1", "1"]


def test_the_usgs_library_is_sorted_cleaned_and_named(with_usgs):
    records = with_usgs.records[with_usgs.records["source"] == "usgs"].reset_index(drop=True)
    assert len(records) == 8  # 14 less 3 that are no spectra, 2 shifted ones and one half empty
    assert (np.diff(with_usgs.wavelengths["usgs"]) > 0).all()
    first = records.iloc[0]
    assert (first["name"], first["kind"], first["family"], first["concept"]) == (
        "kaolinite",
        "mineral",
        "kaolin",
        "kaolinite",
    )
    assert 0.95 < first["valid_share"] < 1
    concepts = dict(zip(records["title"].str.split(" s06").str[0], records["concept"], strict=True))
    assert concepts["Lawn_Grass GDS91 (Green)"] == "grass"
    assert concepts["Melting_snow mSnw3"] == "snow"
    assert concepts["Melting_snow mSnw3+0.5_veg"] == ""
    assert concepts["Oak Oak-Leaf-2 dried"] == "leaf_litter"
    assert concepts["Alunite.5+MuscCU91-250A AMX4"] == ""
    assert concepts["Unheardofite XY1"] == ""
    assert "usgs: 5 records left out that are no spectra or deliberately shifted" in with_usgs.notes
    assert "usgs: 1 titles are not in the reviewed table of names and have no name" in with_usgs.notes


def test_spectra_of_all_sources_meet_on_one_axis(with_usgs):
    rows = np.flatnonzero((with_usgs.records["source"] == "usgs") & (with_usgs.records["concept"] == "grass"))
    np.testing.assert_allclose(common_spectra(with_usgs, rows)[0], 0.1 + 2e-4 * COMMON_GRID, atol=1e-6)
    both = common_spectra(with_usgs, [0, rows[0]])
    np.testing.assert_array_equal(both[0][np.isfinite(both[0])], with_usgs.spectra["earthlib"][0])


def test_materials_with_names_are_those_with_plain_spectra(with_usgs):
    table = named_materials(with_usgs)
    assert table["spectra"].to_dict() == {"kaolinite": 2, "lawn grass": 1, "melting snow": 1}
    assert table.loc["kaolinite", "specimens"] == 2


@pytest.mark.parametrize(
    ("title", "name", "state", "specimen"),
    [
        ("Alunite GDS82 Na82 s06av18a_bc_", "alunite", "", "GDS82"),
        ("Clinochlore_Fe SC-CCa-1.b s06av18a_bb_", "iron clinochlore", "", "SC-CCa-1"),
        ("Actinolite HS315.4B s06av18a_bbb", "actinolite", "", "HS315"),
        ("Reibeckite HS326.3B Amphib s06av18a_ddd", "riebeckite", "", "HS326"),
        ("Samarium Oxide GDS36 s06av18a_aa_", "samarium oxide", "", "GDS36"),
        ("Jarosite SJ-1 H3O;;;10-20% s06av18a_b (2)", "jarosite", "", "SJ-1"),
        ("LeafySpurge Spurge-A1-Oct97 s06av18a_a", "leafy spurge", "senescent", "Spurge-A1"),
        ("Willow Willow-Leaves-1 dry s06av18a_a", "willow", "dry", "Willow-Leaves-1"),
        ("Flower Pansy-1 Yellow s06av18a_a", "flower petals", "", "Pansy-1"),
        ("Melting_snow mSnw16+0.25_veg s06av18a_a", "melting snow", "mixture", "mSnw"),
        ("Melting_snow mSnw1a s06av18a_a", "melting snow", "", "mSnw"),
        ("Water+Montmor SWy-2+1.67g/l s06av18a_a", "muddy water", "", "SWy-2"),
        ("Kaolin/Smect KLF511 .12K s06av18a_cc_", "", "mixture", "KLF511"),
        ("Desert_Varnish GDS78A Rhy s06av18a_a", "desert varnish", "", "GDS78"),
        ("Brandnewite AB12 s06av18a_a", "", "unreviewed", "AB12"),
    ],
)
def test_titles_are_read(title, name, state, specimen):
    found = parse_title(title)
    assert (found.name, found.specimen) == (name, specimen)
    assert found.state == state or (state == "mixture" and found.state == "mixed layers")


def test_the_table_of_names_is_whole():
    table = load_names()
    named = {row.name: (row.kind, row.family) for row in table.values() if row.name}
    assert len(named) >= 300
    for row in table.values():
        assert bool(row.name) != bool(row.reason)
        # One name has one kind and family, however many ways its title is spelled.
        assert not row.name or named[row.name] == (row.kind, row.family)


def test_spelling_is_compared_by_letters_in_a_row():
    similarity = spelling_similarity(["kaolinite", "Kaolinite", "xyz", "kaolin"])
    np.testing.assert_allclose(np.diag(similarity), 1)
    assert similarity[0, 1] == pytest.approx(1)
    assert similarity[0, 2] == 0
    assert 0.5 < similarity[0, 3] < 1
    np.testing.assert_allclose(similarity, similarity.T)


def test_of_names_spelled_alike_the_first_is_kept():
    names = ["kaolinite", "quartz", "kaolin", "Quartz", "gypsum"]
    kept = distinct_names(names)
    assert kept == ("kaolinite", "quartz", "gypsum")
    assert distinct_names(names[::-1]) == ("gypsum", "Quartz", "kaolin")
    assert distinct_names([]) == ()


def test_a_record_that_two_concepts_claim_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("lane:\n  prompt: country lane\n  records: {earthlib: [{class: road}]}\n", encoding="utf-8")
    with pytest.raises(UnmixingError, match="claimed by asphalt_road and lane"):
        load_library(load_ontology(path))


def test_a_library_that_covers_nothing_is_refused(ontology, monkeypatch):
    frame = pd.DataFrame({"title": ["soil"], "name": ["soil"], "concept": ["soil"], "specimen": ["1"]})
    beyond = Source("usgs", frame, np.full((1, 2), 0.2, np.float32), np.array([2600.0, 2700.0]))
    monkeypatch.setattr("unmixing.semantic.library.usgs_source", lambda path: beyond)
    with pytest.raises(UnmixingError, match="usgs: no spectrum covers 400-2450 nm"):
        load_library(ontology, usgs="any.sli")


def test_a_library_that_is_not_there_is_refused(ontology, tmp_path):
    with pytest.raises(UnmixingError, match="no such library"):
        load_library(ontology, usgs=tmp_path / "none.sli")


def test_modelled_water_is_dark_where_water_absorbs(library):
    rows = np.flatnonzero(library.records["concept"] == "water")
    assert not library.records["measured"].iloc[rows].any()
    spectra = common_spectra(library, rows)
    assert (spectra > 0).all()
    assert spectra.max() < 0.35
    infrared = spectra[:, COMMON_GRID > 1150]
    assert (np.ptp(infrared, axis=1) < 2e-3).all()
    np.testing.assert_array_equal(water_spectra(COMMON_GRID, 3)[0], water_spectra(COMMON_GRID, 9)[0][:3])


def test_modelled_water_obeys_its_formula():
    # Nothing but water and glint at 500 nm: b = .00144, a = .020.
    u = 0.00144 / (0.00144 + 0.020)
    below = 0.0949 * u + 0.0794 * u**2
    expected = np.pi * 0.52 * below / (1 - 1.7 * below) + 0.01
    assert water_reflectance([500.0], [0.0], [0.0], [0.0], [0.01])[0, 0] == pytest.approx(expected, rel=1e-12)
    more = water_reflectance([550.0, 700.0], [0.1, 0.1, 1.0], [0.1, 0.1, 0.1], [0.01, 0.1, 0.01], [0.0, 0.0, 0.0])
    assert (more[1] > more[0]).all()  # particles brighten
    assert (more[2] < more[0]).all()  # dissolved matter darkens


def test_the_usgs_library_itself(libraries_folder, ontology):
    library = load_library(ontology, usgs=libraries_folder / "usgs_splib06_av18a.sli")
    records = library.records[library.records["source"] == "usgs"]
    assert len(records) == 858
    assert not records["state"].eq("unreviewed").any()
    table = coverage(ontology, library)
    assert table.loc[["snow", "seawater", "turbid_water", "grass", "pine"], "own"].tolist() == [10, 2, 4, 6, 17]
    assert table.loc[["coral_reef", "pyrope"], "spectra"].tolist() == [0, 0]
    names = named_materials(library)
    assert len(names) == 313
    assert len(distinct_names(list(names.index))) == 237
    minerals = names.index[names["kind"] == "mineral"]
    more = load_library(with_names(ontology, list(minerals), "usgs"), usgs=libraries_folder / "usgs_splib06_av18a.sli")
    mine = more.records[(more.records["source"] == "usgs") & (more.records["kind"] == "mineral")]
    assert (mine["concept"] != "").eq(mine["state"] == "").all()
    grass = records.index[records["concept"] == "grass"][0]
    earthlib = np.flatnonzero(library.records["concept"] == "green_vegetation")[:200]
    spectra = common_spectra(library, [grass, *earthlib])
    known = np.isfinite(spectra).all(axis=0)
    assert spectral_angle(spectra[1:, known], spectra[0, known]).min() < 0.1
