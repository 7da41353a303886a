"""`aiplan laws`: the list, one law, and all side by side."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from aiplan.quantities.scaling import LAWS
from tests.cli.helpers import aiplan, process

QUESTIONS = [
    ("--params", "100T"),
    ("--params", "100T", "--active-params", "5T"),
    ("--params", "1e3"),
    ("--flops", "5e25"),
    ("--flops", "1e30", "--active-share", "3%"),
    ("--loss", "2.0"),
    ("--loss", "1.5", "--active-share", "5%"),
    ("--loss", "0.4"),
]


def test_list_names_every_law_in_80_columns() -> None:
    done = aiplan("laws", "list")
    lines = done.out.splitlines()
    assert done.code == 0
    assert [line.split()[0] for line in lines[1 : len(LAWS) + 1]] == list(LAWS)
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("besiroglu_with_outliers"))
    assert row.split() == ["besiroglu_with_outliers", "yes", "Besiroglu", "et", "al.", "2024", "70", "M", "to", "16",
                           "B", "?"]  # fmt: skip


def test_list_as_json_holds_coefficients_and_marks() -> None:
    found = {law["law"]: law for law in aiplan("laws", "list", "--json").json["laws"]}
    assert list(found) == list(LAWS)
    assert found["besiroglu_2024"]["coefficients"]["law_alpha"] == 0.3478
    assert found["hoffmann_a2"]["marks"] == ["derived"]
    assert len(found["besiroglu_2024"]["covariance"]) == 5
    assert not any("Raises" in e for law in found.values() for e in law["equations"])


@pytest.mark.parametrize("name", LAWS)
def test_show_tells_the_source_and_the_doubts(name: str) -> None:
    done = aiplan("laws", "show", name.replace("_", "-"))
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    text = " ".join(done.out.split())
    assert LAWS[name].source in text
    assert LAWS[name].note in text
    assert all(mark in text for mark in LAWS[name].marks)
    assert aiplan("laws", "show", name, "--json").json["source"] == LAWS[name].source


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_compare_shows_every_law_in_80_columns(question: tuple[str, ...]) -> None:
    done = aiplan("laws", "compare", *question, "--plot")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    for name in LAWS:
        assert sum(line.split()[:1] == [name] for line in lines) >= 1, name


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_compare_as_json_and_as_csv_hold_the_same(question: tuple[str, ...]) -> None:
    rows = aiplan("laws", "compare", *question, "--json").json["laws"]
    table = list(csv.DictReader(io.StringIO(aiplan("laws", "compare", *question, "--format", "csv").out)))
    assert [row["law"] for row in rows] == [row["law"] for row in table] == list(LAWS)
    for row, cells in zip(rows, table, strict=True):
        assert (row["tokens"] is None) == bool(row["why_null"]), row["law"]
        for name in ("params", "tokens", "tokens_p10", "tokens_p90", "training_flops", "loss", "tokens_per_param"):
            assert cells[name] == ("" if row[name] is None else repr(row[name]))


def test_compare_gives_the_numbers_of_the_laws() -> None:
    found = {row["law"]: row for row in aiplan("laws", "compare", "--params", "100T", "--json").json["laws"]}
    default = found["besiroglu_2024"]
    assert default["tokens"] == pytest.approx(1.288e15, rel=1e-3)
    assert default["tokens_p10"] < default["tokens"] / 2 < 2 * default["tokens"] < default["tokens_p90"]
    assert default["training_flops"] == pytest.approx(7.73e29, rel=1e-3)
    assert "6,250 times above" in default["note"]
    assert found["clark_moe"]["why_null"] == "clark_moe was fitted at 130B tokens only, so it gives no tokens"
    experts = aiplan("laws", "compare", "--params", "100T", "--active-params", "5T", "--json").json
    assert experts["given"] == {"params": 1e14, "active_share": 0.05}
    found = {row["law"]: row for row in experts["laws"]}
    assert found["rule_20"]["tokens"] == pytest.approx(20 * 1e14 * 0.05**0.5)
    assert found["rule_20"]["training_flops"] == pytest.approx(6 * 5e12 * found["rule_20"]["tokens"])
    assert found["krajewski_moe"]["tokens"] == pytest.approx(1.4e13, rel=0.01)


def test_markdown_is_a_table_with_its_notes() -> None:
    lines = aiplan("laws", "compare", "--flops", "5e25", "--format", "md").out.splitlines()
    assert lines[0] == "**The best model for 5.00e25 FLOP by each scaling law**"
    assert lines[2] == "| law | params | tokens | p10 to p90 | per param | loss |"
    assert sum(line.startswith("| ") for line in lines) == len(LAWS) + 2
    listed = aiplan("laws", "list", "--format", "md").out
    assert all(f"| `{name}` |" in listed for name in LAWS)


def test_the_plot_falls_back_to_ascii() -> None:
    import os

    question = ("laws", "compare", "--params", "1T", "--plot")
    plain = process(*question, env={**os.environ, "PYTHONIOENCODING": "ascii", "TERM": "xterm"})
    dumb = process(*question, env={**os.environ, "PYTHONIOENCODING": "utf-8", "TERM": "dumb"})
    braille = process(*question, env={**os.environ, "PYTHONIOENCODING": "utf-8", "TERM": "xterm"})
    assert plain.code == dumb.code == braille.code == 0
    assert plain.out == dumb.out
    assert plain.out.isascii()
    assert not braille.out.isascii()


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "laws.txt"
    assert aiplan("laws", "compare", "--params", "1T", "--output", str(path)).out == ""
    assert "besiroglu_2024" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ((), "give one of --params, --flops and --loss"),
        (("--params", "1T", "--loss", "2"), "give one of --params, --flops and --loss"),
        (("--params", "1T", "--active-params", "2T"), "--active-params '2T' is above --params"),
        (("--loss", "2", "--active-params", "5B"), "--active-params needs --params; with --flops or --loss give"),
        (("--params", "1T", "--active-params", "1B", "--active-share", "5%"), "give one of --active-params and"),
        (("--params", "0"), "--params is '0', but must be above 0"),
        (("--params", "1T", "--active-share", "0"), "--active-share is '0', but must be above 0"),
        (("--params", "1T", "--active-share", "120%"), "--active-share is '120%', but must be between 0 and 100%"),
        (("--flops", "5 kg"), "--flops"),
        (("--params", "1T", "--format", "xml"), "--format 'xml' is not one of table, json, csv, md"),
        (("--params", "1T", "--plot", "--json"), "--plot is for the table, not for json"),
    ],
)
def test_bad_input_is_one_line(typed: tuple[str, ...], message: str) -> None:
    done = aiplan("laws", "compare", *typed)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_law_has_the_nearest() -> None:
    done = aiplan("laws", "show", "besiroglu")
    assert done.code == 2
    assert "there is no scaling law 'besiroglu'; nearest: besiroglu_2024" in done.err
    assert aiplan("laws", "list", "--format", "csv").code == 2
