"""Plots for a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.output.plots import can_draw, decade, loglog

LINE = [(10.0**e, 10.0**e) for e in range(4)]


def plot(series: Any, **more: Any) -> list[str]:
    return loglog(series, x_label="size", y_label="tokens", **more).splitlines()


def test_braille_runs_from_corner_to_corner() -> None:
    lines = plot([("y = x", LINE)], width=40, height=10)
    rows = [line.partition("│")[2] for line in lines if "│" in line]
    assert len(rows) == 10
    assert rows[-1][:1].strip()
    assert rows[0].endswith(" a")
    starts = [len(row) - len(row.lstrip()) for row in rows]
    assert starts == sorted(starts, reverse=True)
    assert lines[-1] == "a y = x"


def test_a_steep_curve_has_no_gaps() -> None:
    lines = plot([("steep", [(1.0, 1.0), (10.0, 1e12)])], width=30, height=12)
    assert all(line.partition("│")[2].strip(" a") for line in lines if "│" in line)


def test_letters_are_in_the_order_of_the_ends() -> None:
    series = [("low", [(1, 1), (1e3, 1e1)]), ("high", [(1, 1), (1e3, 1e3)]), ("same", [(1, 1), (1e3, 1e3)])]
    ends = [line.rpartition(" ")[2] for line in plot(series, width=40, height=10) if "│" in line]
    assert ends[0] == "bc"
    assert "a" in ends[4:]


def test_ascii_has_letters_and_a_mark() -> None:
    lines = plot(
        [("one", LINE), ("two", [(x, 10 * y) for x, y in LINE])], width=40, height=10, unicode=False, mark=30.0
    )
    text = "\n".join(lines)
    assert text.isascii()
    assert sum("a" in line for line in lines) > 3
    columns = {line.rindex("|") for line in lines[1:-4] if line.count("|") == 2}
    assert len(columns) == 1


@given(
    st.lists(
        st.lists(
            st.tuples(st.floats(1e-3, 1e30), st.floats(1e-3, 1e30)),
            min_size=1,
            max_size=5,
        ).map(sorted),
        min_size=1,
        max_size=30,
    ),
    st.booleans(),
    st.integers(60, 100),
)
@settings(max_examples=60)
def test_no_line_is_too_long(curves: Any, unicode: bool, width: int) -> None:
    series = [(f"law {i}", points) for i, points in enumerate(curves)]
    for line in plot(series, width=width, unicode=unicode, mark=curves[0][0][0]):
        assert len(line) <= width


def test_nothing_to_plot() -> None:
    assert plot([]) == plot([("none", [])]) == ["nothing to plot"]


def test_what_is_not_positive_is_left_out() -> None:
    assert plot([("a", [(0.0, 1.0), *LINE])]) == plot([("a", LINE)])


@pytest.mark.parametrize(
    ("encoding", "term", "able"),
    [("utf-8", "xterm", True), ("UTF8", "xterm", True), ("ascii", "xterm", False), ("utf-8", "dumb", False),
     ("latin-1", "xterm", False)],
)  # fmt: skip
def test_what_a_stream_can_show(encoding: str, term: str, able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    assert can_draw(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is able


def test_a_stream_without_an_encoding_gets_ascii() -> None:
    assert not can_draw(io.StringIO())


def test_decades_are_short() -> None:
    assert [decade(e) for e in (-2, 0, 3, 14, 17, 18)] == ["1e-2", "1", "1k", "100T", "100Q", "1e18"]
