"""What `aiplan tokens` and `ask: tokens` share: reading what was typed, reading the documents, answering."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from aiplan import units
from aiplan.errors import UserError, nearest
from aiplan.tokens import formulas as _formulas  # noqa: F401  (fills the graph, so that its names can be read)
from aiplan.tokens.ahead import Ahead
from aiplan.tokens.ask import answer
from aiplan.tokens.documents import Document, expand, kind_of, plain, read, read_text
from aiplan.tokens.question import As, Ask
from aiplan.tokens.show import render

__all__ = ["answer", "ask", "read_all", "render", "seconds"]


def seconds(text: str) -> float:
    """A time limit [s]."""
    value = units.parse(text, "s", what="--timeout", bare=True)
    if not 0 < value <= 86400:
        raise UserError(f"--timeout {text!r} is not between 0 and 1 day")
    return value


def ask(
    *,
    words: Sequence[str] = (),
    text: str | None = None,
    models: Sequence[str] = (),
    answer: str | float = "0",
    cached: str | float = "0",
    batch: bool = False,
    as_: str = "text",
    tokenizer: Path | None = None,
    prices: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Ask:
    """The question, checked."""
    if as_ not in get_args(As):
        raise UserError(f"--as {as_!r} is not one of text, pdf, image{nearest(as_, get_args(As), most=1)}")
    share = units.parse(cached, "", what="--cached")
    if not 0 <= share <= 1:
        raise UserError(f"--cached is {cached!r}, but must be between 0 and 100%")
    wanted = _answer(answer)
    inputs: dict[str, Any] = {"documents": list(words)} if words else {}
    if text is not None:
        inputs["text"] = text if len(text) <= 200 else f"{text[:200]}..."
    inputs |= {k: v for k, v in (("model", list(models)), ("output", answer), ("cached", cached), ("as", as_)) if v}
    if batch:
        inputs["batch"] = True
    return Ask(
        models=list(models),
        answer=wanted,
        cached=share,
        batch=batch,
        as_=as_,  # type: ignore[arg-type]
        tokenizer=tokenizer,
        prices=prices,
        given=pinned(settings or {}),
        inputs=inputs | dict(settings or {}),
        name=name,
    )


def _answer(text: str | float) -> float:
    """Tokens of the answer, or a share of the document's where it is in percent."""
    if isinstance(text, str) and text.strip().endswith("%"):
        share = units.parse(text, "", what="--output")
        if not 0 <= share < 1:
            raise UserError(f"--output {text!r} is a share of the documents, and must be below 100%")
        return share
    value = units.parse(text, "token", what="--output")
    if value < 0 or 0 < value < 1:
        raise UserError(f"--output {text!r} is tokens such as 500, or a share such as 10%")
    return value


def pinned(settings: Mapping[str, Any]) -> dict[str, float]:
    """Pinned quantities from text."""
    from aiplan.specs.question import read_value

    return {name: read_value(name, raw) for name, raw in settings.items()}


def read_all(
    words: Sequence[str],
    text: str | None = None,
    *,
    timeout: str = "30s",
    base: Path | None = None,
    ahead: Ahead | None = None,
) -> list[Document]:
    """Read all that was named, in order; what cannot be read says so in its `error`."""
    from aiplan.tokens.sandbox import Sandbox

    documents: list[Document] = []
    named = [word for word in words if word != "-"]
    paths = expand(named, base=base) if named else []
    if ahead:
        ahead.expect(sum(path.stat().st_size for path in paths))
    with Sandbox(seconds=seconds(timeout)) as sandbox:
        if text is not None:
            documents.append(read_text(text, "--text"))
        if "-" in words:
            documents.append(_standard_input(sandbox))
        documents += [read(path, sandbox) for path in paths]
    return documents


def _standard_input(sandbox: Any) -> Document:
    """Standard input, of whatever kind it is."""
    data = sys.stdin.buffer.read()
    kind = kind_of("", data[:512])
    if kind == "text":
        return plain("standard input", "text", data)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        document = read(path, sandbox)
    for leaf in [document, *document.leaves()]:
        leaf.name = leaf.name.replace(str(path), "standard input")
    return document
