"""Monte Carlo: one evaluation on arrays is what a draw at a time would give, and agrees with closed forms."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from aiplan.answer import answer
from aiplan.catalog import Catalog
from aiplan.errors import UserError
from aiplan.plan import Plan, train
from aiplan.quantities.scaling import AXES, LAWS
from aiplan.specs.question import read_question
from aiplan.specs.result import Result
from aiplan.whatif import arrays
from aiplan.whatif.asked import Training
from aiplan.whatif.draws import Draws, model_of, simulate
from aiplan.whatif.inputs import read_inputs
from aiplan.whatif.percentiles import checked_count, drawn

CATALOG = Catalog()
SMALL = {"params": "70B", "accelerator": "h100", "accelerators": "1024"}


def draw(
    settings: dict[str, Any], vary: dict[str, Any] | None = None, *, count: int = 2000, seed: int = 0
) -> tuple[Plan, Draws, Result]:
    inputs = read_inputs(vary or {})
    asked = Training(read_question(settings), inputs, CATALOG)
    plan, draws = simulate(asked.solve, asked.ready, inputs, count=count, seed=seed)
    return plan, draws, drawn(plan, draws, inputs)


@pytest.mark.parametrize(
    ("settings", "vary"),
    [
        ({"params": "100T"}, {}),
        (SMALL, {"mfu": "30% to 45%", "seq_len": {"choice": [4096, 8192]}}),
        ({"model": "deepseek-v3", "accelerators": "2048", "accelerator": "h100"}, {}),
        ({"run_cost": "$10M", "accelerator": "h100"}, {"pue": "1.1 to 1.4"}),
        ({"loss": "2", "accelerators": "1000"}, {}),
        ({"tokens": "1T", "accelerators": "512", "accelerator": "h100"}, {"params": "60B to 80B"}),
        ({"flops_per_sample": "1e12", "samples": "1e9", "accelerator": "a100", "accelerators": 8}, {}),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, dict) else "",
)
def test_a_draw_is_what_one_evaluation_gives(settings: dict[str, Any], vary: dict[str, Any]) -> None:
    """Every quantity of any draw is what the graph gives for that draw's inputs alone."""
    plan, draws, _ = draw(settings, vary, count=400)
    model = model_of(plan, read_inputs(vary))
    moving = [n for n in (*model.inputs, *AXES) if n in draws.values]
    compared = 0
    for i in (0, 123, 399):
        one = model.engine.at(**{name: float(draws.values[name][i]) for name in moving})
        for name, value in one.items():
            if name in draws.values and value is not None:
                assert draws.values[name][i] == pytest.approx(value, rel=1e-9), name
                compared += 1
    assert compared > 60


def test_wide_draws_agree_with_first_order_intervals() -> None:
    """Where everything is nearly log-linear, the percentiles are those of the first-order sum of squares."""
    plan, _, result = draw({"params": "70B", "tokens": "1T", "accelerator": "h100", "accelerators": "1024"})
    first = answer(plan)
    for name in ("training_days", "energy", "mfu", "facility_power"):
        found, old = result.quantities[name], first.quantities[name]
        assert found.p10 == pytest.approx(old.p10, rel=0.1)
        assert found.p90 == pytest.approx(old.p90, rel=0.1)


def test_a_product_of_lognormals_is_lognormal() -> None:
    """Electricity = energy x price: its log-variance is the sum; the closed form gives p10 and p90."""
    vary = {"electricity_price": "$0.04/kWh to $0.12/kWh"}
    _, draws, _ = draw(SMALL | {"tokens": "1T"}, vary, count=10_000)
    for name in ("electricity_price", "energy", "electricity_cost"):
        assert name in draws.values
    spreads = {n: float(np.log(draws.values[n]).var()) for n in ("electricity_price", "energy", "electricity_cost")}
    assert spreads["electricity_price"] == pytest.approx((math.log(3) / (2 * 1.6448536)) ** 2, rel=1e-3)
    assert spreads["electricity_cost"] == pytest.approx(spreads["electricity_price"] + spreads["energy"], rel=0.03)


def test_the_law_is_drawn_jointly() -> None:
    """The coefficients have the covariance of the fit, far narrower than if they were independent."""
    _, draws, result = draw({"params": "70B"}, count=10_000)
    law = LAWS["besiroglu_2024"]
    assert law.covariance is not None
    scores = [np.log(draws.values[n]) if i < 3 else draws.values[n] for i, n in enumerate(AXES)]
    found = np.cov(np.stack(scores))
    scale = np.sqrt(np.outer(np.diag(law.covariance), np.diag(law.covariance)))
    assert np.abs((found - np.asarray(law.covariance)) / scale).max() < 0.04
    assert result.drivers[0]["input"] == "law besiroglu_2024"


