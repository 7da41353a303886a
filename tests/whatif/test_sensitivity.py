"""Sobol' indices against closed forms; the tornado against plans of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from aiplan.catalog import Catalog
from aiplan.errors import UserError
from aiplan.plan import train
from aiplan.quantities.data import lognormal_product_shares
from aiplan.specs.question import read_question
from aiplan.whatif.arrays import hypercube, normal
from aiplan.whatif.draws import Model, central, model_of
from aiplan.whatif.inputs import read_inputs
from aiplan.whatif.sensitivity import sobol, sobol_of, tornado

CATALOG = Catalog()
SIGMAS = [0.35, 0.25, 0.1, 0.15]
S_LOG = [0.5632183908045977, 0.28735632183908044, 0.04597701149425288, 0.10344827586206896]
S_FIRST = [0.5363689819496088, 0.26544705989049855, 0.04136459703148084, 0.09365543983170654]
S_TOTAL = [0.5898229006158602, 0.3099513727330895, 0.05090317866495078, 0.11382048497200087]


def ishigami(u: list[Any]) -> Any:
    x = [(2 * each - 1) * math.pi for each in u]
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])


def test_ishigami() -> None:
    """The standard test function: first (0.3139, 0.4424, 0), total (0.5576, 0.4424, 0.2437)."""
    found = sobol(ishigami, ["x1", "x2", "x3"], count=1 << 14)
    assert [i.first for i in found] == pytest.approx([0.31390519114781146, 0.4424111447900409, 0.0], abs=0.02)
    assert [i.total for i in found] == pytest.approx(
        [0.5575888552099592, 0.4424111447900409, 0.2436836640621477], abs=0.02
    )
    for index, first, total in zip(found, (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437), strict=True):
        assert index.first_interval[0] - 0.01 <= first <= index.first_interval[1] + 0.01
        assert index.total_interval[0] - 0.01 <= total <= index.total_interval[1] + 0.01
        assert index.total_interval[1] - index.total_interval[0] < 0.05


def test_salib_says_the_same_of_the_same_points() -> None:
    """SALib's indices from our points, in its order: each base point, then with one input exchanged, then the other."""
    from SALib.analyze import sobol as oracle
    from SALib.test_functions import Ishigami

    names, count = ["x1", "x2", "x3"], 1 << 10
    a, b = ([hypercube(3, f"sobol {side} {name}", count) for name in names] for side in "ab")
    points = [a, *([*a[:i], b[i], *a[i + 1 :]] for i in range(3)), b]
    values = np.stack([ishigami(point) for point in points], axis=1)
    again = np.stack([Ishigami.evaluate((2 * np.stack(point, axis=1) - 1) * math.pi) for point in points], axis=1)
    assert values == pytest.approx(again)
    problem = {"num_vars": 3, "names": names, "bounds": [[0, 1]] * 3}
    theirs = oracle.analyze(problem, values.ravel(), calc_second_order=False, seed=1, conf_level=0.9)
    ours = sobol(ishigami, names, count=count, seed=3)
    assert [i.first for i in ours] == pytest.approx(theirs["S1"].tolist(), abs=1e-3)  # another centre
    assert [i.total for i in ours] == pytest.approx(theirs["ST"].tolist(), abs=1e-9)
    for index, first, total in zip(ours, theirs["S1_conf"], theirs["ST_conf"], strict=True):
        assert (index.first_interval[1] - index.first_interval[0]) / 2 == pytest.approx(first, rel=0.35)
        assert (index.total_interval[1] - index.total_interval[0]) / 2 == pytest.approx(total, rel=0.35)


@pytest.mark.parametrize(("log", "first", "total"), [(True, S_LOG, S_LOG), (False, S_FIRST, S_TOTAL)])
def test_a_product_of_lognormals(log: bool, first: list[float], total: list[float]) -> None:
    """Of the logarithm the shares are those of the variances; of the product itself they interact a little."""

    def product(u: list[Any]) -> Any:
        out = sum(s * normal(each) for s, each in zip(SIGMAS, u, strict=True))
        return out if log else np.exp(out)

    found = sobol(product, list("abcd"), count=1 << 14)
    assert [i.first for i in found] == pytest.approx(first, abs=0.02)
    assert [i.total for i in found] == pytest.approx(total, abs=0.02)


def test_the_closed_form_itself() -> None:
    """The vectors above are what the formula in the program gives."""
    for got, want in zip(lognormal_product_shares(SIGMAS), (S_LOG, S_FIRST, S_TOTAL), strict=True):
        assert got == pytest.approx(want, rel=1e-9)


def test_the_number_of_points_is_a_power_of_two() -> None:
    """Anything else is refused, and so is a function without values."""
    for count in (0, 1, 1000, 1 << 20):
        with pytest.raises(UserError, match="--sobol"):
            sobol(ishigami, ["x1", "x2", "x3"], count=count)
    with pytest.raises(UserError, match="over half"):
        sobol(lambda u: u[0] * np.nan, ["x"], count=64)


def model(settings: dict[str, Any], vary: dict[str, Any] | None = None) -> Model:
    inputs = read_inputs(vary or {})
    return model_of(train(central(read_question(settings), inputs, {}), CATALOG), inputs)


PLAN = {"params": "70B", "tokens": "1T", "accelerator": "h100", "accelerators": "1024"}


def test_a_bar_is_the_plan_at_its_ends() -> None:
    """Each end is what a plan with that input pinned there answers."""
    centre, bars = tornado(model(PLAN, {"mfu": "30% to 45%"}), "training_days")
    bar = next(b for b in bars if b.name == "mfu")
    assert centre == pytest.approx(
        train(read_question(PLAN | {"mfu": math.sqrt(0.3 * 0.45)}), CATALOG).value("training_days")
    )
    for end, value in ((bar.low, bar.at_low), (bar.high, bar.at_high)):
        pinned = train(read_question(PLAN | {"mfu": end}), CATALOG)
        assert value == pytest.approx(pinned.value("training_days"), rel=1e-9)
    assert [b.width for b in bars] == sorted((b.width for b in bars), reverse=True)


def test_sobol_of_a_plan_agrees_with_its_logarithms() -> None:
    """Electricity cost is a product: the indices of its logarithm are the shares of the inputs' variances."""
    vary = {"electricity_price": "$0.04/kWh to $0.12/kWh", "mfu": "30% to 45%"}
    found = sobol_of(model(PLAN, vary), "electricity_cost", count=1 << 12, log=True)
    sigma = {
        n: math.log(high / low) / (2 * 1.6448536) for n, low, high in (("electricity_price", 4, 12), ("mfu", 30, 45))
    }
    by_name = {index.name: index for index in found}
    ratio = by_name["mfu"].total / by_name["electricity_price"].total
    assert ratio == pytest.approx((sigma["mfu"] / sigma["electricity_price"]) ** 2, rel=0.1)
    assert sum(index.first for index in found) == pytest.approx(1.0, abs=0.05)


def test_the_law_is_one_input() -> None:
    """Five coefficients that are drawn jointly have one index, and the largest here."""
    found = sobol_of(model({k: v for k, v in PLAN.items() if k != "tokens"}), "run_cost", count=1 << 10)
    assert found[0].name == "law besiroglu_2024"
    assert found[0].total > 0.5


def test_an_answer_without_a_value_is_an_error() -> None:
    """With its reason."""
    with pytest.raises(UserError, match="no rental price"):
        tornado(model({"params": "7B"}), "rental_cost")
