"""The table of findings: what is recomputed, re-enacted and cited, and what it says where things are missing."""

import numpy as np
import pandas as pd
import pytest

from unmixing.protocol.audit import FIELDS
from unmixing.published.findings import KINDS, findings
from unmixing.published.released_grid import GRID_FILE
from unmixing.tables import findings as module
from unmixing.tables.findings_checks import CHECKS
from unmixing.tables.findings_material import Material
from unmixing.tables.findings_sweep import distances
from unmixing.tables.writing import markdown_text, read_table, write_table

from .frames import classical, scenes
from .test_audit import BASE, arm, contrastive_study, study


def build(rows=None, sheets=None):
    return module.build(pd.DataFrame() if rows is None else rows, scenes(), {}, {}, sheets)


def by_check(frame):
    return frame[frame["check"] != ""].set_index("check")


def by_audit(frame, change):
    return frame[frame["audit"].str.split().map(lambda parts: change in parts)].iloc[0]


def test_every_finding_is_of_one_kind_and_says_how_it_is_shown():
    for finding in findings():
        assert finding.kind in KINDS
        assert bool(finding.check) == (finding.kind == "recomputed"), finding
        assert bool(finding.audit) == (finding.kind == "re-enacted"), finding
        assert finding.paper
        assert finding.code or finding.kind == "recomputed"
    assert {finding.check for finding in findings()} - {""} == set(CHECKS)


def test_every_field_of_the_audit_belongs_to_a_finding():
    named = {change for finding in findings() for change in finding.audit}
    assert named == {(phase, field) for phase, fields in FIELDS.items() for field in fields}


def test_every_item_of_the_list_of_differences_is_there():
    items = {finding.item for finding in findings()}
    for letter, count in (("A", 21), ("B", 9), ("C", 5)):
        assert {f"{letter}{number}" for number in range(1, count + 1)} <= items


def test_without_sheets_and_runs_every_row_says_what_is_missing():
    frame = build().frame
    assert set(frame["verdict"]) == {"confirmed", "not at hand", "not run here", "read, not run"}
    missing = frame[frame["verdict"] == "not at hand"]
    assert set(missing["source"]) >= {"released sheets of the sweep", "released sheet of the grids"}
    assert missing["found"].isna().all()
    confirmed = by_check(frame)["verdict"]
    assert confirmed[confirmed == "confirmed"].index.tolist() == [
        *("grid_leaves_pixels_out", "blur_against_table_5", "equation_8_is_equation_6"),
        *("improvement_against_table_6", "batch_size_is_updates", "small_patches_are_border"),
    ]
    unrun = by_audit(frame, "baseline.loss")
    assert unrun["found"] == "add loss to `audit: baseline` in the configuration"


def test_printed_values_and_arithmetic_give_the_known_numbers():
    found = by_check(build().frame)["found"]
    assert found["blur_against_table_5"].startswith("printed SAD with blur: Urban5 +14.8 %, Urban6 +7.8 %, Jasper")
    assert "−5.4 %" in found["blur_against_table_5"]
    assert found["batch_size_is_updates"] == "updates: 3,200 at 8, 1,700 at 15, 900 at 30, 500 at 60"
    assert found["small_patches_are_border"].startswith("pixels that see no border: 0 % at 8, 6 % at 16")
    assert "Samson 4 patches, 71 %" in found["grid_leaves_pixels_out"]
    assert "worse in 3 of 3" in found["improvement_against_table_6"]


@pytest.mark.parametrize(
    ("rows", "verdict", "words"),
    [
        (lambda: study(loss=0.02), "worse", "Samson (real), from described, baseline: loss spectral_angle"),
        (lambda: study(loss=-0.02), "better", "−0.0200 rad ["),
        (lambda: study(loss=0.0005), "no effect shown", "+0.0005 rad ["),
        (lambda: study().query("run < 3"), "runs shown, not judged", "+0.0127 rad"),
    ],
)
def test_what_was_run_again_says_which_way_it_moves(rows, verdict, words):
    row = by_audit(build(rows()).frame, "baseline.loss")
    assert row["verdict"] == verdict
    assert words in row["found"]
    assert row["source"] == "table_audit"


def test_from_released_the_code_is_the_side_that_is_left():
    mended = arm(BASE - 0.02 + np.linspace(0, 0.002, 5)[:, None], "baseline_loss", protocol="released")
    rows = pd.concat([arm(BASE, protocol="released"), mended])
    assert by_audit(build(rows).frame, "baseline.loss")["verdict"] == "worse"
    whole = arm(BASE - 0.02 + np.linspace(0, 0.002, 5)[:, None], "baseline_input", protocol="released")
    rows = pd.concat([arm(BASE, protocol="released"), whole])
    assert by_audit(build(rows).frame, "baseline.input")["verdict"] == "better", "a value that neither protocol has"


