import inspect
import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.errors import UserError
from aiplan.graph import GRAPH, Graph, GraphError, NoValue
from aiplan.quantities import frontier, scaling, scaling_params, scaling_tokens
from aiplan.quantities.scaling import AXES, LAWS, from_law, in_range, law_direction, law_named, spread_across_laws

DATA = yaml.safe_load((Path(__file__).parents[1] / "data" / "vectors-scaling.yaml").read_text())
VECTORS = {v["id"]: v for v in DATA["vectors"]}
TWO_TERM = [law.name for law in LAWS.values() if law.form == "two_term"]
LOSSLESS = [law.name for law in LAWS.values() if not law.has_loss]
WITH_LOSS = [law.name for law in LAWS.values() if law.has_loss]


def exact(*prefixes, without=()):
    """Exact vectors whose id starts with one of the prefixes."""
    ids = [
        i for i, v in VECTORS.items() if i.startswith(prefixes) and v["kind"] == "exact" and not i.startswith(without)
    ]
    assert ids
    return pytest.mark.parametrize("vector", [VECTORS[i] for i in ids], ids=ids)


def law_of(vector):
    return LAWS[vector["inputs"]["law"]].coefficients


def answer(name, quantity, **values):
    law = LAWS[name]
    return from_law(law.form, quantity, law.coefficients, **values)


def agrees(vector, **got):
    assert set(got) == set(vector["expected"])
    for name, value in got.items():
        assert value == pytest.approx(vector["expected"][name], rel=float(vector["rel_tol"])), name


# -- vectors ---------------------------------------------------------------------------------------------------


def family(what):
    return exact(*(f"chinchilla.{law}.{what}" for law in TWO_TERM))


@family("coeffs")
def test_frontier_constants(vector):
    i, line = vector["inputs"], frontier.frontier(law_of(vector))
    named = {f"law_{n}": i[n] for n in ("E", "A", "B", "alpha", "beta")}
    assert law_of(vector) == pytest.approx(named, rel=1e-12)
    agrees(vector, G=line.allocation, a=line.params_exponent, b=line.tokens_exponent, gamma=line.loss_exponent)


@family("opt_from_C")
def test_optimum_from_compute(vector):
    law, c = law_of(vector), vector["inputs"]["C"]
    n, d = frontier.optimum(c, law)
    ratio = frontier.optimal_tokens_per_param(c, law)
    assert d / n == pytest.approx(ratio, rel=1e-9)
    assert scaling_tokens.loss_two_term(n, d, **law) == pytest.approx(frontier.optimal_loss(c, law), rel=1e-12)
    agrees(vector, N=n, D=d, tokens_per_param=ratio, loss=frontier.optimal_loss(c, law))


@family("D_from_N")
def test_tokens_from_params(vector):
    i = vector["inputs"]
    d = answer(i["law"], "tokens", effective_params=i["N"])
    loss = answer(i["law"], "loss", effective_params=i["N"], tokens=d)
    agrees(vector, D=d, C=6 * i["N"] * d, tokens_per_param=d / i["N"], loss=loss)


@family("N_from_D")
def test_params_from_tokens(vector):
    i = vector["inputs"]
    n = answer(i["law"], "params", tokens=i["D"])
    agrees(vector, N=n, C=6 * n * i["D"])


@family("minC_from_loss")
def test_least_compute_from_loss(vector):
    i, law = vector["inputs"], law_of(vector)
    c = frontier.least_flops(i["loss"], law)
    n, d = frontier.optimum(c, law)
    assert answer(i["law"], "params", loss=i["loss"]) == pytest.approx(n, rel=1e-9)
    agrees(vector, C=c, N=n, D=d)


@family("loss")
def test_loss(vector):
    i = vector["inputs"]
    agrees(vector, loss=answer(i["law"], "loss", effective_params=i["N"], tokens=i["D"]))


