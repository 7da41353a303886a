"""Scaling laws of models with experts."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.graph import GRAPH, NoValue
from aiplan.quantities import scaling_experts as experts
from aiplan.quantities import scaling_sparse as sparse
from aiplan.quantities import scaling_tokens
from aiplan.quantities.scaling import LAWS, from_law

VECTORS = yaml.safe_load((Path(__file__).parents[1] / "data" / "vectors-experts.yaml").read_text())["vectors"]

size = st.floats(9, 14).map(lambda x: 10**x)
amount = st.floats(9, 14).map(lambda x: 10**x)
share = st.floats(0.01, 0.9)
form = st.sampled_from(["krajewski_moe", "abnar_moe"])


def exact(prefix, without="-"):
    found = [v for v in VECTORS if v["id"].startswith(prefix) and not v["id"].startswith(without)]
    assert found
    return pytest.mark.parametrize("vector", found, ids=[v["id"] for v in found])


def agrees(vector, **got):
    assert set(got) == set(vector["expected"])
    for name, value in got.items():
        assert value == pytest.approx(vector["expected"][name], rel=float(vector["rel_tol"])), name


def answer(name, quantity, **values):
    law = LAWS[name]
    return from_law(law.form, quantity, law.coefficients, **values)


# -- Clark et al. 2022 -----------------------------------------------------------------------------------------


@exact("clark.sbase.")
def test_clark(vector):
    n, e = vector["inputs"]["N"], vector["inputs"]["E"]
    *_, start, most = experts.CLARK_FITS["s_base"]
    agrees(vector, E_hat=experts.clark_experts(e, start, most), loss=experts.clark_loss(n, e))
    assert experts.loss_clark(n, e, 1.0, 130e9) == experts.clark_loss(n, e)


@exact("clark.epc")
def test_clark_effective_size(vector):
    i = vector["inputs"]
    found = experts.expert_effective_params(i["N"], i["E"], 1.0)
    agrees(vector, N_eff=found)
    assert found == pytest.approx(55e6, rel=0.07)  # the paper's own figure
    assert experts.clark_loss(found, 1.0) == pytest.approx(experts.clark_loss(i["N"], i["E"]))


@given(st.floats(7, 11).map(lambda x: 10**x), st.floats(2, 512))
def test_the_effective_size_has_the_loss_of_one_expert(n, e):
    found = experts.expert_effective_params(n, e, 1.0)
    assert found > n
    assert experts.clark_loss(found, 1.0) == pytest.approx(experts.clark_loss(n, e), rel=1e-9)


@given(st.floats(7, 15).map(lambda x: 10**x), st.floats(0, 512), st.floats(0, 8))
def test_experts_never_make_it_smaller_and_a_dense_model_is_itself(n, e, k):
    assert experts.expert_effective_params(n, e, k) >= n
    assert experts.expert_effective_params(n, 0.0, 0.0) == pytest.approx(n)
    assert experts.expert_effective_params(n, 8 * k, 8 * k) == pytest.approx(n)


def test_experts_cease_to_help_where_the_paper_says():
    """937B for S-BASE; the rounded constants put it at 1e12."""
    assert experts.expert_effective_params(0.9e12, 128.0, 1.0) > 0.9e12
    assert experts.expert_effective_params(1.1e12, 128.0, 1.0) == 1.1e12


@pytest.mark.parametrize("routing", experts.CLARK_FITS)
def test_more_experts_lower_the_loss_by_every_routing(routing):
    losses = [experts.clark_loss(1e8, e, routing) for e in (2.0, 8.0, 64.0, 512.0)]
    assert losses == sorted(losses, reverse=True)


def test_clark_gives_no_tokens_and_no_loss_for_other_tokens():
    for quantity, given_ in (
        ("tokens", {"params": 1e12}),
        ("params", {"training_flops": 1e24}),
        ("params", {"loss": 2.0}),
    ):
        with pytest.raises(NoValue, match="fitted at 130B tokens only"):
            answer("clark_moe", quantity, **given_)
    with pytest.raises(NoValue, match=r"no loss for 1e\+12"):
        experts.loss_clark(1e9, 64.0, 1.0, 1e12)
    got = experts.loss_clark(1e9, 64.0, 1.0, np.array([1e12, 130e9]))
    assert np.isnan(got).tolist() == [True, False]


def test_clark_in_the_graph():
    given_ = {"active_params": 5e6, "experts": 128.0, "experts_per_token": 1.0, "tokens": 130e9}
    nodes = GRAPH.resolve(["expert_effective_params", "loss"], given_, {"clark"})
    assert nodes["expert_effective_params"].value == pytest.approx(5.183e7, rel=1e-3)
    assert nodes["loss"].value == pytest.approx(experts.clark_loss(5e6, 128.0))


# -- Krajewski et al. 2024 -------------------------------------------------------------------------------------


@exact("krajewski.")
def test_krajewski(vector):
    n, d, g = (vector["inputs"][x] for x in ("N", "D", "G"))
    law = {**LAWS["krajewski_moe"].coefficients, "law_A": experts.krajewski_scale(g)}
    dense = scaling_tokens.loss_two_term(n, d, **LAWS["krajewski_dense"].coefficients)
    agrees(vector, loss_moe=experts.loss_krajewski(n, n / 43, d, **law), loss_dense=dense)


# Krajewski et al. 2024, Table 2: active parameters, tokens, granularity, loss of the best 64-fold models
TABLE = [
    (1e8, 4.37e9, 8, 3.133),
    (1e9, 28.94e9, 16, 2.491),
    (3e9, 72.90e9, 16, 2.245),
    (7e9, 137.60e9, 32, 2.076),
    (7e10, 941.07e9, 32, 1.694),
    (3e11, 2.96e12, 64, 1.503),
    (1e12, 7.94e12, 64, 1.367),
]


@pytest.mark.parametrize("row", TABLE, ids=[f"{r[0]:.0e}" for r in TABLE])
def test_the_optimum_is_that_of_the_papers_table(row):
    """Within a fifth: the paper's compute holds the choice of experts too, and its exponents are rounded."""
    active, tokens, granularity, loss = row
    law = {**LAWS["krajewski_moe"].coefficients, "law_A": experts.krajewski_scale(granularity)}
    params = active / experts.KRAJEWSKI_SHARE
    found = from_law("krajewski", "tokens", law, params=params, active_params=active)
    assert found == pytest.approx(tokens, rel=0.25)
    assert experts.loss_krajewski(params, active, tokens, **law) == pytest.approx(loss, rel=0.01)


