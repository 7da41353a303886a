"""Hugging Face configurations become shapes that count to the published parameters; anything else is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiplan.catalog import Catalog
from aiplan.errors import UserError
from aiplan.specs.hf_config import read_config, supported
from aiplan.specs.model import count

CONFIGS = Path(__file__).parents[1] / "data/configs"
FILES = sorted(CONFIGS.glob("*.json"), key=lambda path: path.stem)
CATALOG = Catalog()

EXACT = {
    "llama-3-8b": 8_030_261_248,
    "llama-2-7b": 6_738_415_616,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.1-405b": 405_853_388_800,
    "llama-4-scout": 107_769_861_120,
    "llama-4-maverick": 400_711_848_960,
    "mistral-7b": 7_241_732_096,
    "mixtral-8x7b": 46_702_792_704,
    "mixtral-8x22b": 140_620_634_112,
    "deepseek-v3": 671_026_419_200,
    "deepseek-v2-lite": 15_706_484_224,
    "kimi-k2": 1_026_408_232_448,
    "qwen2.5-7b": 7_615_616_512,
    "qwen3-8b": 8_190_735_360,
    "qwen3-30b-a3b": 30_532_122_624,
    "gemma-7b": 8_537_680_896,
    "gemma-2-9b": 9_241_705_984,
    "gemma-3-1b": 999_885_952,
    "gemma-3-4b": 3_880_263_168,
    "gpt-2-124m": 124_439_808,
    "gpt-j-6b": 6_050_882_784,
    "gpt-neox-20b": 20_554_567_680,
    "pythia-6.9b": 6_857_302_016,
    "falcon-7b": 6_921_720_704,
    "falcon-40b": 41_303_293_952,
    "opt-6.7b": 6_658_473_984,
    "bloom-176b": 176_247_271_424,
    "olmo-2-7b": 7_298_617_344,
    "gpt-oss-20b": 20_914_757_184,
    "gpt-oss-120b": 116_829_156_672,
    "starcoder-15.5b": 15_517_456_384,
    "phi-4": 14_659_507_200,
    "smollm3-3b": 3_075_098_624,
}
LLAMA: dict[str, Any] = json.loads((CONFIGS / "llama-3-8b.json").read_text())


def written(folder: Path, raw: Any, name: str = "config.json") -> Path:
    path = folder / name
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw))
    return path


def test_every_file_has_its_count() -> None:
    assert {path.stem for path in FILES} == EXACT.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_exact_counts(path: Path) -> None:
    model = read_config(path)
    assert count(model)[0] == model.params == EXACT[path.stem]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_catalogue_says_the_same(path: Path) -> None:
    ours, read = CATALOG.find("model", path.stem), read_config(path)
    assert read.shape == ours.shape
    assert count(read) == count(ours)


def test_experts_have_active_parameters() -> None:
    assert read_config(CONFIGS / "deepseek-v3.json").active_params == 37_552_297_472
    assert read_config(CONFIGS / "mixtral-8x7b.json").active_params == 12_879_925_248
    assert read_config(CONFIGS / "llama-3-8b.json").active_params is None


def test_a_stretched_context_is_no_training_length() -> None:
    assert read_config(CONFIGS / "llama-3-8b.json").seq_len == 8192
    assert read_config(CONFIGS / "gpt-2-124m.json").seq_len == 1024
    assert read_config(CONFIGS / "llama-3.1-405b.json").seq_len is None


@pytest.mark.parametrize(
    ("name", "window", "layers"),
    [
        ("gemma-2-9b", 4096, 21),
        ("gemma-3-4b", 1024, 29),
        ("gpt-oss-120b", 128, 18),
        ("mistral-7b", 4096, 32),
        ("qwen2.5-7b", 0, 0),
    ],
)
def test_windows(name: str, window: int, layers: int) -> None:
    model = read_config(CONFIGS / f"{name}.json")
    assert (model.sliding_window, model.sliding_layers) == (window, layers)


def test_a_folder_and_a_path_are_models(tmp_path: Path) -> None:
    folder = tmp_path / "Meta Llama (copy)"
    folder.mkdir()
    path = written(folder, LLAMA)
    by_folder, by_path = CATALOG.find("model", str(folder)), CATALOG.find("model", str(path))
    assert by_folder is by_path
    assert by_folder.id == "meta-llama-copy"
    assert CATALOG.find("model", "meta-llama-copy") is by_path  # the id that it gave is known from then on
    assert CATALOG.find("model", "llama-3-8b").id == "llama-3-8b"


def test_a_file_never_hides_an_entry() -> None:
    found = Catalog()
    read = found.find("model", str(CONFIGS / "llama-3-8b.json"))
    assert read.id == "llama-3-8b"
    assert found.find("model", "llama-3-8b").vendor == "meta"
    assert read.vendor == "unknown"


def test_the_longest_list_of_what_is_read() -> None:
    wanted = (
        "llama mistral mixtral qwen2 qwen3 qwen3_moe gemma gemma2 gemma3 deepseek_v2 deepseek_v3 gpt2 gpt_neox".split()
    )
    assert {*wanted, "falcon", "opt", "bloom", "olmo2", "gpt_oss"} <= set(supported())


def changed(**fields: Any) -> dict[str, Any]:
    return {k: v for k, v in (LLAMA | fields).items() if v != "absent"}


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (changed(model_type="lama"), "model_type 'lama' is not read; nearest: llama; architectures that are"),
        (changed(model_type="mamba2"), "model_type 'mamba2' is not read"),
        (changed(model_type="absent"), "there is no model_type; architectures that are"),
        (changed(model_type=7), "model_type is a text, not 7"),
        (changed(hidden_size="absent"), "hidden_size is missing"),
        (changed(hidden_size="4096"), "hidden_size is a whole number, not 4096"),
        (changed(hidden_size=4096.5), "hidden_size is a whole number"),
        (changed(hidden_size=True), "hidden_size is a whole number, not true"),
        (changed(hidden_size=-1), "hidden_size is -1, but must be between 1 and 1,000,000,000"),
        (changed(hidden_size=10**12), "hidden_size is 1000000000000, but must be between"),
        (changed(num_hidden_layers=10**8), "num_hidden_layers is 100000000, but must be between 1 and 10,000"),
        (changed(num_attention_heads=8192), "head_dim: Input should be greater than or equal to 1"),
        (changed(num_key_value_heads=7), "32 attention heads are no multiple of 7 key and value heads"),
        (changed(tie_word_embeddings="no"), "tie_word_embeddings is true or false, not no"),
        (changed(text_config={"hidden_size": []}), "hidden_size is a whole number, not []"),
        (changed(model_type="mistral", sliding_window=9, layer_types={}), "layer_types is a list"),
        (changed(model_type="opt", ffn_dim=9, word_embed_proj_dim=512), "a projected embedding is not read"),
        (changed(model_type="mixtral", num_local_experts=2, num_experts_per_tok=3), "3 experts a token, but there"),
        ([1, 2], "a model's config.json is a map of keys"),
        ("{", "config.json:1:2: not JSON: Expecting property name"),
        ("", "the file is empty"),
        ('{"model_type": NaN}', "NaN is no number of JSON"),
        ('{"hidden_size": -Infinity}', "-Infinity is no number of JSON"),
        ('{"hidden_size": 1e999, "model_type": "llama", "num_attention_heads": 1}', "is a whole number, not Infinity"),
        ('{"hidden_size": ' + "9" * 100_000 + "}", "a number of 100000 digits"),
        ('{"a": 1, "a": 2}', "key 'a' is given twice"),
        ("[" * 100_000 + "]" * 100_000, "nested too deep"),
        ('{"a":' * 20_000 + "1" + "}" * 20_000, "nested too deep"),
        ('{"model_type": "' + "x" * 999_990 + '"}', "larger than 1,000,000 bytes"),
        ('{"model_type": "\x00"}', "NUL byte"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_anything_else_is_one_line(tmp_path: Path, raw: Any, problem: str) -> None:
    path = written(tmp_path, raw)
    with pytest.raises(UserError) as error:
        CATALOG.find("model", str(path))
    text = str(error.value)
    assert problem in text
    assert text.startswith(str(path))
    assert "\n" not in text
    assert len(text) < len(str(path)) + 500
    assert error.value.exit_code == 2


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for name in (str(tmp_path / "config.json"), "x.json", "/dev/null/config.json"):
        with pytest.raises(UserError, match=r"no such file|cannot be read"):
            CATALOG.find("model", name)
    with pytest.raises(UserError, match="there is no model 'some/where' in the catalogue"):
        CATALOG.find("model", "some/where")
    with pytest.raises(UserError, match="accelerators are YAML files; JSON is read for models only"):
        CATALOG.find("accelerator", "chip.json")
    for name in ("/" * 5000, "a/\0", "x" * 300 + "/" + "y" * 300):
        with pytest.raises(UserError):
            CATALOG.find("model", name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FILES), st.data())
def test_any_value_is_read_or_refused(tmp_path: Path, path: Path, data: st.DataObject) -> None:
    raw = json.loads(path.read_text())
    part = raw.get("text_config") or raw
    key = data.draw(st.sampled_from(sorted(part)))
    part[key] = data.draw(JSON)
    file = written(tmp_path, raw)
    try:
        model = read_config(file)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert (model.params or 0) > 0
