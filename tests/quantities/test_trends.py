"""Exponential trends."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.quantities import trends

VECTORS = yaml.safe_load((Path(__file__).parents[1] / "data" / "vectors-trends.yaml").read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[v["id"] for v in VECTORS])
def test_vectors(vector):
    i = vector["inputs"]
    if vector["id"] == "trend.project":
        got = {"C": trends.projected(i["C0"], i["g"], i["t"] - i["t0"])}
    else:
        growth = i["growth_per_year"]
        got = {"doubling_months": trends.doubling_months(growth), "oom_per_year": trends.orders_per_year(growth)}
    assert got == pytest.approx(vector["expected"], rel=float(vector["rel_tol"]))


@given(st.floats(1.01, 10), st.floats(0.1, 20))
def test_what_doubles_has_doubled(growth, years):
    doubled = trends.projected(1.0, growth, trends.doubling_months(growth) / 12)
    assert doubled == pytest.approx(2.0)
    assert trends.projected(1.0, growth, years) == pytest.approx(10 ** (years * trends.orders_per_year(growth)))
