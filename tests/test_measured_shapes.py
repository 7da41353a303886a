"""What a measured row states of experts, the schedule and its software."""

from __future__ import annotations

import pytest

from aiplan.catalog import Catalog
from aiplan.measured_chips import Refused
from aiplan.measured_shapes import case_of
from aiplan.measured_stacks import traits_of

ROW = {
    "model": "mine", "hardware": "h100", "n_chips": "8", "precision": "bf16", "n_layers": "12", "d_model": "1024",
    "d_ff": "1408", "n_heads": "16", "vocab": "32000", "params_total": "946562048", "params_active": "219898880",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


def test_experts_that_a_row_states_are_not_made_up(catalog: Catalog) -> None:
    stated = case_of({**ROW, "experts": "16", "experts_per_token": "2", "d_ff_expert": "1408"}, catalog)
    assert not stated.invented
    assert [stated.given[name] for name in ("experts", "experts_per_token", "d_ff_expert")] == [16.0, 2.0, 1408.0]
    assert stated.routed
    assert case_of(ROW, catalog).invented
    assert case_of({**ROW, "experts": "16"}, catalog).invented


def test_the_schedule_that_a_row_names(catalog: Catalog) -> None:
    given = case_of({**ROW, "schedule": "DualPipe", "tp": "1", "pp": "4", "dp": "2"}, catalog).given
    assert given["zero_bubble"] == 3.0
    assert given["virtual_stages"] == 2.0
    assert "zero_bubble" not in case_of(ROW, catalog).given
    with pytest.raises(Refused, match="schedule 'dualpie' is not one of"):
        case_of({**ROW, "schedule": "dualpie"}, catalog)


@pytest.mark.parametrize(
    ("model", "precision", "framework", "graphed"),
    [
        ("DeepSeekV3", "MXFP8", "Megatron-Bridge", 1.0),
        ("Qwen3_30B_a3B", "FP8-MX", "Megatron-Bridge", 1.0),
        ("Qwen3_30B_a3B", "FP8-CS", "Megatron-Bridge", 0.0),
        ("GPT OSS 120B", "MXFP8", "Megatron-Bridge", 0.0),
        ("DeepSeekV3", "MXFP8", "torchtitan", 0.0),
    ],
)
def test_who_runs_a_step_as_one_graph(model: str, precision: str, framework: str, graphed: float) -> None:
    assert traits_of({"model": model, "precision": precision, "framework": framework})["block_scaled"] == graphed


def test_a_grouped_product_is_one_launch_in_pytorch() -> None:
    assert traits_of({"framework": "PyTorch 2.11 eager"})["host_product_time"] == 0.0
    assert "host_product_time" not in traits_of({"framework": "Megatron-Bridge"})
