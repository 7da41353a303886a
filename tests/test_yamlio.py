"""YAML is plain data or one clear line: every trap of YAML 1.1 and every bomb is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan import yamlio
from aiplan.errors import UserError


def test_words_and_numbers() -> None:
    text = "[NO, on, yes, 12:30, 010, 0x10, 100_000, 2024-03-01, 1e14, 1.5e-3, -2, true, null, ~, 0.1, .inf, '7']"
    assert yamlio.loads(text) == [
        "NO", "on", "yes", "12:30", "010", "0x10", "100_000", "2024-03-01", 1e14, 1.5e-3, -2, True, None, None, 0.1,
        ".inf", "7",
    ]  # fmt: skip


def test_keys_are_text() -> None:
    assert yamlio.loads("1: a\ntrue: b\nnull: c\n") == {"1": "a", "true": "b", "null": "c"}


def test_an_alias_repeats_its_anchor() -> None:
    assert yamlio.loads("a: &x {k: [1]}\nb: *x\nc: &y 5\nd: *y\n") == {"a": {"k": [1]}, "b": {"k": [1]}, "c": 5, "d": 5}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1: key 'a' is given twice (first on line 1)"),
        ("a: {b: 1, b: 2}", "f:1:11: key 'b' is given twice (first on line 1)"),
        ("a: !!python/object:os.system x", "f:1:4: tag tag:yaml.org,2002:python/object:os.system is not read"),
        ("a: !!python/object/apply:os.system [ls]", "f:1:4: tag"),
        ("a: !secret x", "f:1:4: tag !secret is not read"),
        ("a: !!int '5'", "f:1:4: tag"),
        ("a: &a [*a]", "f:1:8: alias *a contains itself"),
        ("a: *b", "f:1:4: alias *b is not defined above"),
        ("<<: {a: 1}", "f:1:1: merge keys (<<) are not read"),
        ("? [1]\n: 2", "f:1:3: a key must be text"),
        ("? {a: 1}\n: 2", "f:1:3: a key must be text"),
        ("a: &x b\n*x : 2", "f:2:1: a key must be text"),
        ("a: 1\n---\nb: 2", "f:2:1: a second document"),
        ("a: [1, 2", "f:2:1: did not find expected"),
        ("a: 1e999", "f:1:4: 1e999 is too large a number"),
        ("a: \x07", "f: unacceptable character"),
        ("# only a comment", "f: the file holds nothing"),
        (BOMB, "unfolds to more than 100,000 values"),
        ("[" * 100_000, "f:1:"),
        ("- " * 100_000 + "x", "f:1:81: nested deeper than 40 levels"),
        ("a: " + "{a: " * 50, "nested deeper than 40 levels"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(UserError) as error:
        yamlio.loads(text, "f")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"a: \0", "NUL byte"),
        (b"a: 1\nb: \xff\xfe", ":2: not UTF-8 text"),
        (b"a: " + b"x" * yamlio.MAX_BYTES, "larger than 1,000,000 bytes"),
    ],
)
def test_refused_files(tmp_path: Path, raw: bytes, problem: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(raw)
    with pytest.raises(UserError, match=problem) as error:
        yamlio.load(path)
    assert str(error.value).startswith(f"{path}:")


def test_not_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        yamlio.load(tmp_path / "absent.yaml")
    with pytest.raises(UserError, match="not a regular file"):
        yamlio.load(tmp_path)
    with pytest.raises(UserError, match="not a regular file"):
        yamlio.load("/dev/zero")
    for name in ("a\0b", "x" * 5000):
        with pytest.raises(UserError):
            yamlio.load(name)


def test_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert yamlio.load(path) == {"a": 1}


def test_line_of(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("id: x\nprices:\n  - usd: 1\n  - {usd: 2,\n     low: 3}\n")
    assert yamlio.line_of(path, ("prices", 1, "low")) == 5
    assert yamlio.line_of(path, ("prices", 1)) == 4
    assert yamlio.line_of(path, ("prices", 7, "usd")) == 2
    assert yamlio.line_of(path, ("absent",)) is None


WORDS = st.text("abcXYZ -_.", max_size=8).map(lambda s: "w" + s)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(WORDS, DATA, min_size=1, max_size=5))
def test_reads_what_is_dumped(data: dict[str, object]) -> None:
    assert yamlio.loads(yaml.safe_dump(data)) == data


@given(st.text(max_size=60))
def test_any_text_is_data_or_one_line(text: str) -> None:
    try:
        yamlio.loads(text)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
