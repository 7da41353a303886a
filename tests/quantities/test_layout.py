"""The search for a layout: published cases, what fits, pins, and the limits of each member."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.graph import GRAPH
from aiplan.quantities.layout import GIVES, Costs
from aiplan.quantities.layout_candidates import OVERHEADS
from aiplan.quantities.schedule import pipeline_bubble
from aiplan.quantities.shape_rules import GIVES as SHAPE

# A chip of the H100's speed; what differs between the cases is memory and domain.
SPEED = {
    "peak_flops": 989.4e12,
    "peak_flops_bf16": 989.4e12,
    "accelerator_memory_bandwidth": 3.35e12,
    "scale_up_bandwidth": 450e9,
    "scale_out_bandwidth": 50e9,
}
ASKS = [*GIVES, "fits", "memory_per_accelerator", "usable_memory", "pipeline_bubble", "micro_batches", *SHAPE]
LLAMA_405B = {
    "layers": 126,
    "d_model": 16384,
    "d_ff": 53248,
    "heads": 128,
    "kv_heads": 8,
    "head_dim": 128,
    "vocab": 128256,
    "tied_embeddings": 0,
    "experts": 0,
    "experts_per_token": 0,
    "shared_experts": 0,
    "d_ff_expert": 0,
    "dense_layers": 0,
    "tokens": 15.6e12,
}


def plan(params: float, accelerators: float, gigabytes: float, domain: float, **more: float) -> dict[str, Any]:
    given_ = {
        "params": params,
        "accelerators": accelerators,
        "accelerator_memory": gigabytes * 1e9,
        "scale_up_domain": domain,
        "tokens": 20 * params,
        "bytes_per_weight": 2,
        "bytes_per_gradient": 4,
        "bytes_per_optimizer_state": 12,
    }
    nodes = GRAPH.resolve(ASKS, SPEED | given_ | more, {"shaped", "invented"})
    return {name: node.value for name, node in nodes.items()}


def test_llama_405b_on_16384_h100() -> None:
    found = plan(405.85e9, 16384, 80, 8, **LLAMA_405B)
    assert found["fits"] == 1
    assert found["memory_per_accelerator"] < 80e9
    assert found["pp"] == 16  # as Llama 3 2024, table 4
    assert found["tp"] in (4, 8)
    assert found["tp"] * found["pp"] * found["cp"] * found["dp"] == 16384


def test_the_real_layout_fits_with_sharded_gradients_or_recomputation() -> None:
    pins = {"tp": 8.0, "pp": 16.0, "cp": 1.0, "virtual_stages": 8.0}
    found = plan(405.85e9, 16384, 80, 8, **LLAMA_405B, **pins)
    assert found["fits"] == 1
    assert found["dp"] == 128
    bare = plan(405.85e9, 16384, 80, 8, **LLAMA_405B, **pins, recompute=0.0)
    assert (bare["zero_stage"], bare["fits"]) == (2, 1)


def test_a_layout_leaves_room_where_one_can() -> None:
    """The search keeps a twentieth free; the only layout that fits may fill the memory."""
    chosen = plan(405.85e9, 16384, 80, 8, **LLAMA_405B)
    assert chosen["memory_per_accelerator"] <= (1 - OVERHEADS.headroom) * chosen["usable_memory"]
    only = plan(1e9, 1, 28, 1)
    assert only["fits"] == 1
    assert only["memory_per_accelerator"] > (1 - OVERHEADS.headroom) * only["usable_memory"]


def test_100t_on_40m_gb200() -> None:
    found = plan(100e12, 40e6, 186, 72)
    assert found["fits"] == 1
    assert found["tp"] == 64
    experts = plan(100e12, 10e6, 186, 72, active_share=0.05)
    assert experts["fits"] == 1
    assert experts["ep"] > 1


@pytest.mark.parametrize(("params", "fits"), [(4, 1), (1e8, 1), (7e9, 0)])
def test_one_card_of_24_gb(params: float, fits: int) -> None:
    found = plan(params, 1, 24, 1)
    assert found["fits"] == fits
    assert found["zero_stage"] == 0
    assert [found[name] for name in ("tp", "pp", "cp", "ep", "dp")] == [1] * 5
    if not fits:  # by how much it is short: 18 B of state per parameter
        assert found["memory_per_accelerator"] > 18 * params
        assert found["recompute"] == 2


def test_a_hopeless_search_comes_as_near_as_it_can() -> None:
    found = plan(100e12, 1000, 186, 72)
    assert found["fits"] == 0
    assert found["zero_stage"] == 3
    assert found["memory_per_accelerator"] == pytest.approx(100e12 * 18 / 1000, rel=0.2)


@settings(max_examples=60, deadline=None)
@given(
    params=st.floats(6.0, 14.0).map(lambda e: 10**e),
    accelerators=st.floats(0.0, 7.0).map(lambda e: float(round(10**e))),
    chip=st.sampled_from([(24.0, 1.0), (80.0, 8.0), (186.0, 72.0)]),
    share=st.sampled_from([1.0, 1.0, 0.3, 0.05]),
)
def test_every_layout_can_be_built(params: float, accelerators: float, chip: tuple[float, float], share: float) -> None:
    found = plan(params, accelerators, *chip, active_share=share)
    tp, pp, cp, ep, dp = (found[name] for name in ("tp", "pp", "cp", "ep", "dp"))
    assert tp * pp * cp * dp <= accelerators
    assert tp <= chip[1]
    assert found["heads"] % tp == 0
    assert pp <= found["layers"]
    assert max(found["experts"], 1) % ep == 0
    assert ep <= tp * cp * dp
    assert all(found[name] == math.floor(found[name]) for name in GIVES)
    assert found["fits"] == (found["memory_per_accelerator"] <= found["usable_memory"])
    assert found["virtual_stages"] * pp <= found["layers"] + pp


@settings(max_examples=25, deadline=None)
@given(params=st.floats(9.0, 12.0).map(lambda e: 10**e), count=st.integers(0, 12).map(lambda i: 8.0 * 2**i))
def test_twice_the_accelerators_never_stop_a_model_from_fitting(params: float, count: float) -> None:
    if plan(params, count, 80, 8)["fits"]:
        assert plan(params, 2 * count, 80, 8)["fits"]


@pytest.mark.parametrize(
    "pins",
    [{"tp": 2.0}, {"pp": 4.0, "recompute": 2.0}, {"zero_stage": 3.0}, {"dp": 4.0}, {"micro_batch": 2.0, "cp": 2.0}],
    ids=str,
)
def test_pins_are_respected(pins: dict[str, float]) -> None:
    found = plan(8e9, 64, 80, 8, **pins)
    assert {name: found[name] for name in pins} == pins
    assert found["fits"] == 1


def test_pins_that_need_more_accelerators_say_so() -> None:
    nodes = GRAPH.resolve(
        ["fits"],
        SPEED
        | {
            "params": 8e9,
            "accelerators": 8,
            "accelerator_memory": 80e9,
            "scale_up_domain": 8,
            "tokens": 1e11,
            "bytes_per_weight": 2,
            "bytes_per_gradient": 4,
            "bytes_per_optimizer_state": 12,
            "tp": 8.0,
            "pp": 4.0,
        },
        {"shaped", "invented"},
    )
    assert nodes["fits"].value is None
    assert nodes["fits"].why_null == "no layout of 8 accelerators has tp=8, pp=4"


def test_without_a_shape_copies_are_whole() -> None:
    given_ = {
        "params": 3e9,
        "accelerators": 16,
        "accelerator_memory": 24e9,
        "bytes_per_weight": 2,
        "bytes_per_gradient": 4,
        "bytes_per_optimizer_state": 12,
    }
    nodes = GRAPH.resolve([*GIVES, "fits"], given_, {"no_shape"})
    assert nodes["dp"].value == 16
    assert nodes["zero_stage"].value == 1  # 18 B does not fit, 6 + 12 / 16 does
    assert nodes["fits"].value == 1


@given(p=st.integers(1, 64), v=st.integers(1, 8), m=st.floats(1, 4096))
def test_bubble_is_continuous_and_falls_with_micro_batches(p: int, v: int, m: float) -> None:
    bubble = pipeline_bubble(p, v, m, 0, 1 / 3)
    assert bubble >= pipeline_bubble(p, v, m * 1.1, 0, 1 / 3) - 1e-12
    if m >= p:
        assert bubble == pytest.approx((p - 1) / (v * m))
    if m == 1:
        assert 1 + bubble == pytest.approx(p)


def test_the_search_times_few_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = SPEED | {
        "params": 1e12,
        "accelerators": 50_000,
        "accelerator_memory": 80e9,
        "scale_up_domain": 8,
        "tokens": 2e13,
        "bytes_per_weight": 2,
        "bytes_per_gradient": 4,
        "bytes_per_optimizer_state": 12,
    }
    order = GRAPH.order(["fits"], given_, {"shaped", "invented"})
    asked = {"bytes": 0, "seconds": 0}
    for name in asked:
        whole = getattr(Costs, name)

        def counted(self: Costs, name: str = name, whole: Any = whole) -> Any:
            asked[name] += 1
            return whole(self)

        monkeypatch.setattr(Costs, name, counted)
    order.evaluate(given_)
    assert 0 < asked["seconds"] < 700
    assert asked["bytes"] < 1500
