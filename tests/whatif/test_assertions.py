"""Assertions: a small language, exact in what it compares, and never a silent pass."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.errors import UserError
from aiplan.specs.result import Result, Value
from aiplan.whatif.assertions import OPERATORS, parse


def result(**values: Value) -> Result:
    return Result("train", "0", "", values, {}, [], [], [], [], {})


RESULT = result(
    facility_power=Value(1e9, "W", "formula", 0.8e9, 1e9, 1.3e9),
    training_days=Value(90.0, "day", "formula"),
    accelerators=Value(16384.0, "", "given"),
    fits=Value(1.0, "", "formula"),
    fits_context=Value(0.0, "", "formula"),
    run_cost=Value(None, "USD", "formula", why_null="it has no price"),
    training_flops=Value(1.2e30, "FLOP", "formula"),
    mfu=Value(0.41, "", "formula"),
)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("fits", True),
        ("fits_context", False),
        ("facility_power <= 1 GW", True),
        ("facility_power < 1 GW", False),
        ("facility_power == 1 GW", True),
        ("facility_power >= 1000 MW", True),
        ("facility_power > 999 MW", True),
        ("facility_power.p90 <= 1 GW", False),
        ("facility_power.p10 <= 800 MW", True),
        ("facility_power.p50 == 1 GW", True),
        ("training_days <= 90", True),
        ("training_days <= 90d", True),
        ("training_days <= 12 weeks", False),
        ("training_days.p90 <= 90", True),
        ("accelerators == 16384", True),
        ("accelerators <= 16k", False),
        ("training_flops ~ 1.2e30 within 3%", True),
        ("training_flops ~ 1.25e30 within 3%", False),
        ("training_flops ~ 1.25e30 FLOP within 5%", True),
        ("  mfu   >=   40%  ", True),
        ("mfu >= 0.42", False),
        ("mfu.p10>=41%", True),
    ],
)
def test_outcomes(text: str, passed: bool) -> None:
    check = parse(text).check(RESULT)
    assert check.passed == passed
    assert check.text == text
    assert " is " in check.message


@pytest.mark.parametrize("text", ["run_cost <= $1B", "run_cost.p90 <= $1B", "run_cost > $0", "run_cost ~ $1 within 5%"])
def test_an_unknown_value_fails_and_says_why(text: str) -> None:
    check = parse(text).check(RESULT)
    assert not check.passed
    assert "it has no price" in check.message


def test_a_model_that_does_not_fit_fails() -> None:
    check = parse("fits").check(result(fits=Value(0.0, "", "formula")))
    assert (check.passed, "fits is no" in check.message) == (False, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("facility_pwr <= 1 GW", "facility_power"),
        ("facility_power <= 3 GWh", "energy, not power"),
        ("facility_power <= 3", "GW"),
        ("run_cost <= 900", "$"),
        ("facility_power", "compares facility_power with nothing"),
        ("facility_pwr", "facility_power"),
        ("facility_power ~ 1 GW", "lacks 'within P%'"),
        ("facility_power ~ 1 GW within 3", "lacks 'within P%'"),
        ("facility_power <= ", "nothing was given"),
        ("facility_power = 1 GW", "is not"),
        ("facility_power != 1 GW", "is not"),
        ("facility_power.p95 <= 1 GW", "is not"),
        ("run_cost <= baseline + 10%", "baseline"),
        ("1 GW >= facility_power", "is not"),
        ("training_days <= 90 and fits", "90 and fits"),
        ("training_days <= 90 # comment", "90 # comment"),
        ("", "is not"),
        ("fits; import os", "is not"),
        ("__import__('os') == 1", "is not"),
        (3, "is text such as"),
        ({"fits": True}, "is text such as"),
        (None, "is text such as"),
    ],
)
def test_anything_else_is_an_error_and_never_a_pass(text: Any, says: str) -> None:
    with pytest.raises(UserError) as failure:
        parse(text, "plan.yaml")
    assert says in str(failure.value)
    assert str(failure.value).startswith("plan.yaml: ")


@given(value=st.floats(1, 1e6), bound=st.floats(1, 1e6), name=st.sampled_from(list(OPERATORS)))
@settings(max_examples=100)
def test_comparisons_are_those_of_the_numbers(value: float, bound: float, name: str) -> None:
    wanted = getattr(operator, {"<=": "le", ">=": "ge", "==": "eq", "<": "lt", ">": "gt"}[name])
    found = result(facility_power=Value(value, "W", "formula"))
    assert parse(f"facility_power {name} {bound!r} W").check(found).passed == wanted(value, bound)


@given(text=st.text(max_size=60))
@settings(max_examples=200)
def test_no_text_is_more_than_an_error(text: str) -> None:
    try:
        parsed = parse(text)
    except UserError:
        return
    assert parsed.quantity
