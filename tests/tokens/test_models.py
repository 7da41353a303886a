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
