"""Counts tokens: exactly where a vocabulary is installed, else by a measured ratio; never by a download.

The chain for a vocabulary: the user's own tokenizer.json, toktok, splintr, a reconstruction (ctok), the measured
ratio to o200k, and where no tokenizer is installed at all the measured ratio to characters. Text such as
`<|endoftext|>` counts as the text that it is, not as a control token.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from aiplan.errors import UserError
from aiplan.tokens import ratios
from aiplan.tokens.ahead import Ahead
from aiplan.tokens.loaders import WITHOUT_MARKS, CountMany, chain, has_marks


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

    def engine(self, vocabulary: str) -> Engine | None:
        """The exact or reconstructed engine of a vocabulary; None where only an estimate can be had."""
        if self.mine:
            return self.mine
        if vocabulary not in self._engines:
            self._engines[vocabulary] = self._load(vocabulary)
        return self._engines[vocabulary]

    def _load(self, vocabulary: str) -> Engine | None:
        for name, load in chain(vocabulary, threads=self.threads, quick=self.ahead is not None and self.ahead.few):
            method = "reconstructed" if name == "ctok" else "exact"
            if name not in self.without:
                if self.ahead and name != "ctok" and find_spec(name):
                    return Engine(name, method, lambda texts: self._count_ahead(texts, vocabulary))
                try:
                    return Engine(name, method, load())
                except ImportError:
                    continue
        return None

    def _count_ahead(self, texts: Sequence[str], vocabulary: str) -> list[int]:
        """By the child that has loaded the vocabulary meanwhile; here where that cannot be."""
        found = self.ahead.count(texts, vocabulary) if self.ahead else None
        if found is None:
            self.ahead = None
            self._engines[vocabulary] = engine = self._load(vocabulary)
            assert engine is not None
            found = engine.count(texts)
        return found

    def count(self, texts: Sequence[str], vocabulary: str, classes: Sequence[str] | None = None) -> list[Count]:
        """Tokens of each text in a vocabulary."""
        engine = self.engine(vocabulary)
        if engine:
            found = engine.count(texts)
            if (engine.name, vocabulary) in WITHOUT_MARKS:
                return [_marked(n, text, engine) for n, text in zip(found, texts, strict=True)]
            return [Count(n, engine.method, float(n), float(n), engine.name) for n in found]
        kinds = list(classes) if classes is not None else [ratios.class_of(text) for text in texts]
        base = self.engine("o200k")
        if base:
            return [estimate(n, vocabulary, kind) for n, kind in zip(base.count(texts), kinds, strict=True)]
        return [_from_characters(text, vocabulary, kind) for text, kind in zip(texts, kinds, strict=True)]


def estimate(o200k: int, vocabulary: str, class_: str) -> Count:
    """Tokens in a vocabulary from the o200k count of a text of a class.

    >>> estimate(1000, "claude-3", "prose").label
    'estimated +-13%'
    """
    mid, half = ratios.ratio(vocabulary, class_)
    tokens = round(o200k * mid)
    if half == 0.0 or not tokens:
        return Count(tokens, "exact" if half == 0.0 else "estimated", float(tokens), float(tokens), "ratio to o200k")
    around = tokens * half + 1.0  # in a short text a single token counts
    return Count(tokens, "estimated", max(0.0, tokens - around), tokens + around, "ratio to o200k")


def _marked(tokens: int, text: str, engine: Engine) -> Count:
    """A count of an engine that cuts at combining marks: of Hindi it counts 1.4 times, of Thai 2.3 times too many."""
    if not tokens or not has_marks(text):
        return Count(tokens, engine.method, float(tokens), float(tokens), engine.name)
    return Count(round(0.7 * tokens), "estimated", 0.4 * tokens, float(tokens), f"{engine.name}, but for marks")


def _from_characters(text: str, vocabulary: str, class_: str) -> Count:
    per_token, wide = ratios.CHARACTERS[ratios.CLASSES.index(class_)]
    mid, half = ratios.ratio(vocabulary, class_)
    tokens = round(len(text) / per_token * mid)
    spread = (half**2 + wide**2) ** 0.5
    return Count(tokens, "estimated", tokens * (1 - spread), tokens * (1 + spread), "ratio to characters")
