"""Uncertain inputs: each form has the quantiles that it promises, and a wrong one is one clear line."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pytest

import aiplan.quantities  # noqa: F401  (fills the graph)
from aiplan.errors import UserError
from aiplan.whatif.arrays import hypercube, normal
from aiplan.whatif.inputs import read_input, read_typed, spread

GRID = (np.arange(20_000) + 0.5) / 20_000


def at(name: str, raw: Any, probability: float) -> float:
    return read_input(name, raw).quantile(probability)


@pytest.mark.parametrize(
    ("name", "raw", "low", "high"),
    [
        ("mfu", "30% to 45%", 0.30, 0.45),
        ("accelerator_price", "$25k to $50k", 25e3, 50e3),
        ("accelerator_memory", "100 to 200 GB", 100e9, 200e9),
        ("params", "1T to 10T", 1e12, 1e13),
    ],
)
def test_an_interval_holds_90_percent(name: str, raw: str, low: float, high: float) -> None:
    """Its ends are the 5th and 95th percentiles, and a lognormal's median is their geometric mean."""
    assert at(name, raw, 0.05) == pytest.approx(low)
    assert at(name, raw, 0.95) == pytest.approx(high)
    assert at(name, raw, 0.5) == pytest.approx(math.sqrt(low * high)) == pytest.approx(read_input(name, raw).centre)


def test_an_interval_from_zero_is_normal_and_stays_within_the_bounds() -> None:
    """Where an end is not positive the interval is a normal one, cut at what the quantity can be."""
    found = read_input("staff", "0 to 100")
    assert found.kind == "normal"
    assert found.quantile(0.95) == pytest.approx(100)
    assert found.quantile(0.001) == 0.0
    assert found.centre == 50


def test_the_lognormal_of_published_deciles() -> None:
    """The mean and deviation of ln(mfu) whose deciles are 22.7% and 56.5% (62 published runs)."""
    mu, sigma = -1.0268674046682151, 0.35577020003776944
    found = spread("reference_mfu", math.exp(mu), 0.227, 0.565)
    logs = np.log(found.at(GRID))
    assert logs.mean() == pytest.approx(mu, abs=4e-4)  # cut at 100%
    assert logs.std() == pytest.approx(sigma, rel=5e-3)


def test_a_spread_keeps_its_three_points() -> None:
    """p10, the value and p90 of a default are quantiles of what is drawn, however lopsided."""
    found = spread("reference_mfu", 0.40, 0.32, 0.45)
    assert [found.quantile(p) for p in (0.1, 0.5, 0.9)] == pytest.approx([0.32, 0.40, 0.45])


def lognormal_moments(low: float, high: float) -> tuple[float, float]:
    """Mean and deviation of the lognormal with this 90% interval."""
    sigma = math.log(high / low) / (2 * 1.6448536269514722)
    mean = math.sqrt(low * high) * math.exp(sigma**2 / 2)
    return mean, mean * math.sqrt(math.exp(sigma**2) - 1)


def test_pert_is_the_beta_distribution_of_its_name() -> None:
    """Mean (low + 4 mid + high) / 6 and the variance that goes with it; the mode decides the purchase."""
    found = read_input("accelerator_price", {"low": "$20k", "mid": "$30k", "high": "$50k"})
    values = found.at(GRID)
    mean = (20e3 + 4 * 30e3 + 50e3) / 6
    assert values.mean() == pytest.approx(mean, rel=1e-5)
    assert values.var() == pytest.approx((mean - 20e3) * (50e3 - mean) / 7, rel=1e-3)
    assert found.centre == 30e3
    assert values.min() >= 20e3
    assert values.max() <= 50e3


