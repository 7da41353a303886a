"""Published shapes count to the parameters that their makers state."""

from __future__ import annotations

import pytest

from aiplan.catalog import Catalog
from aiplan.quantities.architecture import SHAPE, count_params
from aiplan.specs.model import OPTIONAL, REQUIRED, Model, doubts, expand_model

CATALOG = Catalog()

EXACT = {
    "gpt-3-175b": 174_604_259_328,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "mistral-7b": 7_241_732_096,
    "mixtral-8x7b": 46_702_792_704,
    "deepseek-v3": 671_026_419_200,
    "qwen3-30b-a3b": 30_532_122_624,
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_counts(name: str) -> None:
    spec = CATALOG.find("model", name)
    assert count_params(**spec.shape).total == EXACT[name]
    assert spec.params == EXACT[name]


def test_deepseek_v3_active() -> None:
    assert count_params(**CATALOG.find("model", "deepseek-v3").shape).active == 37_552_297_472


@pytest.mark.parametrize("name", CATALOG.ids("model"))
def test_every_shape_is_near_what_is_published(name: str) -> None:
    spec = CATALOG.find("model", name)
    if not spec.shape:
        assert spec.rumour
        return
    counted = count_params(**spec.shape)
    assert spec.params == pytest.approx(counted.total, rel=0.014)
    assert (spec.active_params or counted.active) == pytest.approx(counted.active, rel=0.11)


def test_shape_names_are_the_quantities() -> None:
    assert set(REQUIRED) | set(OPTIONAL) == set(SHAPE)


def test_expanded() -> None:
    out = expand_model(CATALOG.find("model", "deepseek-v3"))
    assert out["params"].value == 671_026_419_200
    assert out["active_params"].value == 37_552_297_472
    assert out["seq_len"].value == 4096
    assert out["router_bias"].value == 1.0
    assert {*REQUIRED, *OPTIONAL} <= out.keys()
    assert all(g.origin == "catalog" and g.source.startswith("deepseek-v3: ") for g in out.values())
    dense = expand_model(CATALOG.find("model", "llama-3-8b"))
    assert "active_params" not in dense


def test_a_rumour_has_no_shape() -> None:
    spec = CATALOG.find("model", "gpt-4")
    out = expand_model(spec)
    assert spec.rumour
    assert set(out) == {"params", "active_params"}
    assert (out["params"].value, out["active_params"].value) == (1.8e12, 280e9)
    assert out["params"].source.endswith("(rumoured)")


def test_params_follow_from_the_shape_where_they_are_not_stated() -> None:
    raw = CATALOG.find("model", "llama-3-8b").model_dump() | {"params": None}
    assert expand_model(Model.model_validate(raw))["params"].value == EXACT["llama-3-8b"]
    nothing = expand_model(Model(id="x", name="X", vendor="v"))
    assert nothing["params"].value is None
    assert nothing["params"].why_null == "x has no published number of parameters in the catalogue"


@pytest.mark.parametrize(
    ("fields", "doubt"),
    [
        ({"params": 9e9}, "but the shape counts"),
        ({"kv_heads": 5}, "not a multiple of kv_heads"),
        ({"layers": None}, "the shape is incomplete: layers unknown"),
        ({"experts": 8}, "but not active_params"),
        ({"experts": 8}, "but not experts_per_token"),
        ({"active_params": 3e9}, "there are no experts"),
        ({"sources": {}}, "sources is empty"),
    ],
)
def test_doubts(fields: dict[str, object], doubt: str) -> None:
    raw = CATALOG.find("model", "llama-3-8b").model_dump()
    assert doubts(Model.model_validate(raw)) == []
    assert any(doubt in line for line in doubts(Model.model_validate(raw | fields)))
