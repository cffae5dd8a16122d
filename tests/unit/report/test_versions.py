"""The report is made again when any code behind it changes."""

import re
from pathlib import Path

from unmixing.code_version import INFRASTRUCTURE, closure

RULE = Path(__file__).parents[3] / "workflow/rules/report.smk"


def test_the_rule_states_versions_of_all_that_the_program_uses():
    declared = {
        name for module in re.findall(r'output_version\("([\w.]+)"\)', RULE.read_text()) for name in closure(module)
    }
    used = {name for name in closure("programs.report") if not name.startswith("programs")}
    assert used - INFRASTRUCTURE <= declared
