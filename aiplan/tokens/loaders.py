"""The tokenizers that may be installed: which vocabularies each has, and how it is loaded. Imports nothing early.

A loader raises ImportError where its package is missing; what it returns counts texts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CountMany = Callable[[Sequence[str]], list[int]]

PIECE = 4 << 20
"""Characters of a text that are counted at once; more is shared between threads."""

TOKTOK = {
    "o200k": "o200k_base",
    "harmony": "o200k_base",
    "cl100k": "cl100k_base",
    "phi-4": "cl100k_base",
    "qwen-3.5": "qwen3.5",
}
"""Vocabularies in the plain install. Harmony differs from o200k, and Phi-4 from cl100k, in control tokens alone."""
SPLINTR = {
    "o200k": "o200k_base",
    "harmony": "o200k_base",
    "cl100k": "cl100k_base",
    "llama-3": "llama3",
    "deepseek-3": "deepseek_v3",
    "qwen-3": "qwen3",
    "tekken": "mistral_v3",
    "phi-4": "phi4",
}
"""Vocabularies of the extra `vocabularies`."""
LLAMA_MODELS = {"llama-4": ("llama4", "O200K_BASE_PATTERN")}
"""Vocabularies of the extra `llama`: the folder of Meta's package that has the file, and how it cuts words."""
WITHOUT_MARKS = {("toktok", "qwen-3.5")}
"""Engines that cut words at combining marks where the vocabulary's own rule does not: exact for texts without any."""
CTOK = {"claude-3": "3.0", "claude-4.7": "4.8"}
"""Vocabularies of the extra `claude`, on Python 3.12 and later."""


def pieces(text: str, size: int = PIECE) -> list[str]:
    """A long text in pieces that together have as many tokens as the whole.

    It is cut after a line end that a letter or digit follows: no vocabulary of the plain install has a token there.

    >>> pieces("one two\\nthree", 3)
    ['one two\\n', 'three']
    """
    import re

    out = []
    start = 0
    cut = re.compile(r"\n(?=[A-Za-z0-9])")
    while len(text) - start > size:
        found = cut.search(text, start + size)
        if not found:
            break
        out.append(text[start : found.end()])
        start = found.end()
    out.append(text[start:])
    return out


def _toktok(vocabulary: str, threads: int) -> CountMany:
    toktok: Any = importlib.import_module("toktok")
    encoding = TOKTOK[vocabulary]

    def count(texts: Sequence[str]) -> list[int]:
        if all(len(text) <= PIECE for text in texts):
            return list(toktok.batch_count(texts, encoding, threads))
        cut = [pieces(text) for text in texts]
        flat = iter(toktok.batch_count([piece for one in cut for piece in one], encoding, threads))
        return [sum(next(flat) for _ in one) for one in cut]

    return count


def llama_file(vocabulary: str) -> Path | None:
    """The file of a vocabulary in Meta's package `llama-models`, which need not be imported for it; None without it."""
    found = find_spec("llama_models") if vocabulary in LLAMA_MODELS else None
    folders = found.submodule_search_locations if found else None
    return Path(folders[0]) / LLAMA_MODELS[vocabulary][0] / "tokenizer.model" if folders else None


def _splintr(vocabulary: str) -> CountMany:
    splintr: Any = importlib.import_module("splintr")
    if path := llama_file(vocabulary):
        tokenizer = splintr.Tokenizer.from_bytes(path.read_bytes(), getattr(splintr, LLAMA_MODELS[vocabulary][1]))
    else:
        tokenizer = splintr.Tokenizer.from_pretrained(SPLINTR[vocabulary])
    if not vocabulary.startswith("qwen"):
        return lambda texts: [len(tokenizer.encode_ordinary(text)) for text in texts]
    from unicodedata import normalize

    return lambda texts: [len(tokenizer.encode_ordinary(normalize("NFC", text))) for text in texts]


def _ctok(vocabulary: str) -> CountMany:
    ctok: Any = importlib.import_module("ctok")
    version = CTOK[vocabulary]
    frame = ctok.token_count("a", version=version) - 1  # what a message costs before its content
    return lambda texts: [ctok.token_count(text, version=version) - frame if text else 0 for text in texts]


def has_marks(text: str) -> bool:
    """Whether a text has combining marks, composed with their letters where that is possible.

    >>> has_marks("Größe"), has_marks("Gro\u0308ße"), has_marks("किराया")
    (False, False, True)
    """
    from unicodedata import category, normalize

    signs = {sign for sign in set(text) if sign > "\u02ff"}
    if any(category(sign)[0] == "M" for sign in signs):
        signs = {sign for sign in set(normalize("NFC", text)) if sign > "\u02ff"}
    return any(category(sign)[0] == "M" for sign in signs)


def chain(vocabulary: str, *, threads: int = 0, quick: bool = False) -> list[tuple[str, Callable[[], CountMany]]]:
    """Packages that have a vocabulary and their loaders: first what counts fastest, or with `quick` loads fastest."""
    out: list[tuple[str, Callable[[], CountMany]]] = []
    if vocabulary in TOKTOK:
        out.append(("toktok", lambda: _toktok(vocabulary, threads)))
    if vocabulary in SPLINTR or llama_file(vocabulary):
        out.insert(0 if quick else len(out), ("splintr", lambda: _splintr(vocabulary)))
    if vocabulary in CTOK:
        out.append(("ctok", lambda: _ctok(vocabulary)))
    return out


def load(vocabulary: str, *, quick: bool = False, threads: int = 0) -> CountMany | None:
    """The first that is installed of those that have a vocabulary itself, not a reconstruction of it."""
    for name, loader in chain(vocabulary, quick=quick, threads=threads):
        if name != "ctok":
            try:
                return loader()
            except ImportError:
                continue
    return None
