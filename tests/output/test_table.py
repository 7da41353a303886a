"""The table: 80 columns, every number whole, every null with its reason, nothing that a terminal would obey."""

from __future__ import annotations

import sys

import pytest

from aiplan.output import clean
from aiplan.output.plain import columns
from aiplan.output.sections import SECTIONS, range_text, sections, value_text
from aiplan.output.table import table
from aiplan.specs.result import Result, Value
from tests.cli.helpers import ESSAY, ROOT, aiplan

LLAMA = "train --model llama-3.1-405b --tokens 15.6T --accelerators 16384 --accelerator h100"
COMMANDS = {
    "100t": "train --params 100T",
    "llama": LLAMA,
    "laptop": "train --params 4 --accelerator laptop",
    "pictures": "train --accelerator desktop --accelerators 1 --flops-per-sample 24.6GFLOP/sample --samples 115.29M",
    "impossible": "train --params 70B --deadline 1d --budget $1",
    "no-price": "train --params 7B --accelerator maia-100",
    "budget": "train --budget $1B --law kaplan_2020",
    "100t-all": "train --params 100T --all",
    "llama-all": f"{LLAMA} --all",
    "laptop-all": "train --params 4 --accelerator laptop --all",
    "why": "why run_cost --params 100T",
    "chips": "hardware compare h100 gb200",
    "model": "models show deepseek-v3",
    "list-models": "models list",
    "laws": "laws compare --params 100T",
    "example": f"run {ROOT / 'scenarios' / 'examples' / 'frontier-100t.yaml'}",
    **{path.stem: f"run {path}" for path in sorted(ESSAY.glob("*.yaml"))},
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_eighty_columns_and_no_number_cut(command: str) -> None:
    done = aiplan(*command.split())
    assert done.code in (0, 3), done.err
    assert [line for line in done.out.splitlines() if len(line) > 80] == []
    assert "…" not in done.out
    assert not any(line != line.rstrip() for line in done.out.splitlines())
    assert "None" not in done.out
    assert "nan" not in done.out.split()


@pytest.mark.parametrize("command", [COMMANDS["100t"], COMMANDS["llama"]])
def test_every_part_is_told(command: str) -> None:
    out = aiplan(*command.split()).out
    for heading in (
        *(name for name in SECTIONS if name != "Documents"),
        "Choices",
        "Assumptions",
        "Warnings",
        "What makes run_cost uncertain",
    ):
        assert f"\n{heading}\n" in out


def result(**values: Value) -> Result:
    return Result("train", "0", "It is so.", values, {}, [], [], [], [], {})


def test_long_numbers_are_whole() -> None:
    text = table(result(accelerators=Value(90246123.0, "", "given"), steps=Value(123456.0, "", "formula")))
    assert "90.2 M" in text
    assert "123,456" in table(result(accelerators=Value(123456.0, "", "given")))


def test_a_null_is_told_with_its_reason_once() -> None:
    null = Value(None, "USD", "formula", why_null="it has no price")
    text = table(result(run_cost=null, amortized_cost=null, capex=null))
    assert text.count("it has no price") == 1
    assert "capex, amortized_cost, run_cost: unknown" in text


def test_escape_codes_are_not_passed_on() -> None:
    shown = result(params=Value(1.0, "param", "given"))
    shown.name = "\x1b[31mred\x07"
    shown.headline = "a\x1b]0;title\x07b"
    assert not any(c in table(shown) for c in "\x1b\x07")
    assert clean("a\nb\tc\x9b31m") == "abc31m"


def test_a_terminal_gets_the_same_text_in_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = result(params=Value(70e9, "param", "given"), training_days=Value(3.0, "day", "formula"))
    plain = table(shown)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = table(shown)
    assert "\x1b[" in coloured
    import re

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split() == plain.split()
    monkeypatch.setenv("NO_COLOR", "1")
    assert table(shown) == plain
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert table(shown) == plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Value(1e9, "W", "formula", 0.5e9, 1e9, 2e9), "500 MW to 2 GW"),
        (Value(2e9, "W", "formula", 1e9, 2e9, 3e9), "1 to 3 GW"),
        (Value(2e9, "USD", "formula", 1e9, 2e9, 3e9), "$1.00B to $3.00B"),
        (Value(2e9, "W", "formula"), ""),
    ],
)
def test_ranges_say_a_shared_unit_once(value: Value, shown: str) -> None:
    assert range_text("x", value) == shown


def test_fits_is_yes_or_no() -> None:
    assert [value_text("fits", Value(v, "", "formula")) for v in (1.0, 0.0, None)] == ["yes", "no", "unknown"]


def test_sections_hide_nulls_that_nobody_asked_for() -> None:
    shown = result(epochs=Value(None, "", "formula", why_null="x"), loss=Value(None, "", "formula", why_null="y"))
    assert [name for _, rows in sections(shown) for name, _ in rows] == ["loss"]
    assert [name for _, rows in sections(shown, everything=True) for name, _ in rows] == ["epochs", "loss"]


def test_every_shown_name_is_a_quantity() -> None:
    from aiplan.graph import GRAPH

    names = [name for names in SECTIONS.values() for name in names.split()]
    assert set(names) <= set(GRAPH.quantities)
    assert len(names) == len(set(names))


def test_columns_line_up() -> None:
    text = columns(("name", "n"), [("a", "1"), ("longer", "22,000")], right=(1,))
    assert text.splitlines() == ["name         n", "a            1", "longer  22,000"]
    assert columns(("a",), []) == "a"
