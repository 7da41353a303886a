"""A page of the documentation with its commands run: console blocks, trimmed outputs, files, tables and numbers.

Used by `python -m aiplan.docgen`, which is a tool for a checkout.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiplan import units
from aiplan.graph import GRAPH

ROOT = Path(__file__).parent.parent


class StaleError(Exception):
    """A page that cannot be written: a command that fails, or a trim that finds nothing."""


# -- running the commands of a page --------------------------------------------------------------------------------


class Sandbox:
    """A folder with the data of a checkout, in which the commands of one page run one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = 0
        for name in ("hardware", "models", "scenarios"):
            shutil.copytree(ROOT / name, folder / name)
        binary = folder / ".bin"
        binary.mkdir()
        (binary / "aiplan").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m aiplan "$@"\n')
        (binary / "aiplan").chmod(0o755)
        keep = {k: v for k, v in os.environ.items() if not k.startswith("AIPLAN")}
        path = os.pathsep.join([str(binary), *filter(None, [os.environ.get("PATH")])])
        self.env = {**keep, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}

    def run(self, command: str) -> str:
        """What a command prints, errors included; `echo $?` prints the code of the command before it."""
        if command == "echo $?":
            return str(self.code)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120
        )
        self.code = done.returncode
        return (done.stdout + done.stderr).rstrip()

    def save(self, path: str, text: str) -> None:
        """Save a block of a page as a file."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def console(text: str, keep: list[str], sandbox: Sandbox) -> str:
    """A console block with the output of each of its commands as it is today; each rule of `keep` finds something."""
    commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    out: list[str] = []
    outputs: list[str] = []
    for i, command in enumerate(commands):
        printed = sandbox.run(command)
        told = commands[i + 1 : i + 2] == ["echo $?"]
        if sandbox.code not in (0, 1, 2, 3) or (sandbox.code and command != "echo $?" and not told):
            raise StaleError(f"`{command}` exits {sandbox.code}: {printed[-300:]}")
        out.append(f"$ {command}")
        if command.startswith("aiplan") and keep:
            outputs.append(printed)
            printed = trim(printed, keep)
        if printed:
            out.append(printed)
    for rule in keep:
        if not any(any(_matches(rule, _items(printed))) for printed in outputs):
            raise StaleError(f"`{commands[0]}`: nothing to keep for {rule!r}")
    return "\n".join(out) + "\n"


def trim(text: str, keep: list[str]) -> str:
    """The lines of an output that are kept, with `...` where others were left out.

    A rule is `first N`, `last N`, a heading with a colon for all that stands under it, the first word of a line, or
    several words of one.

    >>> print(trim("a\\nb\\nc\\nd 1", ["first 1", "d"]))
    a
    ...
    d 1
    """
    items = _items(text)
    wanted = [any(found) for found in zip(*(_matches(rule, items) for rule in keep), strict=True)]
    heading = 0
    for i, item in enumerate(items):  # a line of a list keeps the list's heading
        if not item.startswith("- "):
            heading = i
        elif wanted[i] and not items[heading].startswith(" "):
            wanted[heading] = True
    out: list[str] = []
    for item, want in zip(items, wanted, strict=True):
        if want or (not item.strip() and out and out[-1] not in ("", "...")):
            out.append(item)
        elif item.strip() and out[-1:] == [""]:
            out[-1] = "..."
        elif item.strip() and out[-1:] != ["..."]:
            out.append("...")
    return "\n".join(out).rstrip()


def _matches(rule: str, items: list[str]) -> list[bool]:
    """Which items a rule keeps."""
    count = re.fullmatch(r"(first|last) (\d+)", rule)
    if count:
        order = range(len(items)) if count[1] == "first" else range(len(items) - 1, -1, -1)
        return [place < int(count[2]) for place in order]
    if rule.endswith(":"):
        out, inside = [], False
        for item in items:
            if item.strip() == rule[:-1]:
                inside = True
            elif not item.strip() or not item.startswith((" ", "-")):
                inside = False
            out.append(inside)
        return out
    words = [item.removeprefix("- ").split() for item in items]
    if " " in rule:
        return [rule in " ".join(line) for line in words]
    return [bool(line) and line[0].rstrip(":,") == rule for line in words]


def _items(text: str) -> list[str]:
    """Lines of an output, with a list's wrapped lines joined to their first."""
    out: list[str] = []
    for line in text.splitlines():
        if out and out[-1].startswith("- ") and line.startswith("  "):
            out[-1] += f"\n{line}"
        else:
            out.append(line)
    return out


# -- pages written by hand -----------------------------------------------------------------------------------------

_PIECE = re.compile(
    r"(?:<!-- (?P<rule>keep|file): (?P<rules>.*?) -->\n+)?```(?P<kind>\w+)\n(?P<code>.*?)```"
    r"|<!-- begin (?P<table>[\w-]+)(?P<arguments>[^>]*?) -->\n.*?<!-- end -->"
    r"|<!-- = (?P<number>.+?) -->.*?<!-- / -->",
    re.DOTALL,
)


Tables = Mapping[str, Callable[..., str]]