@family("fixed_ratio")
def test_fixed_ratio_and_penalty(vector):
    i, law = vector["inputs"], law_of(vector)
    n = scaling_params.params_fixed_ratio(i["C"], i["r"])
    d = scaling_tokens.tokens_fixed_ratio(n, i["r"])
    loss = scaling_tokens.loss_two_term(n, d, **law)
    least = frontier.least_flops(loss, law)
    agrees(vector, N=n, D=d, loss=loss, C_min_same_loss=least, compute_penalty=frontier.compute_penalty(n, d, law))


@family("isoloss")
def test_iso_loss(vector):
    i, law = vector["inputs"], law_of(vector)
    best_n, best_d = frontier.optimum(i["C"], law)
    loss = frontier.optimal_loss(i["C"], law)
    n = i["N_over_Nopt"] * best_n
    d = scaling_tokens.tokens_two_term_iso_loss(loss, n, **law)
    assert scaling_params.params_two_term_iso_loss(loss, d, **law) == pytest.approx(n, rel=1e-9)
    agrees(vector, N=n, D=d, D_over_Dopt=d / best_d, compute_overhead=n * d / (best_n * best_d))


@exact("sardana.")
def test_inference_aware(vector):
    i = vector["inputs"]
    best = frontier.inference_aware_optimum(i["loss_target"], i["D_inference"], law_of(vector))
    agrees(
        vector,
        N=best.params,
        D=best.tokens,
        tokens_per_param=best.tokens / best.params,
        total_flop=best.flops,
        saving_vs_chinchilla=best.saving,
    )


@exact("kaplan.opt")
def test_kaplan_optimum(vector):
    c = vector["inputs"]["C"]
    n = scaling_params.params_kaplan(c)
    agrees(vector, pf_days=c / scaling_tokens.PF_DAY, N=n, D=frontier.kaplan_tokens(c), loss=frontier.kaplan_loss(c))
    assert scaling_tokens.tokens_kaplan(n) == pytest.approx(frontier.kaplan_tokens(c), rel=1e-9)
    assert scaling_params.params_kaplan_from_tokens(frontier.kaplan_tokens(c)) == pytest.approx(n, rel=1e-9)
    assert scaling_params.params_kaplan_from_loss(frontier.kaplan_loss(c)) == pytest.approx(n, rel=1e-9)


@exact("kaplan.L_ND")
def test_kaplan_loss(vector):
    agrees(vector, loss=scaling_tokens.loss_kaplan(vector["inputs"]["N"], vector["inputs"]["D"]))


@exact("kaplan.Bcrit")
def test_kaplan_critical_batch(vector):
    agrees(vector, B_crit_tokens=frontier.kaplan_critical_batch(vector["inputs"]["loss"]))


@exact("kaplan.D_overfit")
def test_kaplan_overfit_guard(vector):
    agrees(vector, D=frontier.kaplan_overfit_tokens(vector["inputs"]["N"]))


@exact("rule20.")
def test_rule_20(vector):
    n = answer("rule_20", "params", training_flops=vector["inputs"]["C"])
    agrees(vector, N=n, D=answer("rule_20", "tokens", effective_params=n))


@exact("llama3.")
def test_llama3(vector):
    c = vector["inputs"]["C"]
    scale, exponent = {"0.53": (0.29, 0.53), "0.537": (0.299, 0.537)}[vector["id"].removeprefix("llama3.D_opt.")]
    n = scaling_params.params_power_law(c, scale, exponent)
    agrees(vector, D=scaling_tokens.tokens_power_law(n, scale, exponent), N=n)


def test_every_exact_vector_is_tested():
    """The families above leave none of the file out (test_data.py has the last two)."""
    families = ("coeffs", "opt_from_C", "D_from_N", "N_from_D", "minC_from_loss", "loss", "fixed_ratio", "isoloss")
    seen = tuple(f"chinchilla.{law}.{f}" for law in TWO_TERM for f in families)
    seen += ("sardana.", "kaplan.opt", "kaplan.L_ND", "kaplan.Bcrit", "kaplan.D_overfit", "rule20.", "llama3.")
    seen += ("muennighoff.", "unc.lognormal")
    assert [i for i, v in VECTORS.items() if v["kind"] == "exact" and not i.startswith(seen)] == []


