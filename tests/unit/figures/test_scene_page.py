import numpy as np

from makers.scenes import make_scene
from unmixing.figures.scene_page import describe, draw
from unmixing.figures.style import read_description, save_figure
from unmixing.report.page import figure_block
from unmixing.report.scene_pages import scene_sections
from unmixing.scenes import make_dataset, read_scene
from unmixing.scenes.dataset import Check
from unmixing.scenes.synthetic import make_synthetic

MADE = make_scene(12, 17)


def scene(**changes):
    values = {
        "scene_id": "mine", "title": "Mine", "kind": "own", "scale": "reflectance", "wavelength_source": "measured",
        "checks": [Check("range", True, "0 to 1", "any"), Check("wavelengths", None, "not testable", "")],
        "attributes": {"endmember_count": 3, "endmember_count_source": "stated", "endmember_count_warning": ""},
    }  # fmt: skip
    return make_dataset(MADE.cube, changes.pop("axis", MADE.wavelengths), **{**values, **changes})


def texts(figure):
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    return titles + [str(part._suptitle.get_text()) for part in figure.subfigs if part._suptitle]


def images(figure):
    return [image for axes in figure.axes for image in axes.get_images()]


def test_an_embedded_scene_has_picture_spectra_and_maps_on_one_scale():
    figure = draw(make_synthetic("synthetic_easy"))
    found = texts(figure)
    assert "False colour, 40 x 40 pixels" in found
    assert "Reference abundances (convention: areal)" in found
    assert sum(title.startswith(("soil, mean", "vegetation, mean", "burned ground, mean")) for title in found) == 3
    assert {image.get_clim() for image in images(figure)[1:]} == {(0, 1)}


def test_lines_break_at_removed_bands():
    axis = MADE.wavelengths + np.where(np.arange(MADE.bands) >= 20, 200, 0)
    figure = draw(scene(axis=axis, endmembers=MADE.endmembers, names=list(MADE.names)))
    lines = [line for line in figure.subfigs[0].axes[1].get_lines() if len(line.get_ydata()) > 2]
    assert [int(np.isnan(line.get_ydata()).sum()) for line in lines] == [1, 1, 1]


def test_without_references_the_scenes_own_spectra_stand_there():
    figure = draw(scene())
    assert len(figure.subfigs) == 1
    assert "No reference endmembers: the scene's own spectra" in texts(figure)
    assert "No reference endmembers" in describe(scene(), {}).caption


def test_without_wavelengths_bands_are_numbered():
    page = scene(axis=np.arange(1.0, MADE.bands + 1), wavelength_source="unknown")
    assert draw(page).subfigs[0].axes[1].get_xlabel() == "band"
    assert "False colour: band 34, band 21, band 7 as red" in describe(page, {}).caption


def test_pixels_without_data_are_grey():
    valid = np.ones(MADE.cube.shape[:2], dtype=bool)
    valid[3, 4] = False
    page = scene(endmembers=MADE.endmembers, abundances=MADE.abundances, variables={"valid": (("row", "col"), valid)})
    picture, *maps = (image.get_array() for image in images(draw(page)))
    np.testing.assert_allclose(np.asarray(picture)[3, 4], 0xD9 / 255)
    assert all(np.ma.getmaskarray(layer)[3, 4] for layer in maps)


def test_hysu_shows_its_targets_and_claims_no_abundances(scenes_folder):
    page = read_scene(scenes_folder / "dlr_hysu/HySpex/all_targets/DLR_HySU_HS_all_targets.tif")
    assert {"Bitumen", "Green fabric"} <= set(texts(draw(page)))
    assert "no fraction per pixel is known" in describe(page, {}).caption


def test_the_report_has_a_section_for_each_scene(tmp_path):
    import pandas as pd

    from unmixing.scenes.facts import scene_facts

    pages = {"synthetic_easy": make_synthetic("synthetic_easy"), "mine": scene()}
    blocks = {}
    for name, page in pages.items():
        save_figure(draw(page), tmp_path / f"scene_page_{name}", describe(page, {"commit": "0"}))
        assert read_description(tmp_path / f"scene_page_{name}.svg").name == f"scene_page_{name}"
        blocks[name] = figure_block(tmp_path / f"scene_page_{name}.svg", "make")
    facts = pd.DataFrame([scene_facts(page) for page in pages.values()])
    sections = scene_sections(facts, blocks, dict.fromkeys(pages, "make facts"))
    assert [section.identifier for section in sections] == ["scene-synthetic-easy", "scene-mine"]
    easy, mine = (section.blocks for section in sections)
    assert easy[1].items["Reference abundances"] == "areal: shares of area"
    assert easy[1].items["Licence"].startswith("MIT")
    assert mine[1].items["Reference endmembers"] == "none"
    assert mine[1].items["Endmembers looked for"] == "3 (stated)"
    assert mine[2].table.frame["outcome"].tolist() == ["passed", "not testable"]
