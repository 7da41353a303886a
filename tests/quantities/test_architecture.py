"""Exact parameter counts: vectors, published models, and the formulas on arrays."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.graph import GRAPH, NoValue
from aiplan.quantities import activations, architecture, flops, layout, memory, shape_rules
from aiplan.quantities.architecture import OPTIONAL, REQUIRED, SHAPE, count_params

DATA = Path(__file__).parents[1] / "data" / "vectors-architecture.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
SHORT = {
    "Lr": "layers",
    "d": "d_model",
    "nh": "heads",
    "nkv": "kv_heads",
    "dh": "head_dim",
    "dff": "d_ff",
    "V": "vocab",
}
GPT3 = {
    "tied_embeddings": 1,
    "gated_mlp": 0,
    "norm_bias": 1,
    "qkv_bias": 1,
    "attention_output_bias": 1,
    "mlp_bias": 1,
    "learned_positions": 2048,
}
DEEPSEEK_V3 = {
    "layers": 61,
    "d_model": 7168,
    "d_ff": 18432,
    "heads": 128,
    "kv_heads": 128,
    "head_dim": 128,
    "vocab": 129280,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "experts": 256,
    "experts_per_token": 8,
    "shared_experts": 1,
    "d_ff_expert": 2048,
    "dense_layers": 3,
    "router_bias": 1,
}


def shape_of(vector: dict[str, Any]) -> dict[str, float]:
    inputs = vector["inputs"]
    shape = {long: inputs[short] for short, long in SHORT.items()}
    return shape | (GPT3 if inputs.get("tied") else {})


@pytest.mark.parametrize("vector", [v for n, v in VECTORS.items() if n.startswith("params.")], ids=lambda v: v["id"])
def test_counts_are_exact(vector: dict[str, Any]) -> None:
    shape = DEEPSEEK_V3 if vector["id"] == "params.deepseek_v3" else shape_of(vector)
    counted = count_params(**shape)
    seen = {
        "total": counted.total,
        "active": counted.active,
        "matmul_block": counted.matmul,
        "unembed": shape["vocab"] * shape["d_model"],
        "approx_12Ld2": 12 * shape["layers"] * shape["d_model"] ** 2,
    }
    for name, expected in vector["expected"].items():
        assert seen[name] == pytest.approx(expected, rel=vector["rel_tol"]), name


@pytest.mark.parametrize("vector", [v for n, v in VECTORS.items() if n.startswith("levine.d")], ids=lambda v: v["id"])
def test_levine_depth(vector: dict[str, Any]) -> None:
    width, expected = vector["inputs"]["d"], vector["expected"]
    depth = shape_rules.levine_depth(width)
    assert depth == pytest.approx(expected["L"], rel=vector["rel_tol"])
    assert 12 * depth * width**2 == pytest.approx(expected["N_12Ld2"], rel=vector["rel_tol"])


def test_levine_width_of_100t() -> None:
    vector = VECTORS["levine.100T"]
    width = shape_rules.levine_width(vector["inputs"]["N"])
    assert width == pytest.approx(vector["expected"]["d"], rel=vector["rel_tol"])
    assert shape_rules.levine_depth(width) == pytest.approx(vector["expected"]["L"], rel=vector["rel_tol"])


@pytest.mark.parametrize("vector", [v for n, v in VECTORS.items() if n.startswith("shape.")], ids=lambda v: v["id"])
def test_aspect_depth(vector: dict[str, Any]) -> None:
    depth = shape_rules.aspect_depth(vector["inputs"]["N"], vector["inputs"]["aspect"])
    assert depth == pytest.approx(vector["expected"]["L"], rel=vector["rel_tol"])
    assert depth * vector["inputs"]["aspect"] == pytest.approx(vector["expected"]["d"], rel=vector["rel_tol"])


def test_mixtral_and_qwen() -> None:
    """Mixtral 8x7B is published as 46.7B and 12.9B; Qwen2.5 7B, with biases of q, k and v, as 7,615,616,512."""
    mixtral = {
        "layers": 32,
        "d_model": 4096,
        "d_ff": 14336,
        "heads": 32,
        "kv_heads": 8,
        "head_dim": 128,
        "vocab": 32000,
    }
    counted = count_params(**mixtral, experts=8, experts_per_token=2, d_ff_expert=14336)
    assert counted.total == 46_702_792_704
    assert counted.active == 12_879_925_248
    qwen = {
        "layers": 28,
        "d_model": 3584,
        "d_ff": 18944,
        "heads": 28,
        "kv_heads": 4,
        "head_dim": 128,
        "vocab": 152064,
        "qkv_bias": 1,
    }
    assert count_params(**qwen).total == 7_615_616_512


def test_wrong_names_are_refused() -> None:
    with pytest.raises(TypeError, match="lacks d_ff"):
        count_params(layers=1, d_model=1, heads=1, kv_heads=1, head_dim=1, vocab=1)
    with pytest.raises(TypeError, match="width"):
        count_params(**dict.fromkeys(REQUIRED, 1), width=3)


@pytest.mark.parametrize("name", ["params.llama3_8b", "params.gpt3_175b", "params.deepseek_v3"])
def test_the_graph_counts_as_the_function_does(name: str) -> None:
    shape = OPTIONAL | (DEEPSEEK_V3 if name == "params.deepseek_v3" else shape_of(VECTORS[name]))
    nodes = GRAPH.resolve(["shape_params", "shape_active_params", "routed_params"], shape)
    counted = count_params(**shape)
    assert nodes["shape_params"].value == counted.total
    assert nodes["shape_active_params"].value == counted.active
    assert nodes["routed_params"].value == counted.routed


def test_what_a_file_may_leave_out_is_what_the_graph_assumes() -> None:
    for name, value in OPTIONAL.items():
        if GRAPH[name].has_default:
            assert GRAPH[name].default == value, name
        else:
            assert name in shape_rules.GIVES
    assert set(REQUIRED) <= set(shape_rules.GIVES) <= set(SHAPE)


MODULES = {module.__name__ for module in (activations, architecture, flops, layout, memory)}
FORMULAS = {
    formula.name: formula
    for quantity in GRAPH
    for formula in quantity.formulas
    if formula.function.__module__ in MODULES and not formula.search
}


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_formulas_take_arrays_elementwise(name: str, data: st.DataObject) -> None:
    formula = FORMULAS[name]
    value = st.sampled_from([0.0, 1.0, 2.0, 3.0, 8.0, 64.0, 4096.0])
    positive = st.sampled_from([1.0, 2.0, 3.0, 8.0, 64.0, 4096.0])
    may_be_zero = set(OPTIONAL) | {"recompute", "zero_stage", "moe_layers", "routed_params", "unembedding_params"}
    columns = [
        data.draw(st.lists(value if n in may_be_zero else positive, min_size=3, max_size=3)) for n in formula.inputs
    ]
    try:
        one_by_one = [formula.function(*row) for row in zip(*columns, strict=True)]
    except NoValue:
        assert name.endswith("without_shape")
        return
    together = formula.function(*(np.array(column) for column in columns))
    np.testing.assert_allclose(np.broadcast_to(together, 3), one_by_one, rtol=1e-12)


def test_every_formula_is_covered_above() -> None:
    assert len(FORMULAS) > 40
    assert all(inspect.signature(f.function).return_annotation == "float" for f in FORMULAS.values())