# -- Hoffmann's approach 1 -------------------------------------------------------------------------------------

TABLE = [
    (v["inputs"]["N"], v["expected"]["D"], v["expected"]["C"]) for v in VECTORS.values() if v["kind"] == "published"
]


def test_approach_1_is_the_least_squares_fit_to_its_table():
    assert len(TABLE) == 9
    exponent, intercept = np.polyfit(np.log([c for _, _, c in TABLE]), np.log([d for _, d, _ in TABLE]), 1)
    assert LAWS["hoffmann_a1"].derived
    assert LAWS["hoffmann_a1"].coefficients == pytest.approx(
        {"law_token_scale": math.exp(intercept), "law_token_exponent": exponent}, rel=1e-9
    )


@pytest.mark.parametrize("row", TABLE, ids=[f"{n:.3g}" for n, _, _ in TABLE])
def test_published_table(row):
    n, d, c = row
    assert answer("rule_20", "tokens", effective_params=n) == pytest.approx(d, rel=0.12)
    # the row of 67B stands 5% from its own 6 N D
    assert answer("hoffmann_a1", "tokens", effective_params=n) == pytest.approx(d, rel=0.06)
    assert answer("hoffmann_a1", "params", training_flops=c) == pytest.approx(n, rel=0.01)


# -- published figures of the laws -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "tokens", "ratio"), [(8e9, 15e12, 12.7), (405e9, 15.6e12, 1.06), (175e9, 300e9, -1.7)]
)
def test_implied_inference(params, tokens, ratio):
    law = LAWS["besiroglu_2024"].coefficients
    assert frontier.implied_inference_ratio(params, tokens, law) == pytest.approx(ratio, rel=0.02)


def test_inference_aware_and_implied_inference_are_one_condition():
    law = LAWS["besiroglu_2024"].coefficients
    best = frontier.inference_aware_optimum(1.95, 3e12, law, k=6.4)
    assert frontier.implied_inference_ratio(best.params, best.tokens, law, k=6.4) == pytest.approx(
        3e12 / best.tokens, rel=1e-6
    )


def test_rounding_of_approach_3_is_what_inflates_it():
    rounded, digits = (frontier.optimal_tokens_per_param(5.76e23, LAWS[n].coefficients) for n in
                       ("hoffmann_a3_rounded", "hoffmann_a3_tex"))  # fmt: skip
    assert (rounded, digits) == pytest.approx((93, 59), rel=0.02)


# -- properties ------------------------------------------------------------------------------------------------

compute = st.floats(18, 30).map(lambda x: 10**x)
size = st.floats(7, 15).map(lambda x: 10**x)
two_term = st.sampled_from(TWO_TERM)
any_law = st.sampled_from(list(LAWS))


@given(two_term, compute, st.floats(3, 9))
def test_optimum_directions_are_inverse(name, c, k):
    law = LAWS[name].coefficients
    n, d = frontier.optimum(c, law, k=k)
    assert k * n * d == pytest.approx(c, rel=1e-9)
    assert answer(name, "tokens", effective_params=n) == pytest.approx(d, rel=1e-7)
    assert answer(name, "params", tokens=d) == pytest.approx(n, rel=1e-7)
    loss = frontier.optimal_loss(c, law, k=k)
    assert frontier.least_flops(loss, law, k=k) == pytest.approx(c, rel=1e-5)
    assert answer(name, "params", loss=loss) == pytest.approx(n, rel=1e-5)


@given(any_law, size)
def test_params_and_tokens_are_inverse(name, n):
    d = answer(name, "tokens", effective_params=n)
    assert answer(name, "params", tokens=d) == pytest.approx(n, rel=1e-7)


@given(st.sampled_from([n for n in LAWS if n != "kaplan_2020"]), compute)
def test_params_from_compute_agree_with_tokens_from_params(name, c):
    """Not so for Kaplan et al., whose compute is the minimum at small batches."""
    n = answer(name, "params", training_flops=c)
    assert 6 * n * answer(name, "tokens", effective_params=n) == pytest.approx(c, rel=1e-7)


