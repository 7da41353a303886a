import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.graph import GRAPH
from aiplan.quantities import data
from aiplan.quantities.scaling import LAWS

VECTORS = yaml.safe_load((Path(__file__).parents[1] / "data" / "vectors-scaling.yaml").read_text())["vectors"]
amount = st.floats(6, 16).map(lambda x: 10**x)


def exact(prefix, without="-"):
    found = [v for v in VECTORS if v["id"].startswith(prefix) and not v["id"].startswith(without)]
    assert found
    return pytest.mark.parametrize("vector", found, ids=[v["id"] for v in found])


def agrees(vector, **got):
    assert set(got) == set(vector["expected"])
    for name, value in got.items():
        assert value == pytest.approx(vector["expected"][name], rel=float(vector["rel_tol"])), name


@exact("muennighoff.", without="muennighoff.eff_data")
def test_loss_with_repeats(vector):
    i = vector["inputs"]
    agrees(vector, loss=data.loss_with_repeats(i["N"], i["D"], i["U"]))


@exact("muennighoff.eff_data")
def test_worth_of_epochs(vector):
    seen = vector["inputs"]["epochs"]
    worth = data.effective_tokens(seen * 1e12, 1e12)
    agrees(vector, D_eff_over_U=worth / 1e12, efficiency=worth / (seen * 1e12))


@exact("unc.lognormal")
def test_lognormal(vector):
    i = vector["inputs"]
    mu, sigma = data.lognormal(i["lo"], i["hi"], z=i["z"])
    agrees(vector, mu=mu, sigma=sigma, median=math.exp(mu), mean=math.exp(mu + sigma**2 / 2))


@exact("unc.sobol_loglinear")
def test_shares_of_a_product(vector):
    log_shares, first, total = data.lognormal_product_shares(vector["inputs"]["sigmas"])
    agrees(vector, S_log=log_shares, S1=first, ST=total)
    assert sum(log_shares) == pytest.approx(1.0)
    assert all(t > f for t, f in zip(total, first, strict=True))


def test_coefficients_are_those_of_the_law():
    law = LAWS["muennighoff_c4"].coefficients
    assert data.loss_with_repeats(7e10, 1.4e12, 3.5e11, **law) == data.loss_with_repeats(7e10, 1.4e12, 3.5e11)


@given(amount, st.floats(1.0, 1e3))
def test_repeats_are_worth_less_than_new_tokens_and_never_more_than_the_cap(unique, epochs):
    worth = data.effective_tokens(epochs * unique, unique)
    assert unique * (1 - 1e-12) <= worth <= min(epochs, 1 + data.REPEAT_TOKENS) * unique * (1 + 1e-12)


@given(amount, st.floats(0.001, 1.0))
def test_tokens_seen_once_are_worth_themselves(unique, part):
    assert data.effective_tokens(part * unique, unique) == pytest.approx(part * unique)


@given(st.floats(8, 12).map(lambda x: 10**x), st.floats(9, 13).map(lambda x: 10**x), st.floats(1.1, 30))
def test_unique_tokens_lower_the_loss(params, tokens, epochs):
    repeated = data.loss_with_repeats(params, tokens, tokens / epochs)
    assert repeated > data.loss_with_repeats(params, tokens, tokens)


def test_arrays_give_what_floats_give():
    tokens = np.array([1e11, 2e12, 9e12])
    got = data.loss_with_repeats(np.full(3, 7e10), tokens, np.full(3, 3.5e11))
    for i, value in enumerate(got):
        assert value == pytest.approx(data.loss_with_repeats(7e10, float(tokens[i]), 3.5e11), rel=1e-12)
    assert data.unique_tokens(tokens, 1e12).tolist() == [1e11, 1e12, 1e12]


