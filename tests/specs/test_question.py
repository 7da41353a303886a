"""What was asked, from text to SI: choices, quantities and limits, with one line for whatever is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.specs.question import CHOICES, LIMITS, POSITIVE, read_choice, read_pairs, read_question, read_value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("params", "100T", 1e14),
        ("params", "70B", 70e9),
        ("params", "1.8e12", 1.8e12),
        ("params", 7, 7.0),
        ("facility_power", "3 GW", 3e9),
        ("run_cost", "$1B", 1e9),
        ("accelerator_price", "$30k", 30e3),
        ("electricity_price", "$0.06/kWh", 0.06 / 3.6e6),
        ("training_days", "90d", 90.0),
        ("training_days", "12 weeks", 84.0),
        ("training_days", 90, 90.0),
        ("accelerator_memory_bandwidth", "3.35 TB/s", 3.35e12),
        ("peak_flops", "989 TFLOPS", 989e12),
        ("mfu", "30%", 0.3),
        ("mfu", "0.3", 0.3),
        ("data_bytes", "15 PB", 15e15),
        ("accelerators", "16,384", 16384.0),
    ],
)
def test_values(name: str, text: Any, value: float) -> None:
    assert read_value(name, text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("parms", "1", "nearest: params"),
        ("acelerator", "1", "accelerator"),
        ("mfu", "140%", "between 0 and 100%"),
        ("pue", "-1", "pue is '-1'"),
        ("params", True, "not True"),
        ("params", None, "not None"),
        ("params", ["1"], "not \\['1'\\]"),
        ("params", 0, "above 0"),
        ("params", "0", "above 0"),
        ("facility_power", "3 GWh", "energy, not power"),
        ("facility_power", 3, "GW"),
    ],
)
def test_what_is_no_value(name: str, raw: Any, says: str) -> None:
    with pytest.raises(UserError, match=says) as failure:
        read_value(name, raw, where="plan.yaml")
    assert str(failure.value).startswith("plan.yaml: ")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "raw"), [("law", "Rule-20"), ("precision", "BF16"), ("sparsity", "2:4"), ("site", " us ")]
)
def test_choices_are_folded(name: str, raw: str) -> None:
    assert read_choice(name, raw) == {"law": "rule_20", "precision": "bf16", "sparsity": "2:4", "site": "us"}[name]


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("law", "chinchila", "one of"),
        ("precision", "bf61", "nearest: bf16"),
        ("recovery", 3, "a name"),
        ("site", "", "name"),
    ],
)
def test_what_is_no_choice(name: str, raw: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_choice(name, raw)


def test_the_three_limits_are_limits_wherever_they_stand() -> None:
    asked = {"training_days": "90d", "run_cost": "$1M", "facility_power": "1 MW", "params": "1B"}
    question = read_question(asked)
    assert question.limits == {"training_days": 90.0, "run_cost": 1e6, "facility_power": 1e6}
    assert question.given == {"params": 1e9}
    other = read_question({"params": "1B"}, {name: asked[name] for name in LIMITS})
    assert other.limits == question.limits


def test_limit_wins_over_set_of_the_same_name() -> None:
    assert read_question({"training_days": 90}, {"training_days": 30}).limits == {"training_days": 30.0}


def test_any_quantity_may_be_limited_and_no_choice() -> None:
    assert read_question({}, {"energy": "1 GWh"}).limits == {"energy": 3.6e12}
    with pytest.raises(UserError, match="law is a choice"):
        read_question({}, {"law": "rule_20"})
    with pytest.raises(UserError, match="above 0"):
        read_question({}, {"energy": "0 Wh"})


def test_what_was_typed_is_kept() -> None:
    question = read_question({"params": "70B", "law": "rule_20"}, {"energy": "1 GWh"})
    assert question.typed == {"params": "70B", "law": "rule_20", "limit.energy": "1 GWh"}


def test_pairs() -> None:
    assert read_pairs(["mfu=0.4", "site = us", "cost-method=owned"]) == {
        "mfu": "0.4",
        "site": "us",
        "cost_method": "owned",
    }
    assert read_pairs(["a=b=c"]) == {"a": "b=c"}
    for bad in ("mfu", "=3", "mfu=", "mfu= "):
        with pytest.raises(UserError, match="NAME=VALUE"):
            read_pairs([bad])


def test_names_of_choices_and_quantities_are_apart() -> None:
    assert set(CHOICES).isdisjoint(GRAPH.quantities)
    assert set(LIMITS) <= set(GRAPH.quantities)
    assert set(GRAPH.quantities) >= POSITIVE


@pytest.mark.parametrize(("typed", "means"), [("mxfp8", "fp8"), ("NVFP4", "fp4"), ("mxfp4", "fp4"), ("bf16", "bf16")])
def test_block_scaled_formats_are_of_their_width(typed: str, means: str) -> None:
    assert read_question({"precision": typed}).choices["precision"] == means