@given(st.sampled_from(WITH_LOSS), size, size)
def test_iso_loss_inverts_the_loss(name, n, d):
    loss = answer(name, "loss", effective_params=n, tokens=d)
    rest = answer(name, "loss", effective_params=n, tokens=1e40)
    only = answer(name, "loss", effective_params=1e40, tokens=d)
    if loss - rest > 1e-6 and loss - only > 1e-6:  # else the other term is lost in rounding
        assert answer(name, "tokens", loss=loss, effective_params=n) == pytest.approx(d, rel=1e-3)
        assert answer(name, "params", loss=loss, tokens=d) == pytest.approx(n, rel=1e-3)


@given(st.sampled_from(WITH_LOSS), size, size, st.floats(1.01, 100))
def test_more_of_either_lowers_the_loss(name, n, d, factor):
    loss = answer(name, "loss", effective_params=n, tokens=d)
    assert answer(name, "loss", effective_params=n * factor, tokens=d) < loss
    assert answer(name, "loss", effective_params=n, tokens=d * factor) < loss


@given(any_law, size, st.floats(1.01, 100))
def test_larger_models_want_more_tokens(name, n, factor):
    assert answer(name, "tokens", effective_params=n * factor) > answer(name, "tokens", effective_params=n)


@given(two_term, size, size)
def test_nothing_beats_the_frontier(name, n, d):
    assert frontier.compute_penalty(n, d, LAWS[name].coefficients) >= 1.0 - 1e-6


@given(st.sampled_from(TWO_TERM), st.floats(20, 26).map(lambda x: 10**x), st.floats(0.01, 100))
@settings(max_examples=50)
def test_inference_aware_is_a_minimum(name, c, ratio):
    law = LAWS[name].coefficients
    n, d = frontier.optimum(c, law)
    loss = scaling_tokens.loss_two_term(n, d, **law)
    best = frontier.inference_aware_optimum(loss, ratio * d, law)
    assert best.params < n
    assert best.saving >= -1e-9
    for factor in (0.98, 1.02):
        tokens = scaling_tokens.tokens_two_term_iso_loss(loss, best.params * factor, **law)
        assert best.params * factor * (6 * tokens + 2 * ratio * d) >= best.flops


def test_no_inference_leaves_the_compute_optimum():
    law = LAWS["besiroglu_2024"].coefficients
    best = frontier.inference_aware_optimum(2.0, 0.0, law)
    assert best.params == pytest.approx(scaling_params.params_two_term_from_loss(2.0, **without_B(law)), rel=1e-6)
    assert best.saving == pytest.approx(0.0, abs=1e-9)


def without_B(law):
    return {n: x for n, x in law.items() if n != "law_B"}


DIRECTIONS = [
    (form, f.gives[0], tuple(n for n in f.inputs if not n.startswith("law_")))
    for form in ("two_term", "fixed_ratio", "power_law", "kaplan")
    for q in ("tokens", "params", "loss")
    for f in GRAPH[q].formulas
    if f.rival == form and "without_loss" not in f.name
]


@pytest.mark.parametrize(
    ("form", "name", "inputs"), DIRECTIONS, ids=[f"{f}-{n}-{'-'.join(i)}" for f, n, i in DIRECTIONS]
)
def test_arrays_give_what_floats_give(form, name, inputs):
    law = next(law for law in LAWS.values() if law.form == form)
    typical = {"loss": [2.2, 2.4, 2.9], "tokens": [1e12, 2e12, 9e12], "effective_params": [4e10, 7e10, 4e11],
               "training_flops": [1e22, 1e24, 1e26]}  # fmt: skip
    points = {n: np.array(typical[n]) for n in inputs}
    got = from_law(form, name, law.coefficients, **points)
    for i, value in enumerate(got):
        one = from_law(form, name, law.coefficients, **{n: typical[n][i] for n in inputs})
        assert isinstance(one, float)
        assert value == pytest.approx(one, rel=1e-12)