@pytest.mark.parametrize(
    ("seen", "word"),
    [(1.0, None), (4.0, None), (4.1, "worth less"), (16.5, "next to nothing"), (41.0, "nothing is known")],
)
def test_concern_grows_with_epochs(seen, word):
    concern = data.repetition_concern(seen)
    assert concern is None if word is None else word in concern


def test_in_the_graph():
    nodes = GRAPH.resolve(["data_bytes", "epochs"], {"tokens": 2e15})
    assert nodes["unique_tokens"].value == 300e12
    assert nodes["epochs"].value == pytest.approx(2e15 / 300e12)
    assert nodes["data_bytes"].value == 8e15
    assert nodes["text_stock"].origin == "default"
    assert GRAPH.resolve(["epochs"], {"tokens": 1e12})["epochs"].value == 1.0


def test_spread_of_the_text_stock_is_that_of_its_90_percent_interval():
    p10, p90 = GRAPH["text_stock"].spread
    mu, sigma = data.lognormal(p10, p90, z=data.Z90)
    assert math.exp(mu + data.Z95 * sigma) == pytest.approx(1e15)
    assert math.exp(mu - data.Z95 * sigma) == pytest.approx(1e14)


@given(amount, st.floats(1.0, 100))
def test_worth_of_the_repeats_in_the_graph(unique, seen):
    nodes = GRAPH.resolve(["effective_unique_tokens"], {"tokens": seen * unique, "text_stock": unique})
    worth = nodes["effective_unique_tokens"].value
    assert worth == pytest.approx(data.effective_tokens(seen * unique, unique))
    assert unique * (1 - 1e-9) <= worth <= seen * unique * (1 + 1e-9)


@given(st.floats(8, 13).map(lambda x: 10**x), st.floats(10, 14).map(lambda x: 10**x), st.floats(1.5, 30))
def test_repeats_cost_loss_and_more_of_them_cost_more(params, tokens, seen):
    cost = data.repeat_loss_penalty(params, tokens, tokens / seen)
    assert 0 < cost < data.repeat_loss_penalty(params, tokens, tokens / (2 * seen))
    assert data.repeat_loss_penalty(params, tokens, tokens) == 0.0


def test_what_the_repeats_of_the_essays_run_cost():
    """100T parameters on 2e15 tokens of 300T: 1.8823 instead of 1.8811."""
    assert data.repeat_loss_penalty(1e14, 2e15, 300e12) == pytest.approx(1.8823 - 1.8811, abs=1e-4)


def test_the_best_model_for_few_tokens_beats_those_of_the_paper():
    """Muennighoff et al. trained 8.67B on 178B tokens and, better, 6.34B on 242B, of 25B unique ones."""
    best = data.best_with_repeats(9.24e21, 25e9)
    by_ratio, theirs = data.loss_with_repeats(8.67e9, 178e9, 25e9), data.loss_with_repeats(6.34e9, 242e9, 25e9)
    assert best.loss < theirs < by_ratio
    assert 6.3e9 < best.params < 8.67e9
    assert best.epochs == pytest.approx(best.tokens / 25e9)


@given(st.floats(19, 30).map(lambda x: 10**x), st.floats(9, 15).map(lambda x: 10**x))
@settings(max_examples=30)
def test_the_best_with_repeats_is_a_minimum_at_its_compute(flops, unique):
    best = data.best_with_repeats(flops, unique)
    assert 6 * best.params * best.tokens == pytest.approx(flops)
    for factor in (0.5, 0.95, 1.05, 2.0):
        other = data.loss_with_repeats(best.params * factor, best.tokens / factor, unique)
        assert other >= best.loss * (1 - 1e-9)


def test_with_tokens_enough_the_best_is_the_optimum_of_the_law():
    from aiplan.quantities.frontier import optimum

    params, tokens = optimum(1e24, LAWS["muennighoff_c4"].coefficients)
    best = data.best_with_repeats(1e24, 1e15)
    assert (best.params, best.tokens) == pytest.approx((params, tokens), rel=1e-3)
    assert best.epochs == 1.0
