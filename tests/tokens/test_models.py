"""Models: families, windows, prices of today and of retired models."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest

from aiplan.errors import UserError
from aiplan.tokens import vision
from aiplan.tokens.models import Registry


@cache
def registry() -> Registry:
    """The shipped one."""
    return Registry()


@pytest.mark.parametrize(
    ("name", "input_", "output"),
    [
        ("claude-3-sonnet", 3.0, 15.0),
        ("claude-3-haiku", 0.25, 1.25),
        ("claude-3-opus", 15.0, 75.0),
        ("claude-3.5-sonnet", 3.0, 15.0),
        ("gpt-4o", 2.5, 10.0),
        ("gpt-4o-2024-05-13", 5.0, 15.0),
        ("gpt-4o-mini", 0.15, 0.6),
        ("gemini-1.5-pro", 1.25, 5.0),
    ],
)
def test_prices_per_million(name: str, input_: float, output: float) -> None:
    price = registry().find(name).price(10_000, 1000)
    assert price.input == pytest.approx(input_ / 100)
    assert price.output == pytest.approx(output / 1000)


@pytest.mark.parametrize(
    ("name", "vocabulary", "picture"),
    [
        ("gpt-4o", "o200k", "openai_tile"),
        ("gpt-4-turbo", "cl100k", "openai_tile"),
        ("gpt-oss-120b", "harmony", ""),
        ("o3", "o200k", "openai_tile_o"),
        ("gpt-5.5", "o200k", "openai_patch_120"),
        ("gpt-6-sol", "unknown", "openai_patch_120"),
        ("claude-2", "claude-2", ""),
        ("claude-sonnet-4-6", "claude-3", "claude_area"),
        ("claude-opus-4-8", "claude-4.7", "claude_patch"),
        ("claude-haiku-5-5", "claude-4.7", "claude_patch"),
        ("gemini-1.5-flash", "gemini-1", "gemini_tile"),
        ("gemini-3.5-flash", "gemma-3", "gemini_flat"),
        ("llama-3.1-405b", "llama-3", ""),
        ("deepseek-chat", "deepseek-3", ""),
        ("mistral-large", "unknown", ""),
        ("mistral-large-2512", "tekken", ""),
        ("pixtral-large", "unknown", ""),
        ("pixtral-12b", "tekken", ""),
        ("grok-4", "unknown", ""),
    ],
)
def test_families(name: str, vocabulary: str, picture: str) -> None:
    model = registry().find(name)
    assert (model.vocabulary, model.picture) == (vocabulary, picture)


def test_every_shown_model_has_a_price_a_window_and_a_known_vocabulary() -> None:
    for name in registry().shown:
        model = registry().find(name)
        assert model.price(1000, 100).total, name
        assert model.window, name
        assert model.vocabulary != "unknown", name


def test_every_picture_rule_counts() -> None:
    for rule in vision.RULES:
        assert vision.picture(rule, 1024, 768) > 0


def test_a_provider_may_be_named() -> None:
    assert registry().find("openrouter/meta-llama/llama-3.1-8b-instruct").provider == "openrouter"
    assert registry().find("anthropic/claude-3-sonnet").provider == "anthropic"
    with pytest.raises(UserError, match="there is no model"):
        registry().find("openai/claude-3-sonnet")


def test_prices_of_another_day() -> None:
    model = registry().find("deepseek-chat")
    old = model.price(1e6, 0, when=datetime(2025, 2, 10, 12, tzinfo=UTC))
    assert old.input is not None
    assert old.input > 0


@pytest.mark.parametrize(
    ("rule", "size", "tokens"),
    [
        ("openai_tile", (2048, 4096), 1105),  # OpenAI's own examples
        ("openai_tile", (1024, 1024), 765),
        ("openai_patch_162", (1800, 2400), 2353),  # 1,452 patches
        ("openai_patch_246", (100, 100), 40),
        ("claude_area", (1092, 1092), 1590),  # Anthropic's own example
        ("claude_area", (200, 200), 54),
        ("claude_patch", (1920, 1080), 2691),
        ("openai_patch_120", (1024, 1024), 1229),
        ("gemini_tile", (300, 384), 258),
        ("gemini_tile", (960, 540), 516),
    ],
)
def test_pictures_by_hand(rule: str, size: tuple[int, int], tokens: int) -> None:
    assert vision.picture(rule, *size) == vision.picture(rule, *reversed(size)) == tokens


def test_a_huge_picture_never_has_more_patches_than_the_most() -> None:
    for size in ((8000, 6000), (40_000, 40), (33, 100_000), (1, 1), (1216, 1312)):
        assert 1 <= vision.openai_patch(*size, factor=1.0) <= 1536


def test_a_page_of_a_pdf_costs_what_was_published() -> None:
    assert vision.page_as_pdf("claude_patch", vision.DEFAULT_PAGE) == (1600, True)
    assert vision.page_as_pdf("gemini_flat", vision.DEFAULT_PAGE) == (560, False)


def test_sound_is_for_models_that_hear() -> None:
    hears = vision.stream("audio", "openai", "gpt-4o-audio-preview")
    assert hears is not None
    assert hears.error > 0
    assert vision.stream("audio", "openai", "gpt-4o") is None
    assert vision.stream("audio", "anthropic", "claude-3-opus") is None


def test_part_of_the_window_may_be_for_the_answer_alone() -> None:
    assert registry().find("gpt-5").answer_window == 128_000
    assert registry().find("gpt-5.1").answer_window == 128_000
    assert registry().find("gpt-4.1-mini").answer_window == 0
    assert registry().find("gpt-5.3").answer_window == 0  # a window of 128,000 has no room for it


def test_case_does_not_matter_and_a_longer_name_is_nearest() -> None:
    model = registry().find("GPT-4o")
    assert (model.name, model.reading_speed) == ("gpt-4o", 16_400)
    with pytest.raises(UserError, match="nearest: gpt-6-sol"):
        registry().find("gpt-6")


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [
        ("deepseek-r1-distill-llama-70b", "llama-3"),
        ("deepseek-r1-distill-qwen-32b", "qwen-3"),
        ("deepseek-coder-v2", "unknown"),
        ("deepseek-r1", "deepseek-3"),
        ("phi-4-mini-instruct", "unknown"),
        ("phi-4", "phi-4"),
        ("mistral-small-2402", "unknown"),
        ("mistral-small-2603", "tekken"),
    ],
)
def test_a_name_is_not_enough_for_a_vocabulary(name: str, vocabulary: str) -> None:
    assert Registry()._family(name)["vocabulary"] == vocabulary
