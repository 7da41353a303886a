"""Markdown that a pull request shows as it was meant."""

from __future__ import annotations

from aiplan.output.markdown import markdown
from aiplan.specs.result import Assumption, Check, Result, Value, Warning_


def result(**changed: object) -> Result:
    fields: dict[str, object] = {
        "ask": "train",
        "aiplan_version": "0",
        "headline": "It takes 8 a|b <script>.",
        "quantities": {
            "params": Value(70e9, "param", "given"),
            "training_days": Value(12.5, "day", "formula", 10.0, 12.5, 20.0),
            "run_cost": Value(None, "USD", "formula", why_null="no price"),
        },
        "choices": {},
        "binding": ["training_days: the limit"],
        "assumptions": [Assumption("pue", 1.25, "", "a|b")],
        "warnings": [Warning_("scarce-text", "too <b>little</b> & few")],
        "sources": ["somebody"],
        "inputs": {},
        "name": "Plan | A",
        **changed,
    }
    return Result(**fields)  # type: ignore[arg-type]


def test_the_sentence_first_then_a_table_then_the_rest() -> None:
    lines = markdown(result()).splitlines()
    assert lines[0] == "## Plan \\| A"
    assert lines[2].startswith("**It takes 8")
    assert "| params (given) | 70.0 B |  |" in lines
    assert "| training_days | 12.5 days | 10.0 to 20.0 days |" in lines
    assert "| run_cost | unknown |  |" in lines
    assert lines.index("### Unknown") < lines.index("### Warnings") < lines.index("</details>")
    assert "- run_cost: no price" in lines


def test_nothing_from_outside_becomes_markup() -> None:
    text = markdown(result())
    assert "<script>" not in text
    assert "<b>" not in text
    assert "&lt;b&gt;little&lt;/b&gt; &amp; few" in text
    assert "- pue 1.25: a\\|b" in text
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in table} == {4}
    assert "\x1b" not in markdown(result(name="\x1b[31mred"))


def test_failed_checks_come_before_what_is_usual() -> None:
    checks = [Check("fits", "assert", True, "fits (yes)"), Check("a", "assert", False, "a is 3")]
    lines = markdown(result(checks=checks)).splitlines()
    assert "- a is 3" in lines
    assert "- fits (yes)" not in lines
    assert lines.index("### Failed") < lines.index("### What fixes the answer")


def test_our_own_answer_is_named() -> None:
    assert "### Our own answer" in markdown(result(ours=result(name=None, headline="Ours.")))