def test_a_law_of_experts_says_nothing_of_a_dense_model():
    law, one = LAWS["krajewski_moe"].coefficients, {"active_share": 1.0}
    dense = {"params": 1e12, "active_params": 1e12}
    for quantity, given_ in (
        ("tokens", dense),
        ("tokens", {**dense, "loss": 2.0}),
        ("loss", {**dense, "tokens": 1e12}),
        ("params", {**one, "training_flops": 1e24}),
        ("params", {**one, "tokens": 1e12}),
        ("params", {**one, "loss": 2.0}),
        ("params", {**one, "loss": 2.0, "tokens": 1e12}),
    ):
        with pytest.raises(NoValue, match="is of models with experts: give active_params or active_share"):
            from_law("krajewski", quantity, law, **given_)


# -- Abnar et al. 2025 -----------------------------------------------------------------------------------------


@exact("abnar.")
def test_abnar(vector):
    i = vector["inputs"]
    agrees(vector, loss=sparse.abnar_loss(i["N"], i["D"], i["S"]))


def test_a_model_without_active_parameters():
    with pytest.raises(NoValue, match="a sparsity of 1 leaves no active parameters"):
        sparse.abnar_loss(1e9, 1e10, 1.0)


def test_the_loss_that_nothing_reaches():
    floor = sparse.floor(0.05)
    for quantity, given_ in (
        ("tokens", {"params": 1e12, "active_params": 5e10}),
        ("params", {"active_share": 0.05}),
        ("params", {"active_share": 0.05, "tokens": 1e12}),
    ):
        with pytest.raises(NoValue, match="at or below the law's irreducible"):
            answer("abnar_moe", quantity, loss=floor - 0.01, **given_)


def test_too_few_parameters_or_tokens_for_the_loss():
    with pytest.raises(NoValue, match=r"1e\+09 parameters are too few for loss 1\.7: .* it takes more than") as no:
        answer("abnar_moe", "tokens", loss=1.7, params=1e9, active_params=5e7)
    least = float(str(no.value).rsplit(" ", 1)[1])
    assert answer("abnar_moe", "tokens", loss=1.7, params=least * 1.001, active_params=least * 0.05) > 1e15
    with pytest.raises(NoValue, match=r"1e\+09 tokens are too few for loss 1\.7"):
        answer("abnar_moe", "params", loss=1.7, tokens=1e9, active_share=0.05)


# -- both ------------------------------------------------------------------------------------------------------


@given(form, size, share)
@settings(max_examples=50)
def test_directions_are_inverse(name, n, s):
    d = answer(name, "tokens", params=n, active_params=s * n)
    assert answer(name, "params", tokens=d, active_share=s) == pytest.approx(n, rel=1e-6)
    assert answer(name, "params", training_flops=6 * s * n * d, active_share=s) == pytest.approx(n, rel=1e-6)
    loss = answer(name, "loss", params=n, active_params=s * n, tokens=d)
    assert answer(name, "params", loss=loss, active_share=s) == pytest.approx(n, rel=1e-5)
    assert answer(name, "params", loss=loss, tokens=d, active_share=s) == pytest.approx(n, rel=1e-5)
    assert answer(name, "tokens", loss=loss, params=n, active_params=s * n) == pytest.approx(d, rel=1e-5)