def test_a_finding_with_several_fields_tells_them_apart():
    rows = pd.concat([contrastive_study("crop", 0.03), contrastive_study("sigma", 0.0).query("phase == 'audit'")])
    row = by_audit(build(rows).frame, "contrastive.crop")
    assert row["verdict"] == "worse in some"
    assert row["n"] == "5 pairs, 5 pairs"
    rows = pd.concat([contrastive_study("crop", 0.03), contrastive_study("sigma", -0.03).query("phase == 'audit'")])
    assert by_audit(build(rows).frame, "contrastive.crop")["verdict"] == "worse in some, better in others"


def test_scenes_give_the_rows_of_chance():
    rows = classical(chance=((0.09, 0.08, 0.08), (0.5, 0.4, 0.3)))
    found = by_check(build(rows).frame).loc["samson_beside_chance"]
    assert found["verdict"] == "confirmed"
    assert found["found"].startswith("best of 2 draws 0.0833 rad")
    far = by_check(build(classical()).frame).loc["samson_beside_chance"]
    assert far["verdict"] == "not confirmed"


def test_a_finding_that_the_numbers_do_not_bear_out_is_not_confirmed(tmp_path):
    columns = "loss,temperature,lambda_recon,patch_size,batch_size,sigma_kernel,avg_sad,samson_sad,urban4_sad,flag"
    rows = ["generalized,0.1,0.5,32,8,1.0,0.03,0.03,0.03,", "ntxent,0.1,0.5,32,8,1.0,0.05,0.05,0.05,"]
    (tmp_path / GRID_FILE).write_text("\n".join([columns, *rows]) + "\n", encoding="utf-8")
    frame = by_check(build(sheets=tmp_path).frame)
    assert frame.loc["none_beats_urban4", "verdict"] == "not confirmed"
    assert frame.loc["best_average_is_fourth", "found"].startswith("rank 1 of 1")
    assert frame.loc["best_average_is_fourth", "verdict"] == "not confirmed"
    assert frame.loc["table_5_is_mean_of_regimes", "verdict"] == "not at hand"


def test_the_distance_of_two_settings_is_a_t_of_two_means():
    place = {"scene": "samson", "regime": "fixed_seeded", "endmember": 1}
    cells = pd.DataFrame(
        [
            {**place, "treatment": "crop_50", "released_mean": 0.10, "released_std": 0.03},
            {**place, "treatment": "crop_75", "released_mean": 0.12, "released_std": 0.04},
        ]
    )
    assert distances(cells, ("crop_50", "crop_75")) == pytest.approx([0.02 / np.sqrt((0.03**2 + 0.04**2) / 24)])


def test_the_released_sheets_bear_out_what_is_said_of_them(reference_folder):
    frame = by_check(build(sheets=reference_folder).frame)
    needed = [name for name, check in CHECKS.items() if check.needs]
    assert frame.loc[needed, "verdict"].eq("confirmed").all(), frame.loc[needed, ["verdict", "found"]]
    found = frame["found"]
    assert found["table_5_is_mean_of_regimes"] == "48 of 48 printed values"
    assert found["std_is_mean_of_endmembers"] == "6 of 6 scenes"
    assert found["table_6_is_the_sheet"] == "6 of 6 printed averages are one run of the sheet"
    assert found["best_average_is_fourth"].startswith("rank 4 of 1,280 with 0.0670 rad; the lowest is 0.0650")
    assert found["none_beats_urban4"] == (
        "Urban4: 0 of 1,280 (generalized) and 0 of 320 (NT-Xent) below 0.0428; "
        "Samson: 332 of 1,280 (generalized) and 66 of 320 (NT-Xent) below 0.0654"
    )
    assert "sigma 0.01: 0.140, 0.1: 0.132, 1: 0.122, 10: 0.110" in found["weaker_is_lower"]
    assert found["settings_of_90_are_one"].startswith("median |t|, 90 images: crop 0.83 (n = 306)")
    assert "10 images: crop 2.76" in found["settings_of_90_are_one"]
    assert found["settings_of_90_are_one"].endswith("chance 0.68")
    assert "10 images: vertical 0.029, horizontal 0.287, both 0.419" in found["flips_lose_the_water"]
    assert "Cuprite, 10 images: 54 of 55" in found["averages_leave_endmembers_out"]
    assert found["a_slice_is_of_the_other_loss"].startswith(
        "1,281 rows where the grid has 1,280, 1 of them a configuration's second; the same angles in both sheets: "
        "63 of the 64 configurations at lambda 0.1 and sigma 1"
    )
    assert "Samson, Best SAD (Avg): 5.315 of 5.3155" in found["loss_ends_at_equal_similarity"]
    assert found["no_control_in_the_grid"] == "lambda 0.1, 0.3, 0.5, 0.7, 0.9; 1 run per configuration"
    assert "0 of 18 treatments beat it on all six scenes" in found["no_treatment_wins_everywhere"]


def test_checks_ask_for_what_there_is():
    names = set(Material.__dataclass_fields__)
    assert all(set(check.needs) <= names for check in CHECKS.values())


def test_the_table_survives_its_files(tmp_path):
    table = build(study())
    write_table(table, tmp_path / "table_findings")
    again = read_table(tmp_path / "table_findings.parquet")
    pd.testing.assert_frame_equal(again.frame, table.frame, check_dtype=False)
    assert "recomputed" in table.n
    assert "equation 18" in markdown_text(table)
