"""`aiplan models`: shapes counted exactly, rumours marked, a config.json read as a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiplan.catalog import Catalog
from tests.cli.helpers import aiplan

CATALOG = Catalog()
CONFIGS = Path(__file__).parents[1] / "data/configs"


def test_the_list() -> None:
    out = aiplan("models", "list").out
    rows = {line.split()[0]: line.split() for line in out.splitlines()[1:]}
    assert list(rows) == CATALOG.ids("model")
    assert rows["deepseek-v3"][2:] == ["671", "B", "37.6", "B"]
    assert rows["gpt-4"][-1] == "rumour"
    assert max(len(line) for line in out.splitlines()) <= 100
    meta = aiplan("models", "list", "--vendor", "meta", "--json").json
    assert {entry["vendor"] for entry in meta} == {"meta"}
    assert aiplan("models", "list", "--vendor", "meat").err.rstrip().endswith("nearest: meta")


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("llama-3-8b", "llama-3-8b: 8.03 B parameters; the shape counts 8,030,261,248."),
        ("llama3.1-405b", "llama-3.1-405b: 406 B parameters; the shape counts 405,853,388,800."),
        (
            "DeepSeekV3",
            "deepseek-v3: 671 B parameters; the shape counts 671,026,419,200, 37,552,297,472 of them active.",
        ),
        ("gpt-4", "gpt-4: 1.80 T parameters, by rumour."),
        ("chinchilla", "chinchilla-70b: 70.0 B parameters; the shape counts 64,687,972,352."),
    ],
)  # fmt: skip
def test_show_counts_exactly(name: str, headline: str) -> None:
    result = aiplan("models", "show", name, "--json").json
    assert result["schema"] == "aiplan.result/1"
    assert result["headline"] == headline


@pytest.mark.parametrize("name", ["llama-3-8b", "deepseek-v3", "mixtral-8x7b", "qwen3-30b-a3b"])
def test_a_config_is_shown_as_its_entry_is(name: str) -> None:
    file, entry = (
        aiplan("models", "show", str(CONFIGS / f"{name}.json"), "--json"),
        aiplan("models", "show", name, "--json"),
    )
    for quantity in "params shape_params shape_active_params layers kv_cache_per_token".split():
        assert file.value(quantity) == entry.value(quantity), quantity
    assert any(source.startswith(f"{name}: ") and f"{name}.json (" in source for source in file.json["sources"])


def test_a_config_is_trained(tmp_path: Path) -> None:
    folder = tmp_path / "my-llama"
    folder.mkdir()
    (folder / "config.json").write_text((CONFIGS / "llama-3-8b.json").read_text())
    for name in (str(folder), str(folder / "config.json")):
        done = aiplan(
            "train", "--model", name, "--tokens", "1T", "--accelerators", "512", "--accelerator", "h100", "--json"
        )
        assert done.code == 0
        assert done.value("params") == done.value("shape_params") == 8_030_261_248
        assert done.json["choices"]["model"] == "my-llama"
    expected = aiplan(
        "train", "--model", "llama-3-8b", "--tokens", "1T", "--accelerators", "512", "--accelerator", "h100", "--json"
    )
    assert done.value("training_days") == expected.value("training_days")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"model_type": "mamba"}', "model_type 'mamba' is not read"),
        ('{"model_type": "llama"}', "hidden_size is missing"),
        ("[" * 100_000, "nested too deep"),
        ('{"hidden_size": ' + "9" * 5000 + "}", "a number of 5000 digits"),
        ('{"vocab_size": NaN}', "NaN is no number of JSON"),
        ("x" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
    ids=lambda text: text[:20],
)
def test_hostile_files_are_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    for command in (("models", "show", str(path)), ("train", "--tokens", "1T", "--model", str(path))):
        done = aiplan(*command)
        assert (done.code, done.out) == (2, "")
        assert says in done.err
        assert done.err.count("\n") == 1


def test_the_supported_architectures_are_listed_where_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "rwkv"}))
    err = aiplan("models", "show", str(tmp_path)).err
    assert "architectures that are: " in err
    assert all(kind in err for kind in ("llama", "qwen3_moe", "deepseek_v3", "gemma3", "gpt_oss", "bloom"))


def test_check(tmp_path: Path) -> None:
    done = aiplan("models", "check")
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith(f"{len(CATALOG.ids('model'))} files, ")
    assert "params is doubtful: the published shape counts 64.7B" in done.out
    path = tmp_path / "mine.yaml"
    text = aiplan("models", "show", "llama-3-8b", "--file").out
    for old, new in (
        ("id: llama-3-8b", "id: mine"),
        ("aliases: [llama3-8b]\n", ""),
        ("params: 8030261248", "params: 9B"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    done = aiplan("models", "check", str(path))
    assert done.code == 1
    assert "params is 9e+09, but the shape counts 8.03026e+09" in done.out
