from pathlib import Path

from unmixing.configuration import read_yaml, validate
from unmixing.outputs import figures, tables
from unmixing.report.sections import PARTS
from unmixing.study import Study

ROOT = Path(__file__).parents[3]


def test_every_output_of_the_phases_has_its_place_in_the_report():
    study = Study(validate(read_yaml(ROOT / "config.yaml")), Path("results"), {})
    made = {output.name for output in [*tables(study), *figures(study)]}
    named = [name for part in PARTS for name in part.shows]
    assert len(named) == len(set(named)), "something is shown twice"
    assert set(named) <= made, "a part names what no rule makes"
    assert made - set(named) == {"table1", "table_scenes"}, "the scenes' own tables stand under Tables"