@given(form, size, share)
@settings(max_examples=50)
def test_the_tokens_are_the_minimum_at_the_compute(name, n, s):
    """C = 6 N_active D at a held share: a little larger or smaller a model on its tokens is worse."""
    d = answer(name, "tokens", params=n, active_params=s * n)
    best = answer(name, "loss", params=n, active_params=s * n, tokens=d)
    for factor in (0.9, 1.1):
        assert answer(name, "loss", params=n * factor, active_params=s * n * factor, tokens=d / factor) > best


@given(form, size, amount, share)
def test_more_of_either_lowers_the_loss(name, n, d, s):
    loss = answer(name, "loss", params=n, active_params=s * n, tokens=d)
    assert answer(name, "loss", params=2 * n, active_params=2 * s * n, tokens=d) < loss
    assert answer(name, "loss", params=n, active_params=s * n, tokens=2 * d) < loss


DIRECTIONS = [
    (f.rival, f.gives[0], tuple(n for n in f.inputs if not n.startswith("law_")))
    for name in ("tokens", "params", "loss")
    for f in GRAPH[name].formulas
    if f.rival in ("krajewski", "abnar")
]


@pytest.mark.parametrize(("rival", "name", "inputs"), DIRECTIONS, ids=["-".join((r, n, *i)) for r, n, i in DIRECTIONS])
def test_arrays_give_what_floats_give(rival, name, inputs):
    law = next(law for law in LAWS.values() if law.form == rival).coefficients
    typical = {"loss": [2.2, 2.4, 2.9], "tokens": [1e12, 2e12, 9e12], "params": [4e10, 7e10, 4e11],
               "active_params": [4e9, 5e9, 2e10], "active_share": [0.1, 0.05, 0.02],
               "training_flops": [1e22, 1e24, 1e26]}  # fmt: skip
    got = from_law(rival, name, law, **{n: np.array(typical[n]) for n in inputs})
    assert len(got) == 3
    for i, value in enumerate(got):
        one = from_law(rival, name, law, **{n: typical[n][i] for n in inputs})
        assert isinstance(one, float)
        assert value == pytest.approx(one, rel=1e-12)


def test_of_an_array_only_the_points_without_an_answer_are_nan():
    got = answer("abnar_moe", "params", loss=np.array([1.0, 2.0]), active_share=np.array([0.05, 0.05]))
    assert np.isnan(got).tolist() == [True, False]


@pytest.mark.parametrize("name", ["krajewski_moe", "abnar_moe"])
def test_in_the_graph(name):
    law = LAWS[name]
    given_ = {**law.coefficients, "params": 1e12, "active_share": 0.05, "flops_per_token": 6 * 5e10}
    nodes = GRAPH.resolve(["training_flops", "loss"], given_, {law.form})
    assert nodes["tokens"].value == answer(name, "tokens", params=1e12, active_params=5e10)
    assert nodes["training_flops"].value == pytest.approx(6 * 5e10 * nodes["tokens"].value)
    from_compute = {**law.coefficients, "training_flops": nodes["training_flops"].value, "active_share": 0.05}
    assert GRAPH.resolve(["params"], from_compute, {law.form})["params"].value == pytest.approx(1e12, rel=1e-6)


# -- side by side ----------------------------------------------------------------------------------------------


def test_rules_for_the_tokens_of_experts_side_by_side():
    rows = experts.expert_token_rules(671e9, 37e9, tokens=14.8e12)
    assert [name for name, _, _ in rows] == ["user", "rule_20", "krajewski_moe", "abnar_moe"]
    tokens = {name: d for name, d, _ in rows}
    assert tokens["user"] == 14.8e12
    assert tokens["rule_20"] == pytest.approx(20 * math.sqrt(671e9 * 37e9))
    for law in ("krajewski_moe", "abnar_moe"):
        assert tokens[law] == answer(law, "tokens", params=671e9, active_params=37e9)
    assert all(source for _, _, source in rows)


def test_rules_for_a_dense_model_and_without_the_users_tokens():
    assert [name for name, _, _ in experts.expert_token_rules(7e10, 7e10)] == ["rule_20", "abnar_moe"]


def test_finer_experts_want_fewer_tokens():
    coarse, fine = ({r[0]: r[1] for r in experts.expert_token_rules(1e12, 5e10, granularity=g)} for g in (1, 16))
    assert coarse["krajewski_moe"] < fine["krajewski_moe"]
    assert coarse["rule_20"] == fine["rule_20"]
