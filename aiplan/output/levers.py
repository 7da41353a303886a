"""What each lever does to a plan: a table, Markdown or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiplan import units
from aiplan.graph import GRAPH
from aiplan.output import clean, escaped
from aiplan.output.plain import columns

if TYPE_CHECKING:
    from aiplan.whatif.levers import Levers, Pulled, State

SCHEMA = "aiplan.levers/1"


def _headings(levers: Levers) -> tuple[str, ...]:
    return ("lever", *levers.shown, *levers.ratios.values())


def _rows(levers: Levers, start: State, pulled: Sequence[Pulled]) -> list[tuple[str, ...]]:
    """The answer as it is, then each lever."""
    first = ("as it is", *(_shown(name, start.value(name)) for name in levers.shown), *["x1"] * len(levers.ratios))
    return [first, *(_cells(levers, each) for each in pulled)]


def _cells(levers: Levers, pulled: Pulled) -> tuple[str, ...]:
    if pulled.why_not:
        return (pulled.name, *[""] * (len(levers.shown) + len(levers.ratios)))
    shown = [_shown(name, pulled.values[name]) for name in levers.shown]
    return (pulled.name, *shown, *(_times(pulled.times[name]) for name in levers.ratios))


def _shown(name: str, value: float | None) -> str:
    return units.show(value, GRAPH[name].unit, name)


def _times(value: float | None) -> str:
    return "" if value is None else f"x{value:.3g}"


def table(levers: Levers, start: State, pulled: Sequence[Pulled]) -> str:
    """One row a lever, what each did below, and what they rest on."""
    headings = _headings(levers)
    lines = [columns(headings, _rows(levers, start, pulled), right=tuple(range(1, len(headings)))), ""]
    for each in pulled:
        said = each.sentence or f"does not apply: {each.why_not}"
        lines += _wrapped(f"{each.name}: {said}")
    lines += ["", "Assumptions", *(line for text in assumptions(levers) for line in _wrapped(text))]
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(clean(text), 80, initial_indent="- ", subsequent_indent="  ", break_long_words=False)


def assumptions(levers: Levers) -> list[str]:
    """What the levers rest on, in words."""
    out = []
    for name, known in levers.assumed.items():
        value = levers.own.get(name, known.value)
        shown = f"{units.show(value, known.unit)} tokens" if known.unit == "token" else f"{value:.0%}"
        source = "given" if name in levers.own else known.source
        out.append(f"{name} {shown}, {known.sentence}: {source}")
    return out


def markdown(levers: Levers, start: State, pulled: Sequence[Pulled]) -> str:
    """A table with the details folded away."""
    headings = _headings(levers)
    lines = [f"| {' | '.join(headings)} |", f"| ---{' | ---:' * (len(headings) - 1)} |"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(levers, start, pulled)]
    lines += ["", "<details><summary>What each lever does, and what it rests on</summary>", ""]
    lines += [f"- {escaped(e.name)}: {escaped(e.sentence or f'does not apply: {e.why_not}')}" for e in pulled]
    lines += ["", *(f"- {escaped(text)}" for text in assumptions(levers)), "", "</details>"]
    return "\n".join(lines)


def to_json(levers: Levers, start: State, pulled: Sequence[Pulled]) -> str:
    """The levers as JSON, in SI."""
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "units": {name: GRAPH[name].unit for name in levers.shown},
        "plan": {name: start.value(name) for name in levers.shown},
        "levers": [
            {
                "lever": each.name,
                "what": each.sentence,
                "values": each.values or None,
                **{heading.replace(" ", "_"): each.times.get(name) for name, heading in levers.ratios.items()},
                "why_not": each.why_not,
            }
            for each in pulled
        ],
        "assumptions": {
            name: {"value": levers.own.get(name, a.value), "unit": a.unit, "source": a.source}
            for name, a in levers.assumed.items()
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
