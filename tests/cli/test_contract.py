"""The JSON that other programs rely on: its keys, names, units, origins, nulls and precision."""

from __future__ import annotations

import math
import re
from typing import Any

import jsonschema
import pytest

from aiplan import __version__
from aiplan.catalog import open_catalog
from aiplan.cli.schema import schema_of
from aiplan.graph import GRAPH, ORIGINS
from aiplan.plan import train as solve
from aiplan.specs.question import read_question
from tests.cli.helpers import ESSAY, Done, aiplan, strict, train

# The names of the contract's training part, by the unit in which each is given.
CORE = {
    "param": "params shape_params active_params",
    "token": "tokens unique_tokens",
    "": "tokens_per_param epochs loss fits accelerators steps mfu hfu goodput sites experiments_per_week",
    "B": "data_bytes weights_memory gradients_memory optimizer_memory activations_memory memory_per_accelerator "
    "memory_total hbm_total checkpoint_bytes",
    "FLOP/token": "flops_per_token",
    "FLOP": "training_flops",
    "s": "step_time mtbf checkpoint_interval",
    "token/s": "tokens_per_second",
    "day": "training_days",
    "h": "accelerator_hours",
    "W": "accelerator_power it_power facility_power average_power",
    "J": "energy",
    "kg": "carbon",
    "m3": "water",
    "USD": "accelerator_capex cluster_capex building_capex capex electricity_cost amortized_cost rental_cost "
    "staff_cost data_cost run_cost",
    "FLOP/USD": "flops_per_usd",
    "FLOP/J": "flops_per_watt",
}
UNITS = {name: unit for unit, names in CORE.items() for name in names.split()}
KEYS = (
    "schema ask aiplan_version headline quantities choices binding assumptions warnings sources inputs laws drivers"
).split()

PLANS = {
    "100t": "--params 100T",
    "llama": "--model llama-3.1-405b --tokens 15.6T --accelerators 16384 --accelerator h100",
    "experts": "--model deepseek-v3 --tokens 14.8T --accelerators 2048 --accelerator h800",
    "tiny": "--params 4 --accelerator laptop",
    "pictures": "--flops-per-sample 24.6GFLOP/sample --samples 115.29M --accelerator desktop --accelerators 1",
    "budget": "--budget $1B",
    "no-loss": "--params 7B --law rule_20 --accelerator a100",
    "no-price": "--params 7B --accelerator maia-100",
}
IMPOSSIBLE = {
    "limits": "--params 70B --deadline 1d --budget $1",
    "memory": "--params 100T --accelerators 8",
    "loss": "--loss 1.5",
}


@pytest.fixture(scope="module")
def schema() -> Any:
    return jsonschema.Draft202012Validator(schema_of("result"))


@pytest.fixture(scope="module", params=[*PLANS, *IMPOSSIBLE])
def done(request: pytest.FixtureRequest) -> Done:
    name = request.param
    return train(PLANS[name]) if name in PLANS else train(IMPOSSIBLE[name], code=3)


def test_keys_and_schema(done: Done, schema: Any) -> None:
    answer = done.json
    assert [key for key in KEYS if key in answer] == list(answer)
    assert (answer["schema"], answer["ask"], answer["aiplan_version"]) == ("aiplan.result/1", "train", __version__)
    schema.validate(answer)


def test_every_core_name_with_its_unit(done: Done) -> None:
    quantities = done.json["quantities"]
    assert {name: quantities[name]["unit"] for name in UNITS} == UNITS
    for name, found in quantities.items():
        assert set(found) == {"value", "unit", "origin", "p10", "p50", "p90", "why_null"}
        assert (found["origin"] in ORIGINS, found["unit"]) == (True, GRAPH[name].unit), name


def test_a_null_has_a_reason_and_nothing_else_has(done: Done) -> None:
    for name, found in done.json["quantities"].items():
        assert (found["value"] is None) == bool(found["why_null"]), (name, found)
        if found["value"] is None:
            assert found["p10"] is found["p50"] is found["p90"] is None, (name, found)


def test_percentiles_are_in_order(done: Done) -> None:
    for name, found in done.json["quantities"].items():
        ends = [found[p] for p in ("p10", "p50", "p90")]
        assert ends.count(None) in (0, 3), (name, found)
        if ends[0] is not None:
            assert ends == sorted(ends), (name, found)
            assert ends[1] == found["value"], name


def test_values_lie_within_what_they_can_be(done: Done) -> None:
    values = done.values()
    assert values["fits"] in (None, 0.0, 1.0)
    for name, value in values.items():
        if value is None:
            continue
        assert type(value) in (float, int), (name, value)
        assert math.isfinite(value), (name, value)
        low, high = GRAPH[name].low, GRAPH[name].high
        assert low is None or value >= low, (name, value)
        assert high is None or value <= high * (1 + 1e-12), (name, value)


def test_what_stands_beside_the_quantities(done: Done) -> None:
    answer = done.json
    quantities = answer["quantities"]
    for assumption in answer["assumptions"]:
        assert set(assumption) == {"quantity", "value", "unit", "source"}
        assert assumption["source"], assumption
        name = assumption["quantity"]
        if name in quantities and quantities[name]["origin"] == "default":
            assert assumption["value"] == quantities[name]["value"]
    told = {assumption["quantity"] for assumption in answer["assumptions"]}
    assert {name for name, found in quantities.items() if found["origin"] == "default"} <= told
    codes = done.codes()
    assert len(set(codes)) == len(codes)
    for warning in answer["warnings"]:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", warning["code"])
        assert set(warning) == {"code", "message"}
    assert answer["sources"] == sorted(set(answer["sources"]))
    assert all(isinstance(line, str) and line for line in (*answer["binding"], *answer["sources"]))
    assert set(answer["choices"].get("layout", {})) <= set(
        "tp pp cp ep dp virtual_stages zero_stage micro_batch recompute".split()
    )
    assert all(isinstance(value, int) for value in answer["choices"].get("layout", {}).values())