def test_of_an_array_only_the_points_without_an_answer_are_nan():
    got = answer("besiroglu_2024", "tokens", loss=np.array([1.7, 1.85, 2.0]), effective_params=np.full(3, 70e9))
    assert np.isnan(got).tolist() == [True, True, False]
    with pytest.raises(NoValue, match=r"loss 1\.6 to 1\.8 is at or below the law's irreducible 1\.8172"):
        answer("besiroglu_2024", "params", loss=np.array([1.6, 1.8]))


# -- no answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given_", [{"tokens": 1e12}, {}])
def test_loss_at_or_below_the_irreducible(given_):
    with pytest.raises(NoValue, match=r"^loss 1\.7 is at or below the law's irreducible 1\.8172$"):
        answer("besiroglu_2024", "params", loss=1.7, **given_)


def test_loss_below_the_irreducible_has_no_least_compute():
    with pytest.raises(NoValue, match="irreducible"):
        frontier.least_flops(1.8172, LAWS["besiroglu_2024"].coefficients)


@pytest.mark.parametrize("name", WITH_LOSS)
def test_too_small_for_the_loss(name):
    floor = answer(name, "loss", effective_params=1e9, tokens=1e40)
    with pytest.raises(NoValue, match=r"1e\+09 parameters are too few for loss .* it takes more than"):
        answer(name, "tokens", loss=floor - 0.05, effective_params=1e9)
    floor = answer(name, "loss", effective_params=1e40, tokens=1e10)
    with pytest.raises(NoValue, match=r"1e\+10 tokens are too few for loss .* it takes more than"):
        answer(name, "params", loss=floor - 0.05, tokens=1e10)


def test_the_named_least_size_is_the_limit():
    with pytest.raises(NoValue) as no:
        answer("besiroglu_2024", "tokens", loss=1.9, effective_params=1e9)
    least = float(str(no.value).rsplit(" ", 1)[1])
    assert answer("besiroglu_2024", "tokens", loss=1.9, effective_params=least * 1.001) > 1e15


@pytest.mark.parametrize("name", LOSSLESS)
def test_laws_without_a_loss_say_so(name):
    family = scaling_tokens.LOSSLESS[LAWS[name].form]
    for quantity, given_ in (
        ("loss", {"effective_params": 1e9, "tokens": 1e10}),
        ("tokens", {"loss": 2.0, "effective_params": 1e9}),
        ("params", {"loss": 2.0, "tokens": 1e10}),
        ("params", {"loss": 2.0}),
    ):
        with pytest.raises(NoValue, match=f"^{family} gives no loss"):
            answer(name, quantity, **given_)


def test_a_direction_that_no_form_has():
    with pytest.raises(LookupError, match="two_term does not give loss from tokens"):
        answer("besiroglu_2024", "loss", tokens=1e12)


# -- the table of laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_law_has_what_its_form_needs(law):
    needed = {
        n for q in ("tokens", "params", "loss") for f in GRAPH[q].formulas if f.rival == law.form for n in f.inputs
    }
    assert {n for n in needed if n.startswith("law_")} == set(law.coefficients)
    assert law.source
    assert law.sentence.endswith(".")
    assert law.name == law_named(law.name).name


def test_unknown_law():
    with pytest.raises(UserError, match=r"there is no scaling law 'besiroglu'; nearest: besiroglu_2024"):
        law_named("besiroglu")


@pytest.mark.parametrize(
    ("params", "tokens", "reason"),
    [
        (70e9, 1.4e12, None),
        (1.6e12, 5e13, None),
        (7e5, 5e7, None),
        (None, None, None),
        (1.7e12, 1e13, "1.7e+12 parameters are 106 times above the largest (1.6e+10) that rule_20 was fitted on"),
        (6e5, None, "6e+05 parameters are 117 times below the smallest (7e+07) that rule_20 was fitted on"),
        (None, 1e14, "1e+14 tokens are 200 times above the largest (5e+11) that rule_20 was fitted on"),
    ],
)
def test_range_of_the_fit(params, tokens, reason):
    assert in_range(LAWS["rule_20"], params, tokens) == reason


