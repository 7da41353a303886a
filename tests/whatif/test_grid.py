"""Grids: each form of an axis, the cross product, what is skipped, the cap."""

from __future__ import annotations

from typing import Any

import pytest

import aiplan.quantities  # noqa: F401  (fills the graph)
from aiplan.errors import UserError
from aiplan.specs.question import read_question
from aiplan.whatif.grid import at_point, points, read_axis, read_grid, read_typed, title


@pytest.mark.parametrize(
    ("name", "raw", "values"),
    [
        ("training_days", "60..360 by 60", [60, 120, 180, 240, 300, 360]),
        ("params", "1T..100T x10", [1e12, 1e13, 1e14]),
        ("params", "1T..50T x10", [1e12, 1e13]),
        ("mfu", "20%..40% by 10%", [0.2, 0.3, 0.4]),
        ("electricity_price", "$0.04/kWh..$0.08/kWh by $0.02/kWh", [0.04 / 3.6e6, 0.06 / 3.6e6, 0.08 / 3.6e6]),
        ("facility_power", ["1 GW", "2 GW"], [1e9, 2e9]),
        ("accelerators", [64, "128"], [64, 128]),
        ("pue", "1.1..1.1 by 0.1", [1.1]),
    ],
)
def test_the_values_of_an_axis(name: str, raw: Any, values: list[float]) -> None:
    """Both ends belong to a range where a step meets them."""
    assert [step.value for step in read_axis(name, raw).steps] == pytest.approx(values)


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("params", "1T..100T", "a range says its step"),
        ("params", "100T..1T x10", "rises"),
        ("params", "1T..100T x1", "N above 1"),
        ("params", "1..2 by 0", "a step above 0"),
        ("pue", "1.2..1.4 by 3 GW", "power"),
        ("pue", "1.0..1e9 by 1", "above the cap"),
        ("params", [], "empty list"),
        ("params", 7, "is a list"),
        ("accelerator", "a..b by c", "swept by a list"),
        ("precision", ["bf61"], "nearest: bf16"),
        ("acelerator", ["h100"], "nearest: accelerator"),
    ],
)
def test_a_wrong_axis_is_one_line(name: str, raw: Any, said: str) -> None:
    """The message names the axis."""
    with pytest.raises(UserError, match=name) as error:
        read_axis(name, raw, where="plan.yaml:4:3")
    assert said in str(error.value)


def test_the_cross_product_without_what_is_skipped() -> None:
    """The last axis is the fastest; a skipped entry matches by value, however it is written."""
    axes = read_grid({"accelerator": ["h100", "gb200"], "params": "1T..100T x10"})
    found = points(axes, [{"accelerator": "h100", "params": "100e12"}])
    assert [title(p) for p in found] == [
        "accelerator h100, params 1.00 T",
        "accelerator h100, params 10.0 T",
        "accelerator gb200, params 1.00 T",
        "accelerator gb200, params 10.0 T",
        "accelerator gb200, params 100 T",
    ]


def test_skip_must_name_what_is_swept_and_leave_something() -> None:
    """A typing error in `skip` would silently skip nothing."""
    axes = read_grid({"params": ["1T", "2T"]})
    with pytest.raises(UserError, match="is not swept"):
        points(axes, [{"parms": "1T"}])
    with pytest.raises(UserError, match="no point"):
        points(axes, [{"params": "1T"}, {"params": "2T"}])


def test_the_cap_is_of_the_product() -> None:
    """Two axes of 200 are 40,000 points."""
    axes = read_grid({"params": "1..200 by 1", "tokens": "1..200 by 1"})
    with pytest.raises(UserError, match="40,000 points"):
        points(axes)
    assert len(points(axes, most=40_000)) == 40_000


def test_a_point_is_laid_over_the_question() -> None:
    """A limit, a choice and a value go where they belong; the question itself stays."""
    question = read_question({"params": "1T"})
    axes = read_grid({"training_days": [90], "accelerator": ["h100"], "params": ["2T"]})
    found = at_point(question, points(axes)[0])
    assert (found.given, found.limits) == ({"params": 2e12}, {"training_days": 90})
    assert found.choices == {"accelerator": "h100"}
    assert question.given == {"params": 1e12}


def test_the_command_line_writes_lists_with_commas() -> None:
    """As a file would hold them."""
    assert read_typed(["params=[1T, 2T]", "mfu=0.1..0.3 by 0.1"]) == {"params": ["1T", "2T"], "mfu": "0.1..0.3 by 0.1"}
