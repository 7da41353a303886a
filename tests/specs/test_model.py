"""Published shapes count to the parameters that their makers state."""

from __future__ import annotations

import pytest

from aiplan.catalog import Catalog
from aiplan.errors import UserError
from aiplan.quantities.architecture import SHAPE, count_params
from aiplan.specs.model import OPTIONAL, REQUIRED, Model, count, doubts, expand_model

CATALOG = Catalog()

# As their makers, or the files of their weights, state them.
EXACT = {
    "gpt-2-124m": 124_439_808,
    "gpt-2-355m": 354_823_168,
    "gpt-2-774m": 774_030_080,
    "gpt-2-1.5b": 1_557_611_200,
    "gpt-3-175b": 174_604_259_328,
    "gpt-j-6b": 6_050_882_784,
    "gpt-neox-20b": 20_554_567_680,
    "gpt-oss-20b": 20_914_757_184,
    "gpt-oss-120b": 116_829_156_672,
    "bloom-176b": 176_247_271_424,
    "opt-6.7b": 6_658_473_984,
    "pythia-1b": 1_011_781_632,
    "pythia-12b": 11_846_072_320,
    "llama-7b": 6_738_415_616,
    "llama-33b": 32_528_943_616,
    "llama-65b": 65_285_660_672,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-34b": 33_743_970_304,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "mistral-7b": 7_241_732_096,
    "mixtral-8x7b": 46_702_792_704,
    "mixtral-8x22b": 140_620_634_112,
    "mistral-large-2": 122_610_069_504,
    "deepseek-v2": 235_741_434_880,
    "deepseek-v2-lite": 15_706_484_224,
    "deepseek-v3": 671_026_419_200,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-72b": 72_706_203_648,
    "qwen2-72b": 72_706_203_648,
    "qwen3-8b": 8_190_735_360,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
    "gemma-2b": 2_506_172_416,
    "gemma-7b": 8_537_680_896,
    "gemma-2-2b": 2_614_341_888,
    "gemma-2-9b": 9_241_705_984,
    "gemma-2-27b": 27_227_128_320,
    "gemma-3-1b": 999_885_952,
    "falcon-7b": 6_921_720_704,
    "mpt-70b": 64_862_437_376,
    "dbrx": 131_596_523_520,
    "phi-3-mini": 3_821_079_552,
    "smollm3-3b": 3_075_098_624,
    "starcoder-15.5b": 15_517_456_384,
}
# Shapes that do not count to what is published; each says why under `doubtful`.
SHORT = {"chinchilla-70b": 0.924, "gopher-280b": 0.922}
# Makers that leave the input embedding out of the active parameters.
ACTIVE = {"gpt-oss-120b": 1.113, "gpt-oss-20b": 1.160}


@pytest.mark.parametrize("name", EXACT)
def test_exact_counts(name: str) -> None:
    spec = CATALOG.find("model", name)
    assert count(spec)[0] == EXACT[name]
    assert spec.params == EXACT[name]
    assert count_params(**spec.shape).total == EXACT[name]


def test_what_no_formula_counts_is_small_and_explained() -> None:
    for name in CATALOG.ids("model"):
        spec = CATALOG.find("model", name)
        if spec.other_params:
            assert "other parameters" in spec.notes
            assert spec.other_params < 1e-4 * count(spec)[0]


def test_deepseek_v3_active() -> None:
    assert count(CATALOG.find("model", "deepseek-v3"))[1] == 37_552_297_472


@pytest.mark.parametrize("name", CATALOG.ids("model"))
def test_every_shape_is_near_what_is_published(name: str) -> None:
    spec = CATALOG.find("model", name)
    if not spec.shape:
        assert spec.rumour
        return
    total, active = count(spec)
    assert total / (spec.params or total) == pytest.approx(SHORT.get(name, 1.0), rel=0.014)
    if spec.experts:
        assert active / (spec.active_params or active) == pytest.approx(ACTIVE.get(name, 1.0), rel=0.022)
    for field in {"params"} if name in SHORT else {"active_params"} if name in ACTIVE else set():
        assert field in spec.doubtful


def test_the_list_is_long_and_a_rumour_is_marked() -> None:
    names = CATALOG.ids("model")
    assert len(names) >= 100
    assert [name for name in names if CATALOG.find("model", name).rumour] == ["gpt-4"]
    wanted = (
        "gpt-2-1.5b gpt-3-175b palm-540b chinchilla-70b bloom-176b llama-65b llama-2-70b llama-3-8b llama-3.1-405b "
    )
    wanted += "llama-3.2-1b llama-4-scout llama-4-maverick mistral-7b mixtral-8x7b deepseek-v2 deepseek-v3 qwen2.5-72b "
    wanted += "qwen3-32b gemma-2-9b gemma-3-12b falcon-180b opt-175b nemotron-4-340b olmo-2-7b kimi-k2 gpt-oss-20b"
    assert set(wanted.split()) <= set(names)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("GPT OSS 120B", "gpt-oss-120b"),
        ("llama3.1-405b", "llama-3.1-405b"),
        ("LLAMA3_70B", "llama-3-70b"),
        ("DeepSeekV3 (w/o MTP)", "deepseek-v3"),
        ("Qwen3_235B_a22B (tokendrop)", "qwen3-235b-a22b"),
        ("Llama4-Maverick-17B-128E", "llama-4-maverick"),
        ("Gemma3-12B", "gemma-3-12b"),
        ("GPT-2-124M", "gpt-2-124m"),
        ("gpt3-175b", "gpt-3-175b"),
        ("GPT-530B", "mt-nlg-530b"),
        ("MPT-7b", "mpt-7b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek-v3"),
        ("mistralai/Mixtral-8x7B-v0.1", "mixtral-8x7b"),
        ("Minerva (540B)", "palm-540b"),
    ],
)
def test_usual_spellings(name: str, entry: str) -> None:
    assert CATALOG.id_of("model", name) == entry


@pytest.mark.parametrize("name", ["BLOOM-candidate-176B", "llama3-70b-truncated-12L", "GPT h2048 l24", "BERT-Large"])
def test_shapes_of_a_benchmark_alone_are_no_published_model(name: str) -> None:
    with pytest.raises(UserError, match="there is no model"):
        CATALOG.id_of("model", name)


def test_one_norm_over_all_heads() -> None:
    olmo = CATALOG.find("model", "olmo-2-32b")
    assert olmo.shape["qk_norm"] == (40 + 8) / 2
    assert CATALOG.find("model", "qwen3-32b").shape["qk_norm"] == 1


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