def test_range_names_both():
    assert in_range(LAWS["besiroglu_2024"], 1e14, 2e15) == (
        "1e+14 parameters are 6,250 times above the largest (1.6e+10) and "
        "2e+15 tokens are 4,000 times above the largest (5e+11) that besiroglu_2024 was fitted on"
    )


def test_range_of_tokens_is_not_known_of_every_law():
    assert in_range(LAWS["llama3"], 1e11, 1e20) is None


def test_spread_across_laws():
    by_params = {name: (n, d, c) for name, n, d, c in spread_across_laws(params=70e9)}
    by_flops = {name: (n, d, c) for name, n, d, c in spread_across_laws(training_flops=5.76e23)}
    assert list(by_params) == list(by_flops) == list(LAWS)
    assert by_params["rule_20"] == pytest.approx((70e9, 1.4e12, 5.88e23))
    assert by_params["besiroglu_2024"] == pytest.approx((70e9, 1.28939e12, 5.41545e23), rel=1e-5)
    assert by_params["hoffmann_a1"][1] / 70e9 == pytest.approx(21, rel=0.05)
    for n, d, c in by_flops.values():
        assert c == pytest.approx(5.76e23)
        assert 6 * n * d == pytest.approx(c)
    assert by_flops["kaplan_2020"][0] == max(n for n, _, _ in by_flops.values())
    for wrong in ({}, {"params": 1e9, "training_flops": 1e20}):
        with pytest.raises(ValueError, match="either params or training_flops"):
            spread_across_laws(**wrong)


# -- intervals -------------------------------------------------------------------------------------------------

COVARIANCE = LAWS["besiroglu_2024"].covariance
BOOTSTRAP = [(row["training_flops"], row["p10"], row["p90"]) for row in DATA["tokens_per_param_intervals"]]


def ratio_at(c):
    return lambda law: frontier.optimal_tokens_per_param(c, law)


@pytest.mark.parametrize(("c", "p10", "p90"), BOOTSTRAP)
def test_interval_is_as_wide_as_the_bootstrap(c, p10, p90):
    low, high = map(ratio_at(c), law_direction(LAWS["besiroglu_2024"].coefficients, COVARIANCE, ratio_at(c)))
    assert high / low == pytest.approx(p90 / p10, rel=0.05)


@pytest.mark.parametrize(("c", "p10", "p90"), BOOTSTRAP)
def test_ends_of_the_interval(c, p10, p90):
    """Around the fit to all runs, which is above the median of its own bootstrap: by 3% at 5.76e23, 9% at 1.2e30."""
    low, high = map(ratio_at(c), law_direction(DATA["bootstrap_point"], COVARIANCE, ratio_at(c)))
    tolerance = 0.10 if c <= 1e26 else 0.18
    assert (low, high) == pytest.approx((p10, p90), rel=tolerance)


def test_interval_is_on_the_joint_ellipsoid():
    """The two sets lie at the asked distance by the covariance, and on opposite sides of the centre."""
    law = LAWS["besiroglu_2024"].coefficients
    axes = lambda s: np.array([math.log(s[a]) if i < 3 else s[a] for i, a in enumerate(AXES)])  # noqa: E731
    low, high = law_direction(law, COVARIANCE, ratio_at(1e26))
    for side in (low, high):
        step = axes(side) - axes(law)
        assert step @ np.linalg.solve(np.array(COVARIANCE), step) == pytest.approx(1.2815515655446004**2, rel=1e-6)
    assert axes(low) + axes(high) == pytest.approx(2 * axes(law), rel=1e-12)


