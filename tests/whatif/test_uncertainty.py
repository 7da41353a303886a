"""Intervals: they hold the value, they come from what is uncertain, and a law's errors are taken together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from aiplan.catalog import open_catalog
from aiplan.graph import GRAPH
from aiplan.plan import Plan, train
from aiplan.quantities.scaling import AXES, LAWS, LOG_AXES
from aiplan.specs.question import read_question
from aiplan.whatif.uncertainty import Uncertainty, intervals

CATALOG, DEFAULTS = open_catalog()
PLANS: list[dict[str, Any]] = [
    {"params": "100T"},
    {"params": "70B", "accelerator": "h100"},
    {"model": "llama-3.1-405b", "tokens": "15.6T", "accelerators": 16384, "accelerator": "h100"},
    {"run_cost": "$1M", "accelerator": "a100"},
    {"training_flops": "1e25"},
    {"params": "1M", "accelerator": "laptop"},
]


def plan_of(**asked: Any) -> Plan:
    return train(read_question(asked), CATALOG, DEFAULTS)


def sure(**asked: Any) -> Uncertainty:
    return intervals(plan_of(**asked))


@pytest.mark.parametrize("asked", PLANS, ids=lambda asked: " ".join(map(str, asked.values())))
def test_intervals_hold_the_value(asked: dict[str, Any]) -> None:
    plan = plan_of(**asked)
    bounds = intervals(plan).bounds
    assert {"run_cost", "training_days", "amortized_cost"} <= set(bounds)
    for name, (p10, p90) in bounds.items():
        assert p10 <= plan.value(name) <= p90, name
        assert p10 < p90, name
        high = GRAPH[name].high
        assert p10 > 0, name
        assert high is None or p90 <= high, name


@pytest.mark.parametrize("asked", PLANS, ids=lambda asked: " ".join(map(str, asked.values())))
def test_drivers_share_the_spread(asked: dict[str, Any]) -> None:
    drivers = sure(**asked).drivers
    shares = [driver["share"] for driver in drivers]
    assert shares == sorted(shares, reverse=True)
    assert 0.97 < sum(shares) <= 1.0 + 1e-9
    assert len({driver["input"] for driver in drivers}) == len(drivers)


def test_what_is_given_carries_no_spread() -> None:
    asked = {"params": "70B", "tokens": "1.4T", "accelerator": "h100", "accelerators": 1024}
    found = sure(**asked, mfu="40%", goodput="90%", accelerator_price="$30k", it_overhead=1.14)
    for name in ("params", "tokens", "accelerators", "mfu", "goodput", "accelerator_price", "it_overhead"):
        assert name not in found.bounds
    for name in ("training_flops", "training_days", "step_time", "it_power"):
        assert name not in found.bounds, "it follows from what is given alone"
    assert "accelerator_price" not in {driver["input"] for driver in found.drivers}


def test_what_was_bought_is_held() -> None:
    plan = plan_of(params="70B", accelerator="h100")
    bounds = intervals(plan).bounds
    assert {"accelerators", "params", "batch_tokens", "tp", "pp", "dp", "fits"}.isdisjoint(bounds)
    assert bounds["training_days"][1] > 180, "the deadline holds for the middle of the interval, not for its end"


def test_giving_an_input_narrows_the_answer() -> None:
    asked = {"params": "70B", "accelerator": "h100", "accelerators": 1024}

    def width(**more: Any) -> float:
        low, high = sure(**asked, **more).bounds["training_days"]
        return high / low

    assert width() > width(tokens="1.4T") > width(tokens="1.4T", mfu="40%") > 1


def joint(params: float, *, independent: bool = False) -> tuple[float, float]:
    """p10 and p90 of the best tokens for a size, from 20,000 draws of the law's coefficients."""
    law = LAWS["besiroglu_2024"]
    covariance = np.array(law.covariance)
    if independent:
        covariance = np.diag(np.diag(covariance))
    centre = [math.log(law.coefficients[a]) if i < LOG_AXES else law.coefficients[a] for i, a in enumerate(AXES)]
    drawn = np.random.default_rng(1).multivariate_normal(centre, covariance, 20_000)
    coefficients = {a: np.exp(drawn[:, i]) if i < LOG_AXES else drawn[:, i] for i, a in enumerate(AXES)}
    a, b, alpha, beta = (coefficients[n] for n in ("law_A", "law_B", "law_alpha", "law_beta"))
    # On the frontier both terms fall equally fast: alpha A N^-alpha = beta B D^-beta.
    log_tokens = (np.log(beta * b / (alpha * a)) + alpha * math.log(params)) / beta
    low, high = np.quantile(log_tokens, (0.1, 0.9))
    return float(np.exp(low)), float(np.exp(high))


@pytest.mark.parametrize("params", ["70B", "1T", "100T"])
def test_a_laws_interval_is_of_its_errors_together(params: str) -> None:
    plan = plan_of(params=params)
    p10, p90 = intervals(plan).bounds["tokens"]
    low, high = joint(plan.value("effective_params"))
    assert math.log(p10) == pytest.approx(math.log(low), abs=0.15)
    assert math.log(p90) == pytest.approx(math.log(high), abs=0.15)


def test_independent_errors_would_give_another_interval() -> None:
    plan = plan_of(params="100T")
    p10, p90 = intervals(plan).bounds["tokens"]
    low, high = joint(1e14, independent=True)
    assert high / low > 3 * p90 / p10


def test_a_law_without_a_covariance_says_nothing_of_its_error() -> None:
    assert "tokens" not in sure(params="70B", law="rule_20").bounds


def test_a_law_that_decided_nothing_moves_nothing() -> None:
    found = sure(params="70B", tokens="1.4T", accelerator="h100")
    assert not any(driver["input"].startswith("law ") for driver in found.drivers)


def test_the_law_leads_at_a_hundred_trillion() -> None:
    drivers = sure(params="100T").drivers
    assert drivers[0]["input"] == "law besiroglu_2024"
    assert drivers[0]["share"] > 0.4


def test_without_a_cost_the_days_are_explained() -> None:
    assert sure(params="1B", accelerator="maia-100").of == "training_days"
    assert sure(params="1B", accelerator="h100").of == "run_cost"
