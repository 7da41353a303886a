"""On and off the compute-optimal frontier: the vectors of the two-term laws, and what else rests on compute.

Of the exact vectors that the formulas were written from these are tested nowhere: unc.ishigami, which is of sampled
sensitivities; essay.base, essay.data and essay.memory, divisions and products of the essay's figures, of which
scenarios/essay/run-100t.yaml asserts the compute, the bytes and the memory.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.graph import GRAPH, NoValue
from aiplan.quantities import frontier, scaling_params, scaling_tokens
from aiplan.quantities.scaling import LAWS, from_law

FOLDER = Path(__file__).parents[1] / "data"
VECTORS = {v["id"]: v for v in yaml.safe_load((FOLDER / "vectors-scaling.yaml").read_text())["vectors"]}
BATCH = {v["id"]: v for v in yaml.safe_load((FOLDER / "vectors-batch.yaml").read_text())["vectors"]}
TWO_TERM = [law.name for law in LAWS.values() if law.form == "two_term"]


def exact(*prefixes, of=VECTORS, without="-"):
    """Exact vectors whose id starts with one of the prefixes."""
    ids = [i for i, v in of.items() if i.startswith(prefixes) and v["kind"] == "exact" and not i.startswith(without)]
    assert ids
    return pytest.mark.parametrize("vector", [of[i] for i in ids], ids=ids)


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


@exact("jones.")
def test_training_and_test_compute(vector):
    i = vector["inputs"]
    agrees(vector, log10_test=math.log10(frontier.jones_test_flops(i["train"], i["elo"])))


@exact("deepseek_llm.", of=BATCH, without="deepseek_llm.M")
def test_deepseek(vector):
    c = vector["inputs"]["C"]
    scale, tokens = frontier.deepseek_optimum(c)
    known = {f: GRAPH.resolve([f], {"training_flops": c})[f].value for f in ("optimal_batch_tokens",
             "optimal_learning_rate")}  # fmt: skip
    agrees(
        vector,
        M_flops_per_token=scale,
        D=tokens,
        N_equiv=scale / 6,
        batch_tokens=known["optimal_batch_tokens"],
        lr=known["optimal_learning_rate"],
    )
    # the law by name makes the same of the compute, but for the rounding of its two prefactors
    assert answer("deepseek_llm", "params", training_flops=c) == pytest.approx(scale / 6, rel=2e-4)
    assert answer("deepseek_llm", "tokens", effective_params=scale / 6) == pytest.approx(tokens, rel=2e-4)


@exact("deepseek_llm.M", of=BATCH)
def test_deepseek_model_scale(vector):
    i = vector["inputs"]
    agrees(vector, M=frontier.deepseek_flops_per_token(i["n_layer"], i["d_model"], i["seq"]))


def test_every_exact_vector_is_tested():
    """The families above leave none of the file out (test_data.py has the last three)."""
    families = ("coeffs", "opt_from_C", "D_from_N", "N_from_D", "minC_from_loss", "loss", "fixed_ratio", "isoloss")
    seen = tuple(f"chinchilla.{law}.{f}" for law in TWO_TERM for f in families)
    seen += ("sardana.", "kaplan.opt", "kaplan.L_ND", "kaplan.Bcrit", "kaplan.D_overfit", "rule20.", "llama3.")
    seen += ("jones.", "muennighoff.", "unc.lognormal", "unc.sobol_loglinear")
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


# -- properties -------------------------------------------------------------------------------------------------

compute = st.floats(18, 30).map(lambda x: 10**x)
size = st.floats(7, 15).map(lambda x: 10**x)
two_term = st.sampled_from(TWO_TERM)


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


def test_loss_below_the_irreducible_has_no_least_compute():
    with pytest.raises(NoValue, match="irreducible"):
        frontier.least_flops(1.8172, LAWS["besiroglu_2024"].coefficients)


# -- the price of being off the frontier -----------------------------------------------------------------------


def penalty(name, **given_):
    law = LAWS[name]
    return GRAPH.resolve(["overtraining_penalty"], {**law.coefficients, **given_}, {law.form})["overtraining_penalty"]


@given(two_term, compute)
@settings(max_examples=25)
def test_the_penalty_is_one_on_the_frontier_and_more_off_it(name, c):
    n, d = frontier.optimum(c, LAWS[name].coefficients)
    assert penalty(name, effective_params=n, tokens=d).value == pytest.approx(1.0, rel=1e-5)
    for factor in (0.1, 10.0):
        assert penalty(name, effective_params=n, tokens=d * factor).value > 1.001


@pytest.mark.parametrize(("ratio", "published"), [(20, 1.0009), (100, 1.29), (1875, 5.54)])
def test_the_penalty_of_overtraining_at_1e24_flop(ratio, published):
    n = math.sqrt(1e24 / (6 * ratio))
    assert penalty("besiroglu_2024", effective_params=n, tokens=ratio * n).value == pytest.approx(published, rel=2e-3)


def test_the_penalty_of_experts_counts_all_parameters():
    law = LAWS["krajewski_moe"].coefficients
    n, d = frontier.optimum(1e24, law)
    assert penalty("krajewski_moe", params=n, tokens=d).value == pytest.approx(1.0, rel=1e-6)
    assert penalty("krajewski_moe", params=n, tokens=30 * d).value > 1.1


@pytest.mark.parametrize("name", [law.name for law in LAWS.values() if law.form not in ("two_term", "krajewski")])
def test_other_laws_say_why_they_have_no_penalty(name):
    node = penalty(name, tokens=1e12, effective_params=1e10, params=1e10)
    assert node.value is None
    assert node.why_null.endswith("so no least compute to compare with")


def test_the_penalty_works_on_arrays():
    law, tokens = LAWS["besiroglu_2024"].coefficients, np.array([1e11, 1e12, 1e13])
    got = frontier.overtraining_penalty(1e10, tokens, **law)
    assert got.tolist() == pytest.approx([frontier.overtraining_penalty(1e10, float(d), **law) for d in tokens])