def test_independent_errors_would_be_nonsense():
    law = LAWS["besiroglu_2024"].coefficients
    alone = [[x if i == j else 0.0 for j, x in enumerate(row)] for i, row in enumerate(COVARIANCE)]
    width = []
    for covariance in (COVARIANCE, alone):
        low, high = law_direction(law, covariance, ratio_at(1e26))
        width.append(math.log(ratio_at(1e26)(high) / ratio_at(1e26)(low)))
    assert width[1] > 3 * width[0]


@given(st.floats(20, 30).map(lambda x: 10**x))
@settings(max_examples=20)
def test_interval_brackets_the_centre(c):
    law = LAWS["besiroglu_2024"].coefficients
    for what in (ratio_at(c), lambda x: frontier.optimal_loss(c, x), lambda x: frontier.optimum(c, x)[0]):
        low, high = law_direction(law, COVARIANCE, what)
        assert what(low) < what(law) < what(high)


def test_covariance_is_symmetric_and_as_correlated_as_its_source():
    s = np.array(COVARIANCE)
    deviation = np.sqrt(np.diag(s))
    correlation = s / np.outer(deviation, deviation)
    assert (s == s.T).all()
    assert (np.linalg.eigvalsh(s) > 0).all()
    assert correlation[0, 3] == pytest.approx(0.9993, abs=1e-4)
    assert correlation[1, 4] == pytest.approx(0.9997, abs=1e-4)


def test_what_does_not_depend_on_the_law_has_no_width():
    law = {**LAWS["besiroglu_2024"].coefficients, "other": 1.0}
    assert law_direction(law, COVARIANCE, lambda s: 3.0) == (law, law)


# -- in the graph ----------------------------------------------------------------------------------------------


def small_graph():
    """The registered formulas of the scaling modules, with 6 FLOP per parameter and token and a share of experts."""
    graph = Graph()
    graph.default("active_share", "", 1.0, "Share of the parameters that a token uses.", source="test")

    def training_flops(flops_per_token, tokens):
        return flops_per_token * tokens

    def flops_per_token(active_params):
        return 6.0 * active_params

    def active_params(params, active_share):
        return params * active_share

    graph.quantity("FLOP")(training_flops)
    graph.quantity("FLOP/token")(flops_per_token)
    graph.quantity("param")(active_params)
    ours = {scaling_tokens.__name__, scaling_params.__name__}
    for name in (
        "law_E",
        "law_A",
        "law_B",
        "law_alpha",
        "law_beta",
        "law_ratio",
        "law_token_scale",
        "law_token_exponent",
    ):
        graph.given(name, "", GRAPH[name].sentence)
    for name in ("tokens", "params", "loss", "effective_params", "tokens_per_param"):
        known = GRAPH[name]
        for formula in known.formulas:
            assert formula.function.__module__ in ours, f"{name} has a formula elsewhere, which may be out of order"
            graph.quantity(known.unit, of=name, rival=formula.rival)(formula.function)
    return graph


SMALL = small_graph()


def plan(law_name, asks=("params", "tokens", "training_flops", "loss"), graph=SMALL, **given_):
    law = LAWS[law_name]
    return graph.resolve(asks, {**law.coefficients, **given_}, {law.form})


def values(nodes):
    return tuple(nodes[n].value for n in ("params", "tokens", "training_flops"))


@pytest.mark.parametrize("name", LAWS)
def test_graph_from_params(name):
    n, d, c = values(plan(name, params=70e9))
    assert n == 70e9
    assert d == pytest.approx(answer(name, "tokens", effective_params=70e9))
    assert c == pytest.approx(6 * n * d)


@pytest.mark.parametrize("name", LAWS)
def test_graph_from_tokens(name):
    n, d, c = values(plan(name, tokens=1e12))
    assert (d, n) == (1e12, pytest.approx(answer(name, "params", tokens=1e12)))
    assert c == pytest.approx(6 * n * d)


@pytest.mark.parametrize("name", LAWS)
def test_graph_from_compute(name):
    n, d, c = values(plan(name, training_flops=1e24))
    assert (c, n) == (1e24, pytest.approx(answer(name, "params", training_flops=1e24)))
    assert d == pytest.approx(c / (6 * n))


