"""What each lever does to a plan: a table, Markdown or JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiplan import units
from aiplan.graph import GRAPH
from aiplan.output import clean, escaped
from aiplan.output.plain import columns
from aiplan.whatif.levers import ASSUMED, SHOWN

if TYPE_CHECKING:
    from aiplan.whatif.levers import Pulled, State

SCHEMA = "aiplan.levers/1"
HEADINGS = ("lever", *SHOWN, "per dollar", "per watt")


def _cells(pulled: Pulled) -> tuple[str, ...]:
    if pulled.why_not:
        return (pulled.name, *[""] * (len(HEADINGS) - 1))
    shown = [units.show(pulled.values[name], GRAPH[name].unit, name) for name in SHOWN]
    return (pulled.name, *shown, *(_times(pulled.times[name]) for name in ("run_cost", "energy")))


def _times(value: float | None) -> str:
    return "" if value is None else f"x{value:.3g}"


def _start(start: State) -> tuple[str, ...]:
    return ("as it is", *(units.show(start.value(n), GRAPH[n].unit, n) for n in SHOWN), "x1", "x1")


def table(start: State, pulled: Sequence[Pulled], assumed: Mapping[str, float]) -> str:
    """One row a lever, what each did below, and what they rest on."""
    rows = [_start(start), *(_cells(each) for each in pulled)]
    lines = [columns(HEADINGS, rows, right=(1, 2, 3, 4, 5)), ""]
    for each in pulled:
        said = each.sentence or f"does not apply: {each.why_not}"
        lines += _wrapped(f"{each.name}: {said}")
    lines += ["", "Assumptions", *(line for text in assumptions(assumed) for line in _wrapped(text))]
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(clean(text), 80, initial_indent="- ", subsequent_indent="  ", break_long_words=False)


def assumptions(assumed: Mapping[str, float]) -> list[str]:
    """What the levers rest on, in words."""
    out = []
    for name, known in ASSUMED.items():
        value = assumed.get(name, known.value)
        shown = f"{units.show(value, known.unit)} tokens" if known.unit == "token" else f"{value:.0%}"
        source = "given" if name in assumed else known.source
        out.append(f"{name} {shown}, {known.sentence}: {source}")
    return out


def markdown(start: State, pulled: Sequence[Pulled], assumed: Mapping[str, float]) -> str:
    """A table with the details folded away."""
    lines = [f"| {' | '.join(HEADINGS)} |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    lines += [f"| {' | '.join(row)} |" for row in (_start(start), *(_cells(each) for each in pulled))]
    lines += ["", "<details><summary>What each lever does, and what it rests on</summary>", ""]
    lines += [f"- {escaped(e.name)}: {escaped(e.sentence or f'does not apply: {e.why_not}')}" for e in pulled]
    lines += ["", *(f"- {escaped(text)}" for text in assumptions(assumed)), "", "</details>"]
    return "\n".join(lines)


def to_json(start: State, pulled: Sequence[Pulled], assumed: Mapping[str, float]) -> str:
    """The levers as JSON, in SI."""
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "units": {name: GRAPH[name].unit for name in SHOWN},
        "plan": {name: start.value(name) for name in SHOWN},
        "levers": [
            {
                "lever": each.name,
                "what": each.sentence,
                "values": each.values or None,
                "per_dollar": each.times.get("run_cost"),
                "per_watt": each.times.get("energy"),
                "why_not": each.why_not,
            }
            for each in pulled
        ],
        "assumptions": {
            name: {"value": assumed.get(name, a.value), "unit": a.unit, "source": a.source}
            for name, a in ASSUMED.items()
        },
    }
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
