"""YAML read safely and strictly: plain data only, every failure one line with file:line:column.

The dialect is YAML 1.2's core without its surprises: only `true`, `false`, `null`, decimal integers and floats are
anything but text, so `NO`, `12:30`, `010` and `2024-03-01` stay as typed. Tags, merge keys, duplicate keys, several
documents and files that unfold to more than they hold are refused.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from aiplan.errors import UserError

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_NODES = 100_000  # after aliases are unfolded
MAX_DIGITS = 300

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
# What a terminal obeys or shows otherwise than it reads: control characters, and marks of the direction of writing.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")

Key = str | int
Place = tuple[int, int]  # line and column, from 1
Places = dict[tuple[Key, ...], Place]


def load(path: str | Path) -> Any:
    """The one document of a YAML file as dicts, lists, text, numbers, booleans and None; keys are text.

    Raises UserError for whatever is not a small, plain, unambiguous YAML file.
    """
    return loads(read_text(path), str(path))


def loads(text: str, name: str = "text", *, places: Places | None = None) -> Any:
    """The one document of a YAML text; `places` collects where the value of every key path begins.

    A value that begins below its key is told by the key.

    >>> loads("country: NO\\nhalf: 1e14")
    {'country': 'NO', 'half': 100000000000000.0}
    """
    try:
        return _Builder(name, places).build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(f"{_at(name, mark)}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{name}: {' '.join(str(error).split())}") from None


def read_text(path: str | Path) -> str:
    """The text of a small UTF-8 file; its size is checked before it is read."""
    path = Path(path)
    try:
        if not path.is_file():
            raise UserError(f"{path}: {'not a regular file' if path.exists() else 'no such file'}")
        if os.stat(path).st_size > MAX_BYTES:
            raise UserError(f"{path}: larger than {MAX_BYTES:,} bytes")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{str(path)!r}: cannot be read ({reason})") from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES:,} bytes")
    if b"\0" in raw:
        raise UserError(f"{path}: not a text file (it holds a NUL byte)")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 text") from None
    if not text.strip():
        raise UserError(f"{path}: the file is empty")
    return text


def line_of(path: str | Path, keys: tuple[Key, ...]) -> int | None:
    """The line of a key path such as ("prices", 0, "usd"), or of the nearest key above it that the file has."""
    places: Places = {}
    try:
        loads(read_text(path), str(path), places=places)
    except UserError:
        return None
    while keys:
        if keys in places:
            return places[keys][0]
        keys = keys[:-1]
    return None


class _Open(NamedTuple):
    """A collection that is being read: itself, its keys' places where it is a map, and where it began."""

    value: Any
    seen: dict[str, Place] | None
    keys: tuple[Key, ...]
    anchor: str | None
    began: int


class _Builder:
    """Turns parser events into data, without recursion, so that no nesting can exhaust the stack."""

    def __init__(self, name: str, places: Places | None) -> None:
        self.name, self.places = name, places
        self.stack: list[_Open] = []
        self.key: str | None = None
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open_anchors: set[str] = set()
        self.nodes = 0
        self.documents = 0
        self.root: Any = None

    def build(self, text: str) -> Any:
        stack = self.stack
        for event in yaml.parse(text, Loader=_PARSER):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self.scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self.begin(event, kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                done = stack.pop()
                if done.anchor:
                    self.open_anchors.discard(done.anchor)
                    self.anchors[done.anchor] = (done.value, self.nodes - done.began)
            elif kind is yaml.AliasEvent:
                self.alias(event)
            elif kind is yaml.DocumentStartEvent:
                self.documents += 1
                if self.documents > 1:
                    self.fail(event, "a second document; one file holds one")
        if not self.documents or self.root is None:
            raise UserError(f"{self.name}: the file holds nothing")
        return self.root

    def begin(self, event: Any, is_map: bool) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self.fail(event, f"tag {_short(event.tag)} is not read; plain maps and lists only")
        if len(self.stack) >= MAX_DEPTH:
            self.fail(event, f"nested deeper than {MAX_DEPTH} levels")
        began = self.nodes
        value: Any = {} if is_map else []
        if self.stack and self.stack[-1].seen is not None and self.key is None:
            self.fail(event, "a key must be text, not a map or a list")
        keys = self.place(value, event)
        if event.anchor:
            self.open_anchors.add(event.anchor)
        self.stack.append(_Open(value, {} if is_map else None, keys, event.anchor, began))

    def scalar(self, event: Any) -> None:
        if event.tag not in _TEXT_TAGS:
            self.fail(event, f"tag {_short(event.tag)} is not read; plain text and numbers only")
        text = event.value
        if odd := _ODD.search(text):
            self.fail(event, f"the text holds the control character U+{ord(odd[0]):04X}")
        top = self.stack[-1] if self.stack else None
        if top is not None and top.seen is not None and self.key is None:
            if text == "<<" and event.implicit[0]:
                self.fail(event, "merge keys (<<) are not read")
            if text in top.seen:
                self.fail(event, f"key {_short(text)!r} is given twice (first on line {top.seen[text][0]})")
            top.seen[text] = _mark(event)
            self.key = text
            if event.anchor:
                self.anchors[event.anchor] = (text, 1)
            return
        value = self.resolve(text, event) if event.implicit[0] and event.tag is None else text
        self.place(value, event)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)

    def resolve(self, text: str, event: Any) -> Any:
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in "0123456789+-.":
            if len(text) > MAX_DIGITS:
                return text
            if _INTEGER.match(text):
                return int(text)
            if _FLOAT.match(text):
                number = float(text)
                if number in (float("inf"), float("-inf")):
                    self.fail(event, f"{_short(text)} is too large a number")
                return number
        return text

    def alias(self, event: Any) -> None:
        if event.anchor in self.open_anchors:
            self.fail(event, f"alias *{_short(event.anchor)} contains itself")
        if event.anchor not in self.anchors:
            self.fail(event, f"alias *{_short(event.anchor)} is not defined above")
        if self.stack and self.stack[-1].seen is not None and self.key is None:
            self.fail(event, "a key must be text, not an alias")
        value, count = self.anchors[event.anchor]
        self.place(value, event, count)

    def place(self, value: Any, event: Any, count: int = 1) -> tuple[Key, ...]:
        """Put a value where it belongs; returns its key path (empty where places are not collected)."""
        self.nodes += count
        if self.nodes > MAX_NODES:
            self.fail(event, f"unfolds to more than {MAX_NODES:,} values")
        if not self.stack:
            self.root = value
            return ()
        top = self.stack[-1]
        keys: tuple[Key, ...] = ()
        if self.places is not None:
            keys = (*top.keys, len(top.value) if top.seen is None else str(self.key))
            here = _mark(event)
            key = top.seen[str(self.key)] if top.seen is not None else here
            self.places[keys] = here if here[0] == key[0] else key
        if top.seen is None:
            top.value.append(value)
        else:
            top.value[self.key] = value
            self.key = None
        return keys

    def fail(self, event: Any, problem: str) -> None:
        raise UserError(f"{_at(self.name, event.start_mark)}: {problem}")


def _mark(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _at(name: str, mark: Any) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
