"""From a plan to its answer: the sentence, the assumptions, the laws beside one another."""

from __future__ import annotations

from typing import Any

import pytest

from aiplan.answer import answer, headline
from aiplan.catalog import open_catalog
from aiplan.plan import TRAIN, Plan, train
from aiplan.specs.question import read_question
from aiplan.specs.result import Result

CATALOG, DEFAULTS = open_catalog()


def plan_of(**asked: Any) -> Plan:
    return train(read_question(asked), CATALOG, DEFAULTS)


def answer_of(**asked: Any) -> Result:
    return answer(plan_of(**asked))


def test_the_sentence_says_what_where_how_long_and_how_much() -> None:
    text = headline(plan_of(params="100T"))
    for part in ("100 T parameters", "tokens", "gb200-186gb", "180 days", "GW", "a run", "to build"):
        assert part in text
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("asked", "starts"),
    [
        ({"model": "llama-3.1-405b", "tokens": "15.6T"}, "llama-3.1-405b on 15.6 T tokens takes"),
        ({"params": "70B", "training_days": "1d", "run_cost": "$1"}, "Impossible as asked: a model of 70.0 B"),
        ({"flops_per_sample": "24.6 GFLOP/sample", "samples": "1e8", "accelerators": 1}, "This work takes 1 "),
        ({"loss": 1.5}, "This plan has no duration: "),
    ],
)
def test_other_sentences(asked: dict[str, Any], starts: str) -> None:
    assert headline(plan_of(**asked)).startswith(starts)


def test_without_a_price_the_sentence_is_silent_on_money() -> None:
    text = headline(plan_of(params="1B", accelerator="maia-100"))
    assert "$" not in text
    assert "unknown" not in text


def test_every_asked_quantity_comes_first_and_in_order() -> None:
    names = list(answer_of(params="1B").quantities)
    assert names[: len(TRAIN)] == TRAIN


def test_everything_that_was_computed_is_in_the_answer() -> None:
    plan = plan_of(params="1B")
    result = answer(plan)
    assert {n: node.value for n, node in plan.nodes.items()} == {n: result.quantities[n].value for n in plan.nodes}


def test_defaults_are_assumptions_and_givens_are_not() -> None:
    told = {a.quantity: a for a in answer_of(params="70B", accelerator="h100", it_overhead=1.2).assumptions}
    assert told["precision"].value == "bf16"
    assert told["training_days"].value == 180.0
    assert told["failure_rate"].unit == "1/s"
    assert {"params", "accelerator", "it_overhead", "peak_flops"}.isdisjoint(told)
    assert all(a.source for a in told.values())


def test_sources_are_those_of_what_was_used() -> None:
    sources = answer_of(params="70B", accelerator="h100").sources
    assert any("Besiroglu" in s for s in sources)
    assert any("h100-sxm-80gb" in s for s in sources)
    assert not any("gb200" in s for s in sources)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"params": "70B"}, True),
        ({"training_flops": "1e25"}, True),
        ({"run_cost": "$1M"}, True),
        ({"params": "70B", "tokens": "2T"}, False),
        ({"loss": 1.9}, False),
        ({"params": "70B", "training_flops": "1e25"}, False),
        ({"flops_per_sample": "24.6 GFLOP/sample", "samples": "1e8", "accelerators": 1}, False),
    ],
)
def test_laws_stand_beside_one_another_where_one_of_them_decided(asked: dict[str, Any], shown: bool) -> None:
    assert bool(answer_of(**asked).laws) == shown


def test_laws_given_compute_share_it() -> None:
    rows = answer_of(training_flops="1e25").laws
    assert {row.training_flops for row in rows} == {1e25}
    assert len({row.params for row in rows}) == len(rows)


def test_the_layout_is_a_choice_of_whole_numbers() -> None:
    layout = answer_of(params="70B", accelerators=1024, accelerator="h100").choices["layout"]
    assert {"tp", "pp", "dp"} <= set(layout)
    assert all(type(value) is int and value >= 0 for value in layout.values())


def test_inputs_are_as_typed() -> None:
    asked = {"params": "70B", "mfu": "40%", "training_days": "90d"}
    assert answer_of(**asked).inputs == asked
