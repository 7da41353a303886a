"""Counts tokens: exactly where a vocabulary is installed, else by a measured ratio; never by a download.

The chain for a vocabulary: the user's own tokenizer.json, toktok, splintr, a reconstruction (ctok), the measured
ratio to o200k, and where no tokenizer is installed at all the measured ratio to characters. Text such as
`<|endoftext|>` counts as the text that it is, not as a control token.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aiplan.errors import UserError
from aiplan.tokens import ratios
from aiplan.tokens.ahead import Ahead

PIECE = 4 << 20
"""Characters of a text that are counted at once; more is shared between threads."""

TOKTOK = {"o200k": "o200k_base", "harmony": "o200k_base", "cl100k": "cl100k_base", "qwen-3.5": "qwen3.5"}
"""Vocabularies in the plain install. Harmony differs from o200k in its control tokens alone."""
SPLINTR = {
    "o200k": "o200k_base",
    "harmony": "o200k_base",
    "cl100k": "cl100k_base",
    "llama-3": "llama3",
    "deepseek-3": "deepseek_v3",
    "tekken": "mistral_v3",
    "phi-4": "phi4",
}
"""Vocabularies of the extra `vocabularies`."""
CTOK = {"claude-3": "3.0", "claude-4.7": "4.8"}
"""Vocabularies of the extra `claude`, on Python 3.12 and later."""

CountMany = Callable[[Sequence[str]], list[int]]


class Count(NamedTuple):
    """A number of tokens, how it was had, and its 90% interval."""

    tokens: int
    method: str
    """exact, reconstructed or estimated."""
    low: float
    high: float
    by: str
    """The program or the ratio that counted."""

    @property
    def label(self) -> str:
        """The method for people: `exact`, `reconstructed`, `estimated +-12%`."""
        if self.method != "estimated" or not self.tokens:
            return self.method
        return f"estimated +-{max(self.high - self.tokens, self.tokens - self.low) / self.tokens:.0%}"


def add(counts: Sequence[Count]) -> Count:
    """The sum of counts; errors of documents are taken as shared, so intervals add."""
    if not counts:
        return Count(0, "exact", 0.0, 0.0, "")
    worst = max((c.method for c in counts), key=("exact", "reconstructed", "estimated").index)
    by = next(c.by for c in counts if c.method == worst)
    return Count(sum(c.tokens for c in counts), worst, sum(c.low for c in counts), sum(c.high for c in counts), by)


@dataclass(frozen=True, slots=True)
class Engine:
    """Something that counts one vocabulary."""

    name: str
    method: str
    count: CountMany


def pieces(text: str, size: int = PIECE) -> list[str]:
    """A long text in pieces that together have as many tokens as the whole.

    It is cut after a line end that a letter or digit follows: no vocabulary of the plain install has a token there.

    >>> pieces("one two\\nthree", 3)
    ['one two\\n', 'three']
    """
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


def _splintr(vocabulary: str) -> CountMany:
    splintr: Any = importlib.import_module("splintr")
    tokenizer = splintr.Tokenizer.from_pretrained(SPLINTR[vocabulary])
    return lambda texts: [len(tokenizer.encode_ordinary(text)) for text in texts]


def _ctok(vocabulary: str) -> CountMany:
    ctok: Any = importlib.import_module("ctok")
    version = CTOK[vocabulary]
    frame = ctok.token_count("a", version=version) - 1  # what a message costs before its content
    return lambda texts: [ctok.token_count(text, version=version) - frame if text else 0 for text in texts]


def own(path: Path) -> Engine:
    """The user's own tokenizer.json. Raises UserError."""
    try:
        tokenizers: Any = importlib.import_module("tokenizers")
    except ImportError:
        raise UserError("--tokenizer needs the extra: pip install 'aiplan[tokenizers]'") from None
    if not path.is_file():
        raise UserError(f"--tokenizer {path}: this file does not exist")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises a bare Exception
        raise UserError(f"--tokenizer {path}: not a tokenizer.json ({str(error)[:120]})") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        found = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in found]

    return Engine(f"tokenizers, {path.name}", "exact", count)


