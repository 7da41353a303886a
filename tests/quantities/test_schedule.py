"""Schedules of a pipeline: the papers' tables, what must hold of any of them, and what a plan makes of a choice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiplan.catalog import open_catalog
from aiplan.errors import UserError
from aiplan.plan import Plan, train
from aiplan.quantities.activations import chunks_in_flight
from aiplan.quantities.schedule import SCHEDULES, copies_held, pipeline_bubble
from aiplan.specs.question import CHOICES, read_question

LLAMA = {"model": "llama-3.1-405b", "accelerator": "h100", "accelerators": 16384, "tokens": "15.6T",
         "batch_tokens": 16777216, "layout": "tp=8,pp=16,cp=1"}  # fmt: skip


def plan(asked: dict[str, Any], **more: Any) -> Plan:
    return train(read_question({**asked, **more}), open_catalog()[0])


@pytest.mark.parametrize(("p", "m"), [(4, 8), (8, 64), (16, 16)])
@pytest.mark.parametrize(
    ("number", "idle"),
    [
        (0, lambda p, f, b, w: (p - 1) * (f + b + w)),
        (1, lambda p, f, b, w: (p - 1) * (f + b - w)),  # Qi et al. 2023, Table 2
        (2, lambda p, f, b, w: 0.0),
        (3, lambda p, f, b, w: (p / 2 - 1) * ((f + b + w) + (b + w) - 3 * w)),  # DeepSeek-V3 2024, Table 2: B is b + w
    ],
)
def test_bubbles_are_those_of_the_papers(p: int, m: int, number: int, idle: Any) -> None:
    one = 1 / 3
    assert pipeline_bubble(p, 1, m, number, one) == pytest.approx(idle(p, one, one, one) / m, abs=1e-12)


@given(
    p=st.integers(1, 64), m=st.integers(1, 512), number=st.sampled_from([1, 2, 3]), w=st.floats(0.05, 1 / 3),
)  # fmt: skip
def test_filling_the_bubble_never_makes_it_longer(p: int, m: int, number: int, w: float) -> None:
    assert 0 <= pipeline_bubble(p, 1, m, number, w) <= pipeline_bubble(p, 1, m, 0, w) + 1e-12
    assert pipeline_bubble(1, 1, m, number, w) == 0


def test_one_micro_batch_waits_for_all_but_the_weights() -> None:
    assert pipeline_bubble(8, 1, 1, 0, 1 / 3) == 7  # forward and backward through eight stages, one at a time
    assert pipeline_bubble(8, 1, 1, 1, 1 / 3) == pytest.approx(7 * 2 / 3)


@given(p=st.integers(1, 64), m=st.integers(1, 512))
def test_memory_is_that_of_the_papers(p: int, m: int) -> None:
    for number in (1, 2):
        assert chunks_in_flight(0, p, 1, m, number) == chunks_in_flight(0, p, 1, m, 0) == min(m, p)
        assert chunks_in_flight(p - 1, p, 1, m, number) == min(m, p)
    assert chunks_in_flight(0, p, 2, m, 3) == 2 * min(m, p + 1 if p > 1 else 1)
    assert [copies_held(p, n) for n in range(4)] == [1, 1, 1, 2 if p > 1 else 1]


def test_every_schedule_can_be_chosen() -> None:
    assert set(CHOICES["schedule"] or ()) == set(SCHEDULES)
    bubbles = {name: plan(LLAMA, schedule=name).value("pipeline_bubble") for name in SCHEDULES}
    assert bubbles["zero_bubble"] == pytest.approx(bubbles["1f1b"] / 3)
    assert bubbles["zero_bubble_v"] == pytest.approx(0, abs=1e-9)
    assert bubbles["interleaved"] == plan(LLAMA).value("pipeline_bubble")
    chosen = plan(LLAMA, schedule="zero_bubble")
    assert chosen.value("virtual_stages") == 1
    assert chosen.expanded.chosen["schedule"] == "zero_bubble"
    assert "Qi et al. 2023" in chosen.nodes["zero_bubble"].source


def test_the_two_copies_of_dualpipe_take_memory() -> None:
    asked = LLAMA | {"layout": "tp=8,pp=16,cp=1,zero=1,recompute=2"}
    one, two = plan(asked, schedule="zero_bubble_v"), plan(asked, schedule="dualpipe")
    weights = 405.85e9 / 128 * (2 + 4)
    more = two.value("memory_per_accelerator") - one.value("memory_per_accelerator")
    assert weights < more < 1.2 * weights


@pytest.mark.parametrize(("schedule", "parts"), [("1f1b", 8), ("zero_bubble", 2), ("interleaved", 1)])
def test_a_schedule_has_its_virtual_stages(schedule: str, parts: int) -> None:
    with pytest.raises(UserError, match="virtual"):
        plan(LLAMA | {"layout": f"tp=8,pp=16,vp={parts}"}, schedule=schedule)
