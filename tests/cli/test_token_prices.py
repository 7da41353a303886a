"""`aiplan tokens`: prices, windows and models, listed and one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan

ROOT = Path(__file__).parents[2]
MISS = "You miss 100% of the shots you don't take"


def test_claude_3_sonnet_reads_5000_tokens_for_a_cent_and_a_half() -> None:
    done = aiplan("tokens", "--set", "document_tokens=5000", "--model", "claude-3-sonnet", "--json")
    assert done.value("cost") == pytest.approx(0.015)
    again = aiplan("tokens", "--set", "document_tokens=5000", "--model", "claude-3-sonnet-20240229", "--json")
    assert again.value("cost") == pytest.approx(0.015)


@pytest.mark.parametrize(("name", "near"), [("gtp-4o", "gpt-4o"), ("claude-3-sonnet-xyz", "claude-3-sonnet")])
def test_an_unknown_model_is_an_error_with_the_nearest(name: str, near: str) -> None:
    done = aiplan("tokens", "--text", "x", "--model", name)
    assert done.code == 2
    assert near in done.err
    assert done.err.count("\n") == 1


def test_an_unknown_price_is_unknown_and_last(tmp_path: Path) -> None:
    prices = tmp_path / "p.yaml"
    prices.write_text("models:\n  house-model: {window: 32k, vocabulary: o200k}\n")
    done = aiplan("tokens", "--text", MISS, "--prices", str(prices), "--json")
    last = done.json["models"][-1]
    assert (last["model"], last["cost"], last["context_window"]) == ("house-model", None, 32_000)
    assert "--prices" in last["why_null"]
    assert "unknown" in aiplan("tokens", "--text", MISS, "--prices", str(prices)).out


def test_own_prices_go_over_the_list(tmp_path: Path) -> None:
    prices = tmp_path / "p.yaml"
    prices.write_text("models:\n  gpt-4o: {input: $1/M tokens, output: $2/M tokens, cached: $0.1/M tokens}\n")
    one = aiplan("tokens", "--set", "document_tokens=1M", "--prices", str(prices), "-m", "gpt-4o", "--json")
    assert one.value("cost") == pytest.approx(1.0)
    half = aiplan(
        "tokens", "--set", "document_tokens=1M", "--prices", str(prices), "-m", "gpt-4o", "--cached", "50%", "--json"
    )
    assert half.value("cost") == pytest.approx(0.55)


@pytest.mark.parametrize(
    "content",
    [
        "models: 3",
        "models: {a: {inputs: $1/M tokens}}",
        "models: {a: {input: 3}}",
        "models: {a: {input: -$1/M tokens}}",
    ],
)
def test_wrong_own_prices_are_errors(tmp_path: Path, content: str) -> None:
    (tmp_path / "p.yaml").write_text(content)
    done = aiplan("tokens", "--text", "x", "--prices", str(tmp_path / "p.yaml"))
    assert done.code == 2
    assert done.err.count("\n") == 1


def test_batch_and_cache_prices() -> None:
    def cost(*more: str) -> float:
        return aiplan("tokens", "--set", "document_tokens=100k", "-m", "gpt-4o", "--json", *more).value("cost")

    assert cost() == pytest.approx(0.25)
    assert cost("--batch") == pytest.approx(0.125)
    assert cost("--cached", "80%") == pytest.approx(0.25 * 0.2 + 0.125 * 0.8)
    assert cost("--output", "10%") == pytest.approx(0.25 + 0.1)


def test_prices_rise_with_the_length_of_the_prompt() -> None:
    def cost(tokens: str) -> float:
        return aiplan("tokens", "--set", f"document_tokens={tokens}", "-m", "gemini-1.5-pro", "--json").value("cost")

    assert cost("100k") == pytest.approx(0.125)
    assert cost("200k") == pytest.approx(0.5)


def test_the_models_can_be_listed() -> None:
    done = aiplan("tokens", "--list-models", "--json")
    known = {row["model"]: row for row in done.json}
    assert known["claude-3-sonnet"]["input"] == pytest.approx(3e-6)
    assert len(known) > 100
    assert "gpt-4o" in aiplan("tokens", "--list-models").out


def test_a_price_that_is_not_used_is_still_the_price() -> None:
    done = aiplan("tokens", "--text", MISS, "-m", "gpt-4o", "--json")
    assert done.value("output_cost") == 0
    assert done.value("price_per_output_token") == pytest.approx(1e-5)
    for question in (("--text", MISS), ("--set", "document_tokens=12")):
        embedding = aiplan("tokens", *question, "-m", "text-embedding-3-small", "--json")
        assert embedding.value("cost") == pytest.approx(12 * 2e-8)
        assert embedding.value("price_per_output_token") is None
    empty = aiplan("tokens", "--text", "", "-m", "gpt-4o", "--json")
    assert empty.value("document_tokens") == 0
    assert empty.value("price_per_input_token") == pytest.approx(2.5e-6)


def test_whose_price_it_is_and_of_which_day(tmp_path: Path) -> None:
    listed = aiplan("tokens", "--text", MISS, "-m", "gpt-4o", "--json").json["choices"]
    assert listed["price_source"].endswith(", openai")
    assert listed["price_as_of"] >= "2026-10-14"
    assert f"checked {listed['price_as_of']}" in aiplan("tokens", "--text", MISS, "-m", "gpt-4o").out
    assert "does not say when" in aiplan("tokens", "--text", MISS, "-m", "claude-3-sonnet").out
    (tmp_path / "p.yaml").write_text("models:\n  gpt-4o: {input: $1/M tokens, output: $2/M tokens}\n")
    own = aiplan("tokens", "--text", MISS, "-m", "gpt-4o", "--prices", str(tmp_path / "p.yaml"))
    assert "Price: your own price." in own.out


def test_a_share_that_is_cached_is_a_quantity() -> None:
    def result(*more: str) -> dict:
        return aiplan("tokens", "--set", "document_tokens=100k", "-m", "gpt-4o", "--json", *more).json["quantities"]

    flag, pinned = result("--cached", "80%"), result("--set", "cached_share=80%")
    for found in (flag, pinned):
        assert found["cached_share"]["value"] == pytest.approx(0.8)
        assert found["price_per_cached_token"]["value"] == pytest.approx(1.25e-6)
        assert found["price_per_input_token"]["value"] == pytest.approx(1.5e-6)
        assert found["cost"]["value"] == pytest.approx(0.15)
    assert "cached_share" not in result()


def test_a_price_of_a_part_of_a_token_is_the_listed_one() -> None:
    done = aiplan("tokens", "--set", "document_tokens=1000.4", "-m", "gpt-4o", "--json")
    assert done.value("price_per_input_token") == pytest.approx(2.5e-6, rel=1e-12)


def test_gpt_5_takes_no_prompt_of_the_whole_window(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 300_000)
    done = aiplan("tokens", str(tmp_path / "long.txt"), "--json", "-m", "gpt-5")
    assert done.value("context_share") == pytest.approx(300_001 / 272_000)
    assert done.value("fits_context") == 0
    table = aiplan("tokens", str(tmp_path / "long.txt"), "--json").json
    assert "cheapest that fits: gemini-2.5-flash" in table["headline"]


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("vocabulary: lama3", "nearest: llama-3"),
        ("picture: tiles", "picture"),
        ("input: 2", "yaml: house.input"),
    ],
)
def test_mistakes_in_own_prices_are_said(tmp_path: Path, own: str, words: str) -> None:
    (tmp_path / "prices.yaml").write_text(f"models: {{house: {{{own}}}}}")
    done = aiplan("tokens", "--text", "x", "-m", "house", "--prices", str(tmp_path / "prices.yaml"))
    assert done.code == 2
    assert words in done.err


def test_the_models_can_be_listed_in_each_format() -> None:
    csv, md, jsonl, yaml = (
        aiplan("tokens", "--list-models", "-f", form).out for form in ("csv", "md", "jsonl", "yaml")
    )
    assert csv.startswith("model,provider,")
    assert md.startswith("| model | provider |")
    assert all(json.loads(line)["model"] for line in jsonl.splitlines())
    assert yaml.startswith("- model: ")
    assert len(csv.splitlines()) - 1 == len(md.splitlines()) - 2 == len(jsonl.splitlines())


def test_a_model_that_is_named_twice_is_one(tmp_path: Path) -> None:
    assert aiplan("tokens", "--text", "x", "-m", "gpt-4o", "-m", "GPT-4o", "--json").value("cost") > 0


def test_own_prices_without_those_of_batches_say_which_lack(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("models: {house: {input: $1/M tokens, vocabulary: o200k}}")
    done = aiplan("tokens", "--text", "x", "-m", "house", "--prices", str(tmp_path / "p.yaml"), "--batch", "--json")
    assert done.json["quantities"]["cost"]["why_null"] == "your prices of house lack batch_input"
