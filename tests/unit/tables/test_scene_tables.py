"""Table 1, scene statistics, areas of targets."""

import numpy as np
import pandas as pd
import pytest

from unmixing.areas import area_rows, library_maps, run_maps
from unmixing.errors import UnmixingError
from unmixing.scenes import make_dataset, read_scene
from unmixing.scenes.facts import scene_facts
from unmixing.scenes.synthetic import make_synthetic
from unmixing.tables import hysu_areas, scenes, table1
from unmixing.tables.writing import html_text, markdown_text, read_table, write_table

REASON = "Urban4.mat: not at hand: put it there"


def record(scene, *, title="", kind="real", paper=True, available=True):
    return {
        "scene": scene, "title": title or scene, "kind": kind, "paper": paper, "available": available,
        "in_study": True, "reason": "" if available else REASON,
    }  # fmt: skip


@pytest.fixture(scope="module")
def synthetic():
    return scene_facts(make_synthetic("synthetic_easy"))


@pytest.fixture
def known(synthetic):
    """Facts of Samson, Jasper Ridge, Cuprite and a scene without references, with figures chosen for the tests."""

    def facts(scene, between, within, one, **other):
        return synthetic | {
            "scene": scene, "kind": "real", "smallest_reference_angle": between, "within_class_angle": within,
            "materials_1": one, **other,
        }  # fmt: skip

    bare = {"has_endmembers": False, "has_abundances": False, "endmembers": 4}
    return pd.DataFrame(
        [
            facts("samson", 0.4, 0.03, 0.35),
            facts("jasper_ridge", 0.23, 0.06, 0.3, materials_3=0.1, materials_4=0.05),
            facts("cuprite", 0.06, np.nan, np.nan, has_abundances=False),
            facts("mine", np.nan, np.nan, np.nan, **bare),
            synthetic,
        ]
    )


SCENES = [
    record("samson"),
    record("urban4", available=False),
    record("jasper_ridge"),
    record("cuprite"),
    record("mine", kind="own", paper=False),
    record("synthetic_easy", title="Synthetic, easy", kind="synthetic", paper=False),
]


def test_table1_keeps_the_papers_rows_and_tests_its_descriptions(known, tmp_path):
    table = table1.build(known, SCENES, {}, {"commit": "0"})
    rows = table.frame.set_index("scene")
    assert rows.index.tolist()[:6] == ["samson", "urban4", "urban5", "urban6", "cuprite", "jasper_ridge"]
    assert rows.loc["samson", "separability"] == pytest.approx(0.2 / 0.03)
    assert rows.loc["samson", "tested"].startswith("separable: holds, ")
    assert rows.loc["samson", "tested"].endswith("rank 1 of 3 real scenes read, widest first")
    assert "70% of the pixels hold two or more materials (rank 1 of 2" in rows.loc["jasper_ridge", "tested"]
    assert "15% three or more" in rows.loc["jasper_ridge", "tested"]
    assert "minimal variability: not testable" in rows.loc["cuprite", "tested"]
    assert rows.loc["cuprite", "reason"].startswith("no reference abundances")
    assert rows.loc["urban4", "reason"] == REASON
    assert rows.loc["urban4", "paper_bands"] == 162
    assert pd.isna(rows.loc["urban4", "bands"])
    assert rows.loc["mine", "reason"].startswith("no reference endmembers")
    assert pd.isna(rows.loc["mine", "paper_bands"])
    assert pd.isna(rows.loc["synthetic_easy", "paper_description"])
    write_table(table, tmp_path / "table1")
    assert markdown_text(read_table(tmp_path / "table1.parquet")) == markdown_text(table)


def test_table1_of_the_urban_scenes(known):
    urban = [known.iloc[0].to_dict() | {"scene": f"urban{count}", "endmembers": count} for count in (4, 5, 6)]
    urban[2]["smallest_reference_angle"] = 0.1
    names = [record(f"urban{count}") for count in (4, 5, 6)]
    rows = table1.build(pd.DataFrame(urban), names, {}, {}).frame.set_index("scene")
    assert rows.loc["urban4", "tested"].startswith("4 references, as described (")
    assert "concrete is not among them" in rows.loc["urban4", "tested"]
    assert rows.loc["urban5", "tested"].endswith("similar to Urban4: smallest angle 0.40 rad against 0.40")
    assert "hardest to separate: holds" in rows.loc["urban6", "tested"]
    rows = table1.build(pd.DataFrame(urban[2:]), names, {}, {}).frame.set_index("scene")
    assert "not testable here without Urban4 and Urban5" in rows.loc["urban6", "tested"]


def test_tables_without_a_single_scene():
    nothing = pd.DataFrame()
    assert len(table1.build(nothing, SCENES, {}, {}).frame) == 8
    assert "REASON" not in html_text(scenes.build(nothing, SCENES, {}, {}))
    assert hysu_areas.build(nothing, [], {}, {}).frame["reason"].tolist() == ["DLR HySU is not part of this study"]


def test_scene_statistics_say_where_a_made_scene_is_unlike_real_ones(known):
    table = scenes.build(known, SCENES, {}, {})
    made = table.frame.set_index("statistic")["made"]
    assert set(made) == {"inside", "not compared: grows with the scene"}
    assert any(REASON in note for note in table.notes)
    strange = known.copy()
    strange.loc[strange["scene"] == "synthetic_easy", ["pure_share", "snr_median"]] = [0.9, np.nan]
    made = scenes.build(strange, SCENES, {}, {}).frame.set_index("statistic")["made"]
    assert made["pure_share"] == "outside: Synthetic, easy (0.9)"
    assert made["snr_median"] == "outside: Synthetic, easy (no figure)"


def test_areas_need_targets(synthetic):
    scene = make_synthetic("synthetic_easy")
    with pytest.raises(UnmixingError, match="no targets of known area"):
        area_rows(scene, [("nnls_library", -1, scene["abundances"].values)])
    bare = make_dataset(
        scene["cube"].values, scene["wavelength"].values, scene_id="a", title="a", kind="own", scale="relative",
        wavelength_source="measured",
    )  # fmt: skip
    with pytest.raises(UnmixingError, match="no library of spectra"):
        library_maps(bare)


def test_areas_of_hysu(scenes_folder):
    scene = read_scene(scenes_folder / "dlr_hysu/HySpex/all_targets/DLR_HySU_HS_all_targets.tif")
    maps = [(name, -1, layers) for name, layers in library_maps(scene).items()]
    shuffled = {"endmembers": scene["endmembers"].values[::-1], "abundances": maps[0][2][..., ::-1]}
    maps += [
        (f"cnnaeu_described_{kind}", run, layers)
        for run in range(2)
        for kind, layers in run_maps(scene, shuffled, "optimal").items()
    ]
    rows = pd.DataFrame(area_rows(scene, maps))
    assert len(rows) == len(maps) * 25
    table = hysu_areas.build(rows, [], {}, {}).frame
    assert table["method"].unique().tolist() == [
        "NNLS, library",
        "FCLS, library",
        "CNNAEU (described), abundances of the network",
        "CNNAEU (described), resolved",
    ]
    by_method = table.set_index(["method", "side"])
    largest = by_method.loc[("NNLS, library", "3 m")]
    assert largest["known_m2"] == 9
    assert abs(largest["bias_m2"]) < 1
    assert largest["presence"] == 1
    same = by_method.loc[("CNNAEU (described), abundances of the network", "3 m")]
    assert same["estimated_m2"] == pytest.approx(largest["estimated_m2"])
    assert (same["runs"], same["rmse_sd_m2"]) == (2, 0)