@pytest.mark.parametrize("name", ["100t", "llama", "experts", "no-loss", "budget"])
def test_definitions_hold(name: str) -> None:
    v = train(PLANS[name]).values()
    close = pytest.approx
    assert v["capex"] == close(v["cluster_capex"] + v["building_capex"])
    parts = ("amortized_cost", "electricity_cost", "staff_cost", "data_cost")
    assert v["run_cost"] == close(sum(v[part] for part in parts))
    assert v["flops_per_usd"] == close(v["training_flops"] / v["run_cost"])
    assert v["flops_per_watt"] == close(v["training_flops"] / v["energy"])
    assert v["energy"] == close(v["average_power"] * v["training_days"] * 86400)
    assert v["accelerator_hours"] == close(v["accelerators"] * v["training_days"] * 24)
    assert v["experiments_per_week"] == close(7 / v["training_days"])
    assert v["steps"] * v["step_time"] / v["goodput"] == close(v["training_days"] * 86400)
    assert v["tokens"] == close(v["tokens_per_param"] * v["params"])
    assert v["unique_tokens"] * v["epochs"] == close(v["tokens"])
    assert v["training_flops"] == close(v["flops_per_token"] * v["tokens"])
    assert v["mfu"] * v["cluster_flops"] * v["steps"] * v["step_time"] == close(v["training_flops"])
    assert v["accelerator_power"] < v["it_power"] < v["facility_power"]
    assert v["average_power"] < v["facility_power"]
    assert v["mfu"] <= v["hfu"]
    assert v["memory_per_accelerator"] <= v["usable_memory"]


def test_rented_is_what_the_rental_costs() -> None:
    v = train("--params 7B --accelerator h100 --cost-method rented").values()
    assert v["run_cost"] == pytest.approx(v["rental_cost"] + v["staff_cost"] + v["data_cost"])
    assert v["rental_cost"] > 0


def test_numbers_are_in_full_precision() -> None:
    catalog, defaults = open_catalog()
    plan = solve(read_question({"params": "100T"}), catalog, defaults)
    values = train("--params 100T").values()
    assert {name: node.value for name, node in plan.nodes.items()} == {n: values[n] for n in plan.nodes}


def test_inputs_are_as_typed() -> None:
    answer = train("--params 70B --deadline 90d --law rule_20 --set pue=1.2 --limit energy=90GWh --mfu 40%").json
    typed = {"params": "70B", "training_days": "90d", "law": "rule_20", "pue": "1.2", "mfu": "40%"}
    assert answer["inputs"] == {**typed, "limit.energy": "90GWh"}
    for name in ("params", "pue", "mfu"):
        assert answer["quantities"][name]["origin"] == "given"


def test_origins() -> None:
    found = train("--model llama-3.1-8b --accelerator h100 --deadline 30d").json["quantities"]
    wanted = {
        "layers": "catalog",
        "peak_flops": "catalog",
        "accelerators": "search",
        "training_flops": "formula",
        "it_overhead": "default",
    }
    assert {name: found[name]["origin"] for name in wanted} == wanted


def test_a_scenario_is_one_object_and_several_are_a_list(schema: Any) -> None:
    one = aiplan("run", str(ESSAY / "capex-100t.yaml"), "--json").json
    assert one["schema"] == "aiplan.result/1"
    schema.validate(one)
    files = [str(ESSAY / f"{name}.yaml") for name in ("capex-100t", "gpt4-capex")]
    many = aiplan("run", *files, "--json").json
    assert (list(many), many["schema"]) == (["schema", "results"], "aiplan.results/1")
    assert many["results"][0] == one
    for result in many["results"]:
        schema.validate(result)
        assert result["checks"]
        assert result["claim"]
        assert result["ours"]


@pytest.mark.parametrize("command", [["models", "show", "llama-3.1-405b"], ["hardware", "show", "h100"]])
def test_facts_are_the_same_object(command: list[str], schema: Any) -> None:
    answer = aiplan(*command, "--json").json
    assert (answer["schema"], answer["ask"]) == ("aiplan.result/1", "facts")
    schema.validate(answer)
    for name, found in answer["quantities"].items():
        assert found["unit"] == GRAPH[name].unit
        assert (found["value"] is None) == bool(found["why_null"])


def test_comparing_is_always_a_list(schema: Any) -> None:
    for names in (["h100"], ["h100", "gb200"]):
        answer = aiplan("hardware", "compare", *names, "--json").json
        assert answer["schema"] == "aiplan.results/1"
        assert len(answer["results"]) == len(names)
        for result in answer["results"]:
            schema.validate(result)


def test_why_is_the_same_number_with_its_derivation() -> None:
    tree = aiplan("why", "capex", "--params", "100T", "--json").json
    values = train("--params 100T").values()
    assert tree["schema"] == "aiplan.why/1"

    def visit(branch: dict[str, Any]) -> None:
        assert branch["value"] == values[branch["quantity"]], branch["quantity"]
        assert branch["unit"] == GRAPH[branch["quantity"]].unit
        assert branch["origin"] in ORIGINS
        assert branch.get("source") or branch["origin"] in ("given", "search", "formula"), branch["quantity"]
        for below in branch.get("inputs", ()):
            visit(below)

    visit(tree)
    assert [b["quantity"] for b in tree["inputs"]] == ["cluster_capex", "building_capex"]


def test_json_is_strict() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        strict('{"value": NaN}')