@pytest.mark.parametrize(
    ("name", "raw", "mean", "deviation"),
    [
        ("pue", {"normal": [1.4, 0.05]}, 1.4, 0.05),
        ("pue", {"uniform": [1.1, 1.5]}, 1.3, 0.4 / math.sqrt(12)),
        ("pue", {"choice": [1.1, 1.2, 1.4]}, 3.7 / 3, math.sqrt((1.1**2 + 1.2**2 + 1.4**2) / 3 - (3.7 / 3) ** 2)),
        ("accelerator_price", "$20k to $45k", *lognormal_moments(20e3, 45e3)),
        ("electricity_price", {"low": "$0.04/kWh", "mid": "$0.06/kWh", "high": "$0.12/kWh"}, 0.4 / 6 / 3.6e6,
         math.sqrt((0.4 / 6 - 0.04) * (0.12 - 0.4 / 6) / 7) / 3.6e6),
    ],
)  # fmt: skip
def test_moments_of_what_is_drawn(name: str, raw: Any, mean: float, deviation: float) -> None:
    """Mean and deviation of 10,000 draws are those of the distribution that was asked for."""
    values = read_input(name, raw).at(hypercube(0, name, 10_000))
    assert values.mean() == pytest.approx(mean, rel=1e-3)
    assert values.std() == pytest.approx(deviation, rel=5e-3)


def test_the_other_forms() -> None:
    """Normal, uniform, a choice of values and a choice of names."""
    assert at("pue", {"normal": [1.3, 0.1]}, 0.5) == pytest.approx(1.3)
    assert at("pue", {"uniform": [1.1, 1.5]}, 0.25) == pytest.approx(1.2)
    found = read_input("pue", {"choice": [1.35, 1.1, 1.2]})
    assert found.centre == 1.2
    assert sorted({*found.at(GRID).tolist()}) == [1.1, 1.2, 1.35]
    assert read_input("accelerator", {"choice": ["h100", "gb200"]}).names == ("h100", "gb200")


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("mfu", "45% to 30%", "does not rise"),
        ("mfu", "30%", "is not 'A to B'"),
        ("mfu", 0.4, "not 0.4"),
        ("mfu", {"low": 0.1, "hihg": 0.2}, "nearest: high"),
        ("mfu", {"low": 0.3, "mid": 0.2, "high": 0.4}, "must rise"),
        ("mfu", "30% to 145%", "must be between"),
        ("mfu", {"choice": []}, "choice is a list"),
        ("mfu", {"normal": [0.3]}, "a list of two values"),
        ("mfu", {"normal": [0.3, 0]}, "above 0"),
        ("mfu", {"uniform": [0.4, 0.3]}, "must rise"),
        ("mfuu", "30% to 40%", "nearest: mfu"),
        ("facility_power", "1 GW to 2 GW", "is an upper bound here"),
        ("accelerator", "h100 to gb200", "write {choice: [a, b]}"),
        ("energy", "3 GW to 4 GW", "power"),
    ],
)
def test_a_wrong_form_is_one_line(name: str, raw: Any, said: str) -> None:
    """The message names the input and what is wrong."""
    with pytest.raises(UserError, match=name) as error:
        read_input(name, raw, where="plan.yaml:7:3")
    assert said in str(error.value)
    assert str(error.value).startswith("plan.yaml:7:3: ")


def test_the_command_line_reads_braces_as_a_file_does() -> None:
    """`--vary` takes the forms of a file."""
    pairs = ["mfu=30% to 45%", "accelerator-price={low: $25k, mid: $35k, high: $50k}"]
    assert read_typed(pairs)["accelerator_price"] == {"low": "$25k", "mid": "$35k", "high": "$50k"}


def test_hypercube_has_one_draw_a_stratum_and_its_own_order() -> None:
    """The order depends on the seed and the name, and on nothing else."""
    a, b = hypercube(0, "mfu", 1000), hypercube(0, "pue", 1000)
    assert sorted(a.tolist()) == pytest.approx(((np.arange(1000) + 0.5) / 1000).tolist())
    assert abs(float(np.corrcoef(a, b)[0, 1])) < 0.1
    assert (a == hypercube(0, "mfu", 1000)).all()
    assert (a != hypercube(1, "mfu", 1000)).any()
    assert hypercube(0, "mfu", 5).tolist() == [0.9, 0.5, 0.3, 0.7, 0.1]  # on every machine, with every numpy


def test_normal_quantiles() -> None:
    """The standard library's, of every element."""
    assert normal(np.array([[0.1, 0.5]])).tolist() == [[statistics.NormalDist().inv_cdf(0.1), 0.0]]
