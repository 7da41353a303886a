"""Invented shapes: they count what was asked, whole numbers, and pins are kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.graph import NoValue
from aiplan.quantities.architecture import count_params
from aiplan.quantities.shape_rules import GIVES, invent_shape


def shape(params: float, share: float = 1.0, gated: float = 1.0, **pinned: float) -> dict[str, float]:
    return dict(zip(GIVES, invent_shape(params, params * share, gated, pinned=pinned), strict=True))


@settings(max_examples=300, deadline=None)
@given(exponent=st.floats(6.0, 15.0), gated=st.sampled_from([0.0, 1.0]))
def test_dense_shapes_count_the_parameters(exponent: float, gated: float) -> None:
    params = 10**exponent
    made = shape(params, gated=gated)
    counted = count_params(**made, gated_mlp=gated)
    assert counted.total == pytest.approx(params, rel=0.02)
    assert counted.active == counted.total
    assert all(value == int(value) for value in made.values())
    assert made["heads"] % made["kv_heads"] == 0
    assert made["heads"] * made["head_dim"] == made["d_model"]
    assert 1.5 < made["d_ff"] / made["d_model"] < 9


@settings(max_examples=300, deadline=None)
@given(exponent=st.floats(9.0, 15.0), share=st.floats(0.01, 0.95))
def test_expert_shapes_count_total_and_active(exponent: float, share: float) -> None:
    params = 10**exponent
    made = shape(params, share)
    counted = count_params(**made)
    assert counted.total == pytest.approx(params, rel=0.02)
    assert counted.active == pytest.approx(params * share, rel=0.10)
    assert made["experts"] > made["experts_per_token"] >= 1
    assert made["shared_experts"] == 1


def test_known_sizes_look_like_the_published_models() -> None:
    assert shape(8.03e9)["d_model"] == 4096
    assert shape(8.03e9)["layers"] == 32
    assert shape(405e9)["d_model"] == 16384
    assert shape(405e9)["layers"] == pytest.approx(126, abs=8)
    kimi = shape(1.04e12, 32e9 / 1.04e12)  # Kimi K2: 61 layers, 7168 wide, 384 experts of 2048
    assert kimi["d_model"] == 7168
    assert kimi["experts"] == 384
    assert kimi["d_ff_expert"] == pytest.approx(2048, rel=0.2)


def test_100t_is_not_deeper_than_twice_levine() -> None:
    made = shape(100e12)
    assert 250 <= made["layers"] <= 280
    assert made["heads"] % 64 == 0
    experts = shape(100e12, 0.05)
    assert 128 <= experts["experts"] <= 2048
    assert experts["experts_per_token"] == 8
    assert 0.25 <= experts["d_ff_expert"] / experts["d_model"] <= 0.35


def test_small_models_tie_and_shrink_their_vocabulary() -> None:
    assert shape(8e9)["tied_embeddings"] == 0
    assert shape(1e9)["tied_embeddings"] == 1
    assert shape(1e9)["vocab"] == 128_256
    small = shape(1e6)
    assert small["vocab"] * small["d_model"] <= 0.4e6
    assert shape(1e8)["vocab"] < 128_256


@pytest.mark.parametrize(
    "pinned",
    [
        {"layers": 40},
        {"d_model": 5120},
        {"layers": 48, "d_model": 4096},
        {"vocab": 32000},
        {"heads": 64, "head_dim": 64},
    ],
    ids=str,
)
def test_pinned_parts_are_kept_and_the_rest_follows(pinned: dict[str, float]) -> None:
    made = shape(10e9, **pinned)
    assert {name: made[name] for name in pinned} == pinned
    assert count_params(**made).total == pytest.approx(10e9, rel=0.02)


def test_pinned_experts_are_kept() -> None:
    made = shape(50e9, 0.3, experts=16.0, experts_per_token=4.0)
    assert (made["experts"], made["experts_per_token"]) == (16, 4)
    assert count_params(**made).total == pytest.approx(50e9, rel=0.02)


def test_tiny_and_impossible() -> None:
    assert count_params(**shape(4)).total >= 4
    assert min(shape(4)[name] for name in ("layers", "d_model", "heads", "vocab")) == 1
    with pytest.raises(NoValue, match="no transformer has 0 parameters"):
        shape(0.0)
