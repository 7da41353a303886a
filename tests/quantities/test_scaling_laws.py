"""The table of scaling laws, and all of them side by side."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.quantities import frontier
from aiplan.quantities.scaling import LAWS, compare_laws, from_law, in_range, law_named, spread_across_laws

DATA = yaml.safe_load((Path(__file__).parents[1] / "data" / "vectors-scaling.yaml").read_text())


def answer(name, quantity, **values):
    law = LAWS[name]
    return from_law(law.form, quantity, law.coefficients, **values)


# -- the table of laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_law_has_what_its_form_needs(law):
    needed = {
        n for q in ("tokens", "params", "loss") for f in GRAPH[q].formulas if f.rival == law.form for n in f.inputs
    }
    assert {n for n in needed if n.startswith("law_")} == set(law.coefficients)
    assert all(GRAPH[name].sentence for name in law.coefficients)
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


def test_names_that_others_rely_on():
    names = "besiroglu_2024 besiroglu_with_outliers hoffmann_a1 hoffmann_a2 hoffmann_a3_rounded hoffmann_a3_tex rule_20"
    names += " kaplan_2020 llama3 deepseek_llm muennighoff_c4 sardana_all krajewski_moe krajewski_dense clark_moe"
    assert set(f"{names} minicpm_avg abnar_moe".split()) <= set(LAWS)


def test_marks_say_what_is_not_plain_reading():
    assert LAWS["besiroglu_2024"].marks == ()
    assert LAWS["hoffmann_a1"].marks == LAWS["hoffmann_a2"].marks == ("derived",)
    assert [law.name for law in LAWS.values() if law.doubtful] == ["besiroglu_with_outliers"]
    for law in LAWS.values():
        assert law.recalled == ("from memory" in law.note), law.name
        assert not (law.doubtful or law.variant or law.derived) or law.note, law.name


def test_the_doubtful_law_contradicts_its_paper():
    """25.6 tokens per parameter by the paper, at no compute that it looks at."""
    law = LAWS["besiroglu_with_outliers"].coefficients
    ratios = [frontier.optimal_tokens_per_param(c, law) for c in (1e21, 5.76e23)]
    assert ratios == pytest.approx([14.6, 6.3], rel=0.03)


def test_approach_2_is_the_mean_of_its_table():
    rows = DATA["hoffmann_a2_table"]
    scale = math.exp(np.mean([math.log(r["tokens"]) - 0.51 * math.log(r["flops"]) for r in rows]))
    assert LAWS["hoffmann_a2"].coefficients == pytest.approx({"law_token_scale": scale, "law_token_exponent": 0.51})
    exponent = np.polyfit([math.log(r["flops"]) for r in rows], [math.log(r["tokens"]) for r in rows], 1)[0]
    assert exponent == pytest.approx(0.51, abs=5e-4)
    for r in rows:
        assert answer("hoffmann_a2", "tokens", effective_params=r["params"]) == pytest.approx(r["tokens"], rel=0.06)
        assert answer("hoffmann_a2", "params", training_flops=r["flops"]) == pytest.approx(r["params"], rel=0.04)


# -- side by side ----------------------------------------------------------------------------------------------


def test_spread_across_laws():
    by_params = {name: (n, d, c) for name, n, d, c in spread_across_laws(params=70e9)}
    by_flops = {name: (n, d, c) for name, n, d, c in spread_across_laws(training_flops=5.76e23)}
    # no doubtful law, no second fit of the same runs, none that gives no tokens for a dense model
    out = {"besiroglu_with_outliers", "hoffmann_a3_rounded", "sardana_100", "sardana_250", "sardana_500"}
    assert list(by_params) == list(by_flops)
    assert set(LAWS) - set(by_params) == out | {"krajewski_moe", "clark_moe"}
    assert by_params["rule_20"] == pytest.approx((70e9, 1.4e12, 5.88e23))
    assert by_params["besiroglu_2024"] == pytest.approx((70e9, 1.28939e12, 5.41545e23), rel=1e-5)
    assert by_params["hoffmann_a1"][1] / 70e9 == pytest.approx(21, rel=0.05)
    for n, d, c in by_flops.values():
        assert c == pytest.approx(5.76e23)
        assert 6 * n * d == pytest.approx(c)
    assert by_flops["kaplan_2020"][0] == max(n for n, _, _ in by_flops.values())
    everything = {name for name, *_ in spread_across_laws(params=70e9, everything=True)}
    assert everything == set(by_params) | out
    for wrong in ({}, {"params": 1e9, "training_flops": 1e20}):
        with pytest.raises(ValueError, match="either params or training_flops"):
            spread_across_laws(**wrong)


@given(st.sampled_from(list(LAWS)), st.floats(9, 14).map(lambda x: 10**x), st.floats(0.01, 0.5))
@settings(max_examples=60)
def test_experts_cost_their_active_parameters_alone(name, n, share):
    found = {a.law.name: a for a in compare_laws(n, active_share=share)}[name]
    if name == "clark_moe":
        assert found.tokens is None
        assert "130B tokens only" in found.why_null
        return
    assert found.active_params == pytest.approx(share * n)
    assert found.training_flops == pytest.approx(6 * share * n * found.tokens)
    if name == "kaplan_2020":  # its compute is the minimum at small batches
        return
    back = {a.law.name: a for a in compare_laws(training_flops=found.training_flops, active_share=share)}[name]
    assert (back.params, back.tokens) == pytest.approx((n, found.tokens), rel=1e-6)


@pytest.mark.parametrize("share", [1.0, 0.05])
def test_the_best_model_for_a_loss_reaches_it(share):
    reached = 0
    for found in compare_laws(loss=2.1, active_share=share):
        if found.tokens is None:
            assert found.why_null
            continue
        reached += 1
        again = next(a for a in compare_laws(found.params, active_share=share) if a.law is found.law)
        if found.law.name != "kaplan_2020":  # whose two fits of the loss differ
            assert (again.loss, again.tokens) == pytest.approx((2.1, found.tokens), rel=1e-4), found.law.name
    assert reached >= 11


def test_only_a_law_with_a_covariance_has_an_interval():
    for found in compare_laws(training_flops=5e25):
        assert (found.p10 is not None) == (found.law.covariance is not None)
    best = compare_laws(training_flops=5e25)[0]
    assert best.p10 < best.tokens < best.p90
    assert compare_laws(loss=1.8173)[0].p10 is None  # too near to the irreducible loss


def test_a_note_where_a_law_is_far_from_its_runs():
    found = {a.law.name: a for a in compare_laws(1e14)}
    assert "6,250 times above the largest" in found["besiroglu_2024"].note
    assert {a.note for a in compare_laws(1e9)} == {None}


@pytest.mark.parametrize("wrong", [{}, {"params": 1e9, "loss": 2.0}, {"training_flops": 1e20, "loss": 2.0}])
def test_one_thing_is_given(wrong):
    with pytest.raises(ValueError, match="one of params, training_flops and loss"):
        compare_laws(**wrong)
