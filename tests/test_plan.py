"""The planner: what it solves for, and what must hold of every solution whatever was asked."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aiplan.catalog import open_catalog
from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.plan import LAYOUT, TRAIN, Plan, facts, train
from aiplan.specs.question import LIMITS, read_question

CATALOG, DEFAULTS = open_catalog()
CHIPS = st.sampled_from(["h100", "a100", "gb200", "tpu-v5p", "mi300x", "rtx-4090"])
PARAMS = st.floats(8, 13.5).map(lambda power: 10**power)
DAYS = st.floats(2, 400)
FEW = settings(max_examples=20, deadline=None)


def ask(limit: dict[str, float] | None = None, **asked: Any) -> Plan:
    """A plan of text as typed, and of numbers in SI."""
    question = read_question({name: value for name, value in asked.items() if isinstance(value, str)})
    for name, value in asked.items():
        if not isinstance(value, str):
            (question.limits if name in LIMITS else question.given)[name] = float(value)
    question.limits |= limit or {}
    return train(question, CATALOG, DEFAULTS)


def values(plan: Plan) -> dict[str, Any]:
    return {name: node.value for name, node in plan.nodes.items()}


def step_of(plan: Plan) -> float:
    """How many accelerators fewer is the next smaller plan: a server, or one where all are in one."""
    server, count = plan.given["accelerators_per_server"].value, plan.value("accelerators")
    assert server
    return 1.0 if count <= server else max(server, math.ceil(count * 2e-5 / server) * server)


# -- a deadline ----------------------------------------------------------------------------------------------------


@FEW
@given(params=PARAMS, days=DAYS, chip=CHIPS)
def test_the_fewest_accelerators_meet_the_deadline_and_fewer_do_not(params: float, days: float, chip: str) -> None:
    asked = {"params": params, "accelerator": chip, "recovery": "elastic"}
    plan = ask({"training_days": days}, **asked)
    assume(not plan.impossible)
    assert plan.value("training_days") <= days * (1 + 1e-9)
    assert plan.value("fits") == 1.0
    count = plan.value("accelerators")
    if count > 1:
        fewer = ask({"training_days": days}, accelerators=count - step_of(plan), **asked)
        assert fewer.impossible, (count, fewer.value("accelerators"), fewer.value("training_days"))


@FEW
@given(params=PARAMS, days=DAYS, chip=CHIPS)
def test_twice_the_time_never_needs_more_accelerators(params: float, days: float, chip: str) -> None:
    asked = {"params": params, "accelerator": chip, "recovery": "elastic"}
    counts = [ask({"training_days": d}, **asked).value("accelerators") for d in (days, 2 * days)]
    assert counts[1] <= counts[0] * (1 + 1e-4)


@FEW
@given(params=st.floats(8, 12).map(lambda power: 10**power), count=st.sampled_from([64, 1024, 16384]))
def test_more_tokens_take_longer_and_cost_more(params: float, count: int) -> None:
    asked = {"params": params, "accelerators": count, "accelerator": "h100", "recovery": "elastic"}
    plans = [values(ask(tokens=tokens, **asked)) for tokens in (1e12, 3e12)]
    for name in ("training_flops", "training_days", "energy", "carbon", "run_cost", "accelerator_hours"):
        assert plans[0][name] < plans[1][name], name
    for name in ("capex", "facility_power", "weights_memory"):
        assert plans[0][name] == plans[1][name], name


@FEW
@given(days=st.floats(1, 300), count=st.sampled_from([8, 512, 16384]))
def test_the_largest_model_uses_the_time(days: float, count: int) -> None:
    plan = ask({"training_days": days}, accelerators=count, accelerator="h100")
    assert not plan.impossible
    if plan.value("memory_per_accelerator") < 0.9 * plan.value("usable_memory"):
        assert 0.98 * days <= plan.value("training_days") <= days * (1 + 1e-9)
    larger = ask({"training_days": days}, accelerators=count, accelerator="h100", params=plan.value("params") * 1.02)
    assert larger.impossible


def test_a_leap_of_the_layout_is_not_leapt_over() -> None:
    """Here the layout splits further between two sizes; 590,000 accelerators are in time."""
    asked = {"params": 5.2427825e12, "accelerator": "h100", "recovery": "elastic"}
    assert not ask({"training_days": 180}, accelerators=590_000, **asked).impossible
    assert ask({"training_days": 180}, **asked).value("accelerators") < 600_000


# -- a budget, a power ---------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(budget=st.floats(3, 9.5).map(lambda power: 10**power), chip=st.sampled_from(["h100", "a100", "gb200"]))
def test_a_budget_is_kept_and_used(budget: float, chip: str) -> None:
    plan = ask({"run_cost": budget}, accelerator=chip)
    assert not plan.impossible
    assert 0.98 * budget <= plan.value("run_cost") <= budget * (1 + 1e-9)
    assert plan.value("training_days") <= 180 * (1 + 1e-9)


@settings(max_examples=10, deadline=None)
@given(power=st.floats(4.5, 9.5).map(lambda power: 10**power), chip=st.sampled_from(["h100", "a100", "gb200"]))
def test_a_power_is_kept(power: float, chip: str) -> None:
    plan = ask({"facility_power": power}, accelerator=chip)
    assert not plan.impossible
    assert plan.value("facility_power") <= power * (1 + 1e-9)
    each = plan.value("facility_power") / plan.value("accelerators")
    server = plan.given["accelerators_per_server"].value or 1.0
    # A layout that must split further fails more often as a whole, so the size of the model moves in steps.
    assert plan.value("facility_power") > 0.9 * power - server * each


@FEW
@given(params=PARAMS, power=st.floats(6, 9).map(lambda power: 10**power))
def test_power_alone_sizes_the_fleet_for_a_given_model(params: float, power: float) -> None:
    plan = ask({"facility_power": power}, params=params, accelerator="h100", recovery="elastic")
    each = plan.value("facility_power") / plan.value("accelerators")
    assert plan.value("facility_power") <= power
    assert (plan.value("accelerators") + 8) * each > power
    assert plan.assumed_limits == {}


@settings(max_examples=5, deadline=None)
@given(budget=st.floats(5, 8).map(lambda power: 10**power), factor=st.floats(1.5, 10))
def test_more_money_trains_a_larger_model(budget: float, factor: float) -> None:
    sizes = [ask({"run_cost": b}, accelerator="h100").value("params") for b in (budget, budget * factor)]
    assert sizes[0] < sizes[1]


# -- prices and places ---------------------------------------------------------------------------------------------


@FEW
@given(factor=st.floats(1.1, 20))
def test_money_is_in_proportion_to_prices(factor: float) -> None:
    asked = {"params": 70e9, "accelerators": 1024, "accelerator": "h100"}
    base = ask(**asked)
    dear = ask(**asked, accelerator_price=base.value("accelerator_price") * factor)
    assert dear.value("cluster_capex") == pytest.approx(base.value("cluster_capex") * factor)
    assert dear.value("amortized_cost") == pytest.approx(base.value("amortized_cost") * factor)
    assert dear.value("electricity_cost") == base.value("electricity_cost")
    current = ask(**asked, electricity_price=base.value("electricity_price") * factor)
    assert current.value("electricity_cost") == pytest.approx(base.value("electricity_cost") * factor)
    assert current.value("capex") == base.value("capex")
    dirty = ask(**asked, grid_carbon=base.value("grid_carbon") * factor)
    assert dirty.value("carbon") == pytest.approx(base.value("carbon") * factor)


# -- what comes out ------------------------------------------------------------------------------------------------

SIZES = st.one_of(
    st.fixed_dictionaries({"params": st.floats(0, 15).map(lambda power: 10**power)}),
    st.fixed_dictionaries({"tokens": st.floats(3, 16).map(lambda power: 10**power)}),
    st.fixed_dictionaries({"training_flops": st.floats(10, 31).map(lambda power: 10**power)}),
    st.fixed_dictionaries({"loss": st.floats(1.85, 4)}),
    st.fixed_dictionaries({"model": st.sampled_from(["gpt-3-175b", "deepseek-v3", "mixtral-8x7b"])}),
)
HARDWARE = st.fixed_dictionaries(
    {"accelerator": st.sampled_from(["h100", "gb200", "tpu-v5p", "laptop", "desktop", "trainium2"])},
    optional={
        "accelerators": st.sampled_from([1, 7, 8, 1000, 16384, 10**6]),
        "recovery": st.sampled_from(["elastic", "global"]),
        "cost_method": st.sampled_from(["owned", "rented"]),
        "site": st.sampled_from(["us", "norway"]),
        "mfu": st.sampled_from([0.01, 0.4]),
        "tp": st.sampled_from([1, 8]),
        "training_days": st.sampled_from([1, 90, 3650]),
    },
)


@settings(max_examples=60, deadline=None)
@given(size=SIZES, hardware=HARDWARE)
def test_any_question_has_a_whole_answer(size: dict[str, Any], hardware: dict[str, Any]) -> None:
    """No question ends in a bug: every quantity has a finite value within its bounds, or a reason for having none."""
    plan = ask(**size, **hardware)
    for name in TRAIN:
        node = plan.nodes.get(name)
        if node is None:
            assert plan.unresolved[name]
        elif node.value is None:
            assert node.why_null, name
        else:
            low, high = GRAPH[name].low, GRAPH[name].high
            assert math.isfinite(node.value), (name, node.value)
            assert low is None or node.value >= low, name
            assert high is None or node.value <= high * (1 + 1e-9), name
    assert plan.impossible <= bool(plan.binding)
    if not plan.impossible:
        assert plan.value("training_days") > 0
        assert plan.value("fits") in (None, 1.0)


def test_a_plan_is_the_same_twice() -> None:
    first, second = (ask(params="100T") for _ in range(2))
    assert values(first) == values(second)
    assert list(first.nodes) == list(second.nodes)


def test_a_tiny_model_has_no_shape_and_no_loss() -> None:
    plan = ask(params=4, accelerator="laptop")
    assert plan.value("loss") is None
    assert plan.value("layers") is None
    assert plan.value("training_flops") == pytest.approx(6 * 4 * plan.value("tokens"))
    assert plan.value("step_time") >= plan.value("step_floor")


def test_a_published_model_keeps_its_shape() -> None:
    plan = ask(model="llama-3.1-405b")
    assert (plan.value("layers"), plan.value("d_model"), plan.value("kv_heads")) == (126, 16384, 8)
    assert plan.nodes["layers"].origin == "catalog"
    assert plan.value("shape_params") == pytest.approx(405.85e9, rel=1e-3)


def test_an_invented_shape_has_about_the_size_asked() -> None:
    for params in (1e6, 70e9, 1e14):
        plan = ask(params=params)
        assert plan.value("shape_params") == pytest.approx(params, rel=0.02)
        assert plan.value("params") == params


def test_defaults_where_nothing_is_said_about_hardware() -> None:
    plan = ask(params="1T")
    assert plan.expanded.chosen["accelerator"] == "gb200-186gb"
    assert plan.expanded.chosen["recovery"] == "elastic"
    assert plan.assumed_limits == {"training_days": 180.0}
    assert ask(params="1T", accelerators=1024).assumed_limits == {}
    assert ask({"training_days": 90}, params="1T").assumed_limits == {}


def test_whole_servers_beyond_one() -> None:
    for days in (0.01, 0.1, 1, 10, 100):
        count = ask({"training_days": days}, params="70B", accelerator="h100").value("accelerators")
        assert count <= 8 or count % 8 == 0


def test_the_layout_is_within_the_fleet() -> None:
    plan = ask(params="1T", accelerators=4096, accelerator="h100")
    used = math.prod(plan.value(name) for name in ("tp", "pp", "cp", "dp"))
    assert 0.9 * 4096 <= used <= 4096
    assert all(plan.nodes[name].origin == "search" for name in LAYOUT)


def test_what_cannot_be_asked() -> None:
    for asked in ({}, {"mfu": 0.4}, {"accelerator": "h100"}):
        with pytest.raises(UserError, match="neither the size of the model nor the hardware"):
            ask(**asked)
    with pytest.raises(UserError, match="a deadline alone"):
        ask({"training_days": 90})
    with pytest.raises(UserError, match="has no loss"):
        ask(loss=2, law="rule_20")


def test_facts_answer_only_what_is_asked() -> None:
    question = read_question({"accelerator": "h100", "accelerators": 8}, ask="facts")
    plan = facts(question, CATALOG, ["hbm_total", "accelerator_power"])
    assert plan.value("hbm_total") == 640e9
    assert plan.value("accelerator_power") == 5600
    assert "training_days" not in plan.nodes


def test_settings_of_a_file_are_defaults_and_flags_win() -> None:
    own = {"accelerator": "h100", "pue": 1.1, "training_days": 30, "law": "rule_20"}
    plan = train(read_question({"params": "70B"}), CATALOG, own)
    assert plan.expanded.chosen["accelerator"] == "h100-sxm-80gb"
    assert plan.expanded.assumed["accelerator"] == "default of aiplan.yaml"
    assert (plan.value("pue"), plan.nodes["pue"].origin) == (1.1, "default")
    assert plan.value("tokens") == 1.4e12
    assert plan.value("training_days") <= 30
    over = train(read_question({"params": "70B", "pue": 1.3, "accelerator": "a100"}), CATALOG, own)
    assert over.value("pue") == 1.3
    assert over.expanded.chosen["accelerator"] == "a100-sxm-80gb"
