"""What a scenario about documents sets by name, beside its quantities."""

from __future__ import annotations

CHOICES: dict[str, tuple[str, ...] | None] = {
    "doc": None,
    "text": None,
    "model": None,
    "output": None,
    "cached": None,
    "batch": ("no", "yes"),
    "as": ("text", "pdf", "image"),
    "tokenizer": None,
    "prices": None,
}
"""Keys of `set` that are no quantities, and what they may be; paths are from the scenario's folder."""

MEANS = {"output": "answer_tokens", "cached": "cached_share"}
"""Keys that stand for a quantity where they vary or are swept."""


def canonical(name: str) -> str:
    """The quantity that a key stands for.

    >>> canonical("output"), canonical("model")
    ('answer_tokens', 'model')
    """
    return MEANS.get(name, name)