class Counters:
    """Engines by vocabulary, each loaded when it is first used; `mine` counts everything where it is given."""

    def __init__(
        self,
        *,
        mine: Path | None = None,
        threads: int = 0,
        without: Sequence[str] = (),
        ahead: Ahead | None = None,
    ) -> None:
        self.threads, self.without, self.ahead = threads, tuple(without), ahead
        self.mine = own(mine) if mine else None
        self._engines: dict[str, Engine | None] = {}
        self._kept: dict[str, CountMany] = {}

    def engine(self, vocabulary: str) -> Engine | None:
        """The exact or reconstructed engine of a vocabulary; None where only an estimate can be had."""
        if self.mine:
            return self.mine
        if vocabulary not in self._engines:
            self._engines[vocabulary] = self._load(vocabulary)
        return self._engines[vocabulary]

    def _load(self, vocabulary: str) -> Engine | None:
        chain: list[tuple[str, str, Callable[[], CountMany]]] = []
        if self.ahead and TOKTOK.get(vocabulary) == TOKTOK["o200k"]:
            return Engine("toktok", "exact", self._count_ahead)
        if vocabulary in TOKTOK:
            chain.append(("toktok", "exact", lambda: _toktok(vocabulary, self.threads)))
        if vocabulary in SPLINTR:
            chain.append(("splintr", "exact", lambda: _splintr(vocabulary)))
        if vocabulary in CTOK:
            chain.append(("ctok", "reconstructed", lambda: _ctok(vocabulary)))
        for name, method, load in chain:
            if name not in self.without:
                try:
                    return Engine(name, method, load())
                except ImportError:
                    continue
        return None

    def _count_ahead(self, texts: Sequence[str]) -> list[int]:
        """By the child that has loaded the vocabulary meanwhile; here where that cannot be."""
        if self.ahead and self.ahead.takes(texts) and (found := self.ahead.count(texts)) is not None:
            return found
        if self.ahead:
            self.ahead.close()
        if "own" not in self._kept:
            self._kept["own"] = _toktok("o200k", self.threads)
        return self._kept["own"](texts)

    def count(self, texts: Sequence[str], vocabulary: str, classes: Sequence[str] | None = None) -> list[Count]:
        """Tokens of each text in a vocabulary."""
        engine = self.engine(vocabulary)
        if engine:
            found = engine.count(texts)
            return [Count(n, engine.method, float(n), float(n), engine.name) for n in found]
        kinds = list(classes) if classes is not None else [ratios.class_of(text) for text in texts]
        base = self.engine("o200k")
        if base:
            return [estimate(n, vocabulary, kind) for n, kind in zip(base.count(texts), kinds, strict=True)]
        return [_from_characters(text, vocabulary, kind) for text, kind in zip(texts, kinds, strict=True)]


def estimate(o200k: int, vocabulary: str, class_: str) -> Count:
    """Tokens in a vocabulary from the o200k count of a text of a class.

    >>> estimate(1000, "claude-3", "prose").label
    'estimated +-12%'
    """
    mid, half = ratios.ratio(vocabulary, class_)
    tokens = round(o200k * mid)
    if half == 0.0 or not tokens:
        return Count(tokens, "exact" if half == 0.0 else "estimated", float(tokens), float(tokens), "ratio to o200k")
    around = tokens * half + 1.0  # in a short text a single token counts
    return Count(tokens, "estimated", max(0.0, tokens - around), tokens + around, "ratio to o200k")


def _from_characters(text: str, vocabulary: str, class_: str) -> Count:
    per_token, wide = ratios.CHARACTERS[ratios.CLASSES.index(class_)]
    mid, half = ratios.ratio(vocabulary, class_)
    tokens = round(len(text) / per_token * mid)
    spread = (half**2 + wide**2) ** 0.5
    return Count(tokens, "estimated", tokens * (1 - spread), tokens * (1 + spread), "ratio to characters")
