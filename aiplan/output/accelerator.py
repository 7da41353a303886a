"""An accelerator's entry for people: peaks, links, dated prices and sources, as its file has them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from aiplan import units
from aiplan.output import clean, escaped
from aiplan.output.plain import columns

if TYPE_CHECKING:
    from aiplan.specs.accelerator import Accelerator, Price
    from aiplan.specs.result import Value

WIDTH = 100


class Part(NamedTuple):
    """A heading with rows under it."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def parts(spec: Accelerator, quantities: dict[str, Value]) -> list[Part]:
    """What the file says, in parts, and why quantities are unknown; empty parts are left out."""
    peaks = [
        (str(p), _rate(spec.peak.get(p), p in spec.unpublished), _rate(spec.sparse_peak.get(p)))
        for p in dict.fromkeys((*spec.peak, *spec.unpublished, *spec.sparse_peak))
    ]
    memory, up, out = spec.memory, spec.scale_up, spec.scale_out
    bus = f"{memory.bus_bits:,} bit bus" if memory.bus_bits else ""
    links = [
        ("memory", units.show(memory.bandwidth, "B/s"), _joined(memory.kind, bus)),
        ("scale-up, one way", units.show(up.bandwidth, "B/s"), _joined(up.link, _of(up.domain), up.topology)),
        ("scale-out, one way", units.show(out.bandwidth, "B/s"), ""),
    ]
    prices = [_price(price) for price in sorted(spec.prices, key=lambda p: p.as_of, reverse=True)]
    return [
        part
        for part in (
            Part("Peaks", ("precision", "dense", "sparse"), peaks),
            Part("Links", ("", "bandwidth", ""), links),
            Part("Prices of one accelerator", ("as of", "kind", "price", "range", "of, where", "source"), prices),
            Part("Unknown", ("quantity", "why"), [(n, v.why_null) for n, v in quantities.items() if v.why_null]),
            Part("Doubtful", ("field", "why"), list(spec.doubtful.items())),
            Part("Not read at a source", (), [(", ".join(spec.recalled),)] if spec.recalled else []),
            Part("Notes", (), [(spec.notes,)] if spec.notes else []),
            Part("Sources", ("key", "source"), list(spec.sources.items())),
        )
        if part.rows
    ]


def as_table(found: list[Part]) -> str:
    """The parts as plain text."""
    out: list[str] = []
    for part in found:
        out += ["", part.heading]
        if len(part.columns) > 2:
            out += [f"  {line}".rstrip() for line in columns(part.columns, part.rows).splitlines()]
            continue
        width = max(len(row[0]) for row in part.rows) + 2 if part.columns else 0
        for *key, text in part.rows:
            start = f"  {clean(''.join(key)):<{width}}"
            out += textwrap.wrap(clean(text), WIDTH, initial_indent=start, subsequent_indent=" " * (width + 2))
    return "\n".join(out)


def as_markdown(found: list[Part]) -> str:
    """The parts as Markdown."""
    out: list[str] = []
    for part in found:
        out += ["", f"### {part.heading}", ""]
        if part.columns:
            out += [_row(part.columns), _row(["---"] * len(part.columns)), *(_row(row) for row in part.rows)]
        else:
            out += [f"- {_plain(' '.join(row))}" for row in part.rows]
    return "\n".join(out)


def _price(price: Price) -> tuple[str, ...]:
    unit, scale = ("USD", 1.0) if price.kind == "purchase" else ("USD/s", 3600.0)
    shown = [units.show(v / scale, unit) if v is not None else "" for v in (price.value, price.low, price.high)]
    between = f"{shown[1]} to {shown[2]}" if shown[1] and shown[2] else ""
    where = _joined(price.covers, price.where, "announced" if price.announced else "")
    return (price.as_of, price.kind, shown[0], between, where, price.source)


def _rate(value: float | None, unpublished: bool = False) -> str:
    return units.show(value, "FLOP/s") if value is not None else "not published" if unpublished else ""


def _of(domain: int | None) -> str:
    return f"{domain:,} accelerators" if domain else ""


def _joined(*words: str | None) -> str:
    return ", ".join(word for word in words if word)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return escaped(text)
