"""The benchmarks' own arithmetic, and that RESULTS.md and the runner name the same scripts. No ratio, no time."""

import re
from dataclasses import replace

import pytest

from benchmarks.__main__ import RESULTS, SCRIPTS, with_block
from benchmarks.growth import exponent
from benchmarks.peaks import Peaks
from benchmarks.table import HEADING, Row, Skipped

PEAKS = Peaks(products=100e9, exponentials=2e9)


def test_results_have_one_block_for_every_script_and_every_script_exists():
    text = RESULTS.read_text()
    assert re.findall(r"^## `python -m benchmarks\.(\w+)`$", text, re.MULTILINE) == list(SCRIPTS)
    assert all(RESULTS.with_name(f"{name}.py").exists() for name in SCRIPTS)


def test_a_block_is_replaced_and_nothing_else_changes():
    one = "# Top\n\n## `python -m benchmarks.one`\n\nSaid.\n\n### A\n\n```\nold\n```\n\n### B\n\n```\nb\n```\n\n"
    text = one + "## `python -m benchmarks.two`\n\n### A\n\n```\n2\n```\n\n## End\n"
    assert with_block(text, "one", "A", "new\nlines\n") == text.replace("old", "new\nlines")
    assert with_block(text, "two", "A", "3\n") == text.replace("2\n```", "3\n```")


def test_a_kind_of_machine_overwrites_no_other():
    text = "# Top\n\n## `python -m benchmarks.one`\n\nSaid.\n\n### A\n\n```\nold\n```\n\n## End\n"
    both = with_block(text, "one", "B", "new\n")
    assert both == text.replace("## End", "### B\n\n```\nnew\n```\n\n## End")
    assert with_block(both, "one", "A", "old\n") == both
    three = with_block(both, "three", "B", "4\n")
    assert three.startswith(both.rstrip()) and three.endswith("benchmarks.three`\n\n### B\n\n```\n4\n```\n\n")


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_exponent_of_a_power_law(power):
    sizes = [3, 10, 40, 700]
    assert exponent(sizes, [7.0 * size**power for size in sizes]) == pytest.approx(power)


def test_a_row_says_ratio_errors_shares_and_a_missed_gate():
    row = Row("work", "peer", 200e-6, 4e-6, 1e-7, 2e-8, 3e-8, gate=60, products=100e3, exponentials=2e3, note="fused")
    line = row.show(PEAKS)
    assert " ".join(line.split()) == "work peer 200 4 50× 60× 1e-07 2e-08 3e-08 25% 25% 50% SHORT OF THE GATE fused"
    assert "SHORT" in replace(row, gate=40, least=0.6).show(PEAKS)
    assert "SHORT" not in replace(row, gate=40, least=0.5).show(PEAKS)
    assert "SHORT" not in Row("work", "peer", 200e-6, 4e-6, gate=50).show(PEAKS)
    assert [HEADING.index(name) + len(name) for name in ("ratio", "gate", "loop")] == [
        line.index(value) + len(value) for value in ("50×", "60×", "3e-08")
    ]


def test_a_large_ratio_is_written_out():
    assert " 4,786×" in Row("work", "peer", 4786e-6, 1e-6).show(PEAKS)


def test_what_was_not_measured_says_why():
    assert Skipped("slices on CUDA", "there is none").show(PEAKS).endswith("not measured: there is none")