def test_a_pinned_coefficient_or_given_tokens_leave_the_law_alone() -> None:
    """A law that decides nothing, or that the user has fixed, is not drawn."""
    assert "law_A" not in draw(SMALL | {"tokens": "1T"})[1].values
    assert "law_A" not in draw(SMALL | {"law_alpha": "0.35"})[1].values


def test_the_purchase_is_held() -> None:
    """Accelerators and layout are decided at the central values: the deadline decides them once."""
    plan, draws, result = draw({"params": "70B", "training_days": "60"})
    assert not {"accelerators", "tp", "pp", "dp", "micro_batch"} & set(draws.values)
    assert result.quantities["training_days"].p90 > 60 > result.quantities["training_days"].p10  # type: ignore[operator]
    assert plan.value("accelerators") == train(read_question({"params": "70B", "training_days": "60"}), CATALOG).value(
        "accelerators"
    )


def test_one_more_input_shifts_no_other() -> None:
    """The draws of mfu are the same with and without another uncertain input, and differ by the seed."""
    alone = draw(SMALL, {"mfu": "30% to 45%"})[1].values["mfu"]
    beside = draw(SMALL, {"pue": "1.1 to 1.3", "mfu": "30% to 45%"})[1].values["mfu"]
    other = draw(SMALL, {"mfu": "30% to 45%"}, seed=1)[1].values["mfu"]
    assert (alone == beside).all()
    assert (alone != other).any()


def test_a_drawn_name_is_planned_apart_and_joined_in_order() -> None:
    """Half of the draws are of each chip; each chip's draws are those of its own plan."""
    vary = {"accelerator": {"choice": ["h100", "a100"]}}
    plan, draws, result = draw({"params": "70B", "tokens": "1T", "accelerators": "1024"}, vary, count=1000)
    assert plan.expanded.chosen["accelerator"].startswith("h100")
    first = draws.scores["accelerator"][0] == 1
    assert first.sum() == 500
    peaks = draws.values["cluster_flops"]
    assert len(set(peaks[first])) == len(set(peaks[~first])) == 1
    assert peaks[first][0] > 2 * peaks[~first][0]
    assert "accelerator" in {driver["input"] for driver in result.drivers}


def test_fits_is_a_share_and_a_draw_without_a_value_is_the_worst() -> None:
    """Under a memory that varies some draws do not fit; days that do not exist are beyond all others."""
    settings = {"params": "70B", "tokens": "1T", "accelerator": "h100", "accelerators": "16"}
    _, _, result = draw(settings, {"accelerator_memory": "40 GB to 400 GB"})
    share = result.quantities["fits"].value
    assert share is not None
    assert 0.05 < share < 0.95
    fleet = {"params": "1T", "tokens": "1T", "accelerator": "h100", "accelerators": "90000", "recovery": "global"}
    _, draws, result = draw(fleet, {"failure_rate": "0.001/day to 10/day"})
    lacking = draws.lacking("training_days")
    assert 200 < lacking < 1800
    assert result.quantities["training_days"].p90 is None
    assert result.quantities["training_days"].p10 is not None
    assert any(w.code == "draws-without-value" for w in result.warnings)


def test_ten_thousand_draws_of_a_full_plan_take_under_a_second() -> None:
    """The whole answer with its draws; the best of three, since machines are shared."""
    took = []
    for _ in range(3):
        start = time.perf_counter()
        draw({"params": "70B", "accelerator": "h100"}, {"mfu": "30% to 45%"}, count=10_000)
        took.append(time.perf_counter() - start)
    assert min(took) < 1.0


def test_without_numpy_one_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy is an extra, asked for only here."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(UserError, match=r"need numpy.*aiplan\[whatif\]"):
        arrays.numpy()


def test_a_layout_may_be_searched_at_each_draw() -> None:
    """Each draw then has the layout of a plan of its own, and none is slower than with the layout held."""
    asked = read_question(SMALL | {"tokens": "1T"})
    vary = read_inputs({"scale_out_rate": "5 GB/s to 50 GB/s"})
    both = Training(asked, vary, CATALOG)
    plan, draws = simulate(both.solve, both.ready, vary, count=40, seed=0)
    held = draws.values
    searched = partial(model_of, vary=vary, search=True)
    found = simulate(both.solve, searched, vary, count=40, seed=0, search=True)[1].values
    assert "dp" not in held
    assert len(set(found["dp"].tolist())) > 1
    assert (found["step_time"] <= held["step_time"] * 1.05).all()  # the search times 40 layouts, not all
    assert (found["step_time"] < held["step_time"] * 0.98).any()
    pins = {"scale_out_rate": float(held["scale_out_rate"][7]), "batch_tokens": plan.value("batch_tokens")}
    alone = train(replace(asked, given=asked.given | pins), CATALOG)
    assert alone.value("dp") == found["dp"][7]
    with pytest.raises(UserError, match="20,000"):
        checked_count(20_001, search=True)