def refreshed(text: str, tables: Tables) -> str:
    """A page written by hand with all that the program says as it is today."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder))
        return _PIECE.sub(lambda piece: _piece(piece, sandbox, tables), text)


def _piece(piece: re.Match[str], sandbox: Sandbox, tables: Tables) -> str:
    if piece["table"]:
        body = tables[piece["table"]](*piece["arguments"].split())
        return f"<!-- begin {piece['table']}{piece['arguments']} -->\n{body}\n<!-- end -->"
    if piece["number"]:
        return f"<!-- = {piece['number']} -->{number(piece['number'])}<!-- / -->"
    head = piece[0][: piece[0].index("```")]
    if piece["rule"] == "file":
        sandbox.save(piece["rules"].strip(), piece["code"])
    if piece["kind"] != "console":
        return piece[0]
    keep = [rule.strip() for rule in (piece["rules"] or "").split(";") if rule.strip()]
    return f"{head}```console\n{console(piece['code'], keep, sandbox)}```"


# -- numbers and tables of the text --------------------------------------------------------------------------------


def number(what: str) -> str:
    """A number of the text: `count KIND`, or `QUANTITY of OPTIONS` of a training plan."""
    name, _, rest = what.partition(" ")
    if name == "count":
        return str(_count(rest))
    value = _plan(rest.removeprefix("of ").strip()).nodes[name]
    return units.show(value.value, value.unit, name)


def _count(kind: str) -> int:
    from aiplan.catalog import KINDS, Catalog
    from aiplan.quantities.scaling import LAWS

    if kind in KINDS:
        return len(Catalog().ids(kind))
    return {"law": len(LAWS), "quantity": len(GRAPH.quantities)}[kind]


@functools.cache
def _plan(options: str) -> Any:
    from aiplan.catalog import Catalog
    from aiplan.plan import train
    from aiplan.specs.question import read_question

    words = options.split()
    pairs = dict(zip(words[::2], words[1::2], strict=True))
    return train(read_question({name.lstrip("-"): value for name, value in pairs.items()}), Catalog())


def scenario_keys() -> str:
    """The keys of a scenario file with what each means."""
    from aiplan.cli.schema import schema_of

    schema = schema_of("scenario")
    described: dict[str, Any] = schema["properties"]  # type: ignore[assignment]
    return "\n".join(
        [
            "| key | meaning |",
            "| --- | --- |",
            *(f"| `{k}` | {v.get('description', '')} |" for k, v in described.items()),
        ]
    )


OPEN = {"calibration": "a file of `aiplan calibrate --out`"}


def choices() -> str:
    """The choices by name, with their values and defaults."""
    from aiplan.choices import DEFAULTS
    from aiplan.specs.question import CHOICES

    lines = ["| choice | one of | default |", "| --- | --- | --- |"]
    for name, allowed in CHOICES.items():
        values = ", ".join(f"`{v}`" for v in allowed) if allowed else OPEN.get(name, "a name of the catalogue")
        usual = f"`{DEFAULTS[name][0]}`" if name in DEFAULTS else ""
        lines.append(f"| `{name}` | {values} | {usual} |")
    return "\n".join(lines)


def recipes() -> str:
    """The optimizer recipes: bytes for each parameter."""
    from aiplan.quantities.memory import RECIPES

    lines = [
        "| recipe | weights | gradients | optimizer | what it is | source |",
        "| --- | ---: | ---: | ---: | --- | --- |",
    ]
    for name, r in RECIPES.items():
        sizes = f"{r.bytes_per_weight:g} | {r.bytes_per_gradient:g} | {r.bytes_per_optimizer_state:g}"
        lines.append(f"| `{name}` | {sizes} | {r.sentence} | {r.source} |")
    return "\n".join(lines)


def laws() -> str:
    """The scaling laws with what each is and where it is from."""
    from aiplan.quantities.scaling import LAWS

    lines = ["| law | loss | what it is | source |", "| --- | --- | --- | --- |"]
    for law in LAWS.values():
        source = law.source + ("; derived by us" if law.derived and "derived" not in law.source else "")
        lines.append(f"| `{law.name}` | {'yes' if law.has_loss else 'no'} | {law.sentence} | {source} |")
    return "\n".join(lines)


def sources(kind: str) -> str:
    """The sources of the entries of a kind, the most used first."""
    from collections import Counter

    from aiplan.catalog import Catalog

    catalog = Catalog()
    used: Counter[str] = Counter()
    for entry in catalog.ids(kind):
        used.update(set(catalog.find(kind, entry).sources.values()))  # type: ignore[call-overload]
    lines = ["| source | entries |\n| --- | ---: |"]
    lines += [f"| {text} | {count} |" for text, count in sorted(used.items(), key=lambda u: (-u[1], u[0])) if count > 2]
    return "\n".join(lines)


def notes(module: str) -> str:
    """The list in the docstring of a module of quantities."""
    text = importlib.import_module(f"aiplan.quantities.{module}").__doc__ or ""
    return re.search(r"^- .*?(?=\n\n)", text, re.DOTALL | re.MULTILINE)[0]  # type: ignore[index]


def spreads() -> str:
    """The defaults that have a known spread."""
    lines = ["| quantity | default | p10 | p90 | source |", "| --- | ---: | ---: | ---: | --- |"]
    for q in GRAPH:
        if q.spread is not None and q.default is not None:
            shown = " | ".join(units.show(value, q.unit, q.name) for value in (q.default, *q.spread))
            lines.append(f"| [`{q.name}`](nomenclature.md#{q.name.lower()}) | {shown} | {q.source} |")
    return "\n".join(lines)


TABLES: dict[str, Callable[..., str]] = {
    "notes": notes,
    "spreads": spreads,
    "scenario-keys": scenario_keys,
    "choices": choices,
    "recipes": recipes,
    "laws": laws,
    "sources": sources,
}