@pytest.mark.parametrize("name", TWO_TERM)
def test_graph_from_loss(name):
    n, d, c = values(plan(name, loss=2.1))
    law = LAWS[name].coefficients
    assert c == pytest.approx(frontier.least_flops(2.1, law), rel=1e-6)
    assert (n, d) == pytest.approx(frontier.optimum(c, law), rel=1e-6)


@pytest.mark.parametrize("name", WITH_LOSS)
@pytest.mark.parametrize("known", ["params", "tokens", "nothing"])
def test_graph_meets_the_loss(name, known):
    given_ = {"params": {"params": 40e9}, "tokens": {"tokens": 3e12}, "nothing": {}}[known]
    nodes = plan(name, loss=2.1, **given_)
    n, d, c = values(nodes)
    assert all(nodes[q].value == x for q, x in given_.items())
    assert nodes["loss"].origin == "given"
    assert answer(name, "loss", effective_params=n, tokens=d) == pytest.approx(2.1, rel=1e-9)
    assert c == pytest.approx(6 * n * d)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("known", ["params", "tokens"])
def test_graph_from_compute_and_one_more_needs_no_law(name, known):
    amount = {"params": 5e10, "tokens": 4e12}[known]
    n, d, c = values(plan(name, training_flops=1e24, **{known: amount}))
    assert c == 1e24
    assert {"params": n, "tokens": d}[known] == amount
    assert 6 * n * d == pytest.approx(1e24)


@pytest.mark.parametrize("name", LAWS)
def test_graph_from_params_and_tokens(name):
    nodes = plan(name, params=5e10, tokens=4e12)
    assert values(nodes) == (5e10, 4e12, pytest.approx(1.2e24))
    if LAWS[name].has_loss:
        assert nodes["loss"].value == pytest.approx(answer(name, "loss", effective_params=5e10, tokens=4e12))
    else:
        assert nodes["loss"].value is None
        assert nodes["loss"].why_null == f"{scaling_tokens.LOSSLESS[LAWS[name].form]} gives no loss"


@pytest.mark.parametrize("known", [{}, {"params": 1e10}, {"tokens": 1e12}])
@pytest.mark.parametrize("name", LOSSLESS)
def test_graph_gives_null_for_a_loss_that_the_law_lacks(name, known):
    nodes = plan(name, loss=2.0, **known)
    assert nodes["training_flops"].value is None
    assert "gives no loss" in nodes["training_flops"].why_null


def test_graph_gives_the_reason_for_an_infeasible_loss():
    nodes = plan("besiroglu_2024", loss=1.7, params=70e9)
    assert nodes["tokens"].value is None
    assert nodes["tokens"].why_null == "loss 1.7 is at or below the law's irreducible 1.8172"


def test_experts_count_for_less_than_their_number():
    nodes = plan("rule_20", ("effective_params", "tokens", "training_flops"), params=671e9, active_params=37e9)
    effective = math.sqrt(671e9 * 37e9)
    assert nodes["effective_params"].value == pytest.approx(effective)
    assert nodes["tokens"].value == pytest.approx(20 * effective)
    assert nodes["training_flops"].value == pytest.approx(6 * 37e9 * 20 * effective)


def test_a_law_must_be_chosen():
    with pytest.raises(GraphError, match="tokens cannot be derived"):
        SMALL.resolve(["tokens"], {"params": 70e9})


def test_tokens_per_param_is_of_all_parameters():
    assert plan("rule_20", ("tokens_per_param",), params=70e9)["tokens_per_param"].value == 20.0


def test_every_formula_has_a_sentence_and_an_equation():
    for name in ("tokens", "params", "loss", "effective_params", "tokens_per_param"):
        for formula in GRAPH[name].formulas:
            assert formula.sentence.endswith("."), formula.name
            assert formula.equation or "without_loss" in formula.name, formula.name
            assert formula.name in dict(inspect.getmembers(inspect.getmodule(formula.function)))
    assert scaling.DEFAULT_LAW in LAWS
