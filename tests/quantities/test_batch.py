"""Batch size: what a large one costs, and what fits recommend."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH
from aiplan.quantities import batch, step_time

VECTORS = yaml.safe_load((Path(__file__).parents[1] / "data" / "vectors-batch.yaml").read_text())["vectors"]
amount = st.floats(9, 16).map(lambda x: 10**x)


def exact(prefix):
    found = [v for v in VECTORS if v["id"].startswith(prefix)]
    assert found
    return pytest.mark.parametrize("vector", found, ids=[v["id"] for v in found])


def agrees(vector, **got):
    assert set(got) == set(vector["expected"])
    for name, value in got.items():
        assert value == pytest.approx(vector["expected"][name], rel=float(vector["rel_tol"])), name


@exact("mccandlish.")
def test_steps_and_samples(vector):
    ratio = vector["inputs"]["B_over_Bcrit"]
    steps, samples = step_time.steps_over_minimum(ratio), step_time.samples_over_minimum(ratio)
    agrees(vector, S_over_Smin=steps, E_over_Emin=samples)
    assert batch.batch_token_overhead(ratio * 4e6, 4e6) == pytest.approx(samples)


@exact("zhang_cbs.")
def test_the_critical_batch_grows_with_the_tokens(vector):
    tokens = vector["inputs"]["D"]
    agrees(vector, relative_to_1T=batch.batch_growth(tokens, 1e12))
    ours = step_time.critical_batch_tokens(tokens) / step_time.critical_batch_tokens(1e12)
    agrees(vector, relative_to_1T=ours)


@given(st.floats(0.01, 100))
def test_steps_and_samples_trade_off(ratio):
    steps, samples = step_time.steps_over_minimum(ratio), step_time.samples_over_minimum(ratio)
    assert (steps - 1) * (samples - 1) == pytest.approx(1.0)


@given(amount, st.floats(1.1, 100))
def test_other_exponents_lie_in_order(tokens, factor):
    """The best batch grows more slowly than the critical one, and two measurements of that one nearly agree."""
    zhang, critical, best = (
        batch.batch_growth(tokens * factor, tokens, exponent=e)
        for e in (batch.ZHANG_CRITICAL, batch.BERGSMA_CRITICAL, batch.BERGSMA_BEST)
    )
    assert 1.0 < best < critical < zhang
    assert zhang / critical < factor**0.01


def test_in_the_graph():
    asks = ["batch_token_overhead", "optimal_batch_tokens", "optimal_learning_rate"]
    nodes = GRAPH.resolve(asks, {"tokens": 15.6e12, "training_flops": 3.8e25, "batch_tokens": 32e6})
    assert nodes["batch_token_overhead"].value == pytest.approx(3.0)
    assert nodes["optimal_batch_tokens"].value == pytest.approx(0.2920 * 3.8e25**0.3271)
    assert nodes["optimal_learning_rate"].value == pytest.approx(0.3118 * 3.8e25**-0.125)
    assert "from memory" in nodes["batch_token_overhead"].formula.source


def test_arrays_give_what_floats_give():
    flops = np.array([1e20, 1e23, 1e26])
    for function in (batch.optimal_batch_tokens, batch.optimal_learning_rate):
        assert function(flops).tolist() == pytest.approx([function(float(c)) for c in flops], rel=1e-12)
