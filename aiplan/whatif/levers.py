"""Levers on what an answer costs, one at a time and together.

Each lever is the same question with one thing changed, and solved anew. What a lever is worth rests on an assumption
that is stated with it and can be set; all else comes from the same formulas as the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from aiplan import units
from aiplan.errors import UserError, nearest


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a lever rests on: a value, its unit, and why this one."""

    value: float
    unit: str
    sentence: str
    source: str


class NotHere(Exception):
    """A lever that does not apply; its text says why."""


class Together(NamedTuple):
    """All levers but some, pulled one after the other; and what is to be said of it."""

    title: str
    left_out: tuple[str, ...] = ()
    note: str = ""


class State(Protocol):
    """An answer on its way."""

    def value(self, name: str) -> float | None:
        """A value of the answer."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A lever that was pulled: what it did, the values then, and why it does not apply where it does not."""

    name: str
    sentence: str
    values: dict[str, float | None] = field(default_factory=dict)
    times: dict[str, float | None] = field(default_factory=dict)
    why_not: str | None = None


class Levers(Protocol):
    """The levers of one question."""

    own: Mapping[str, float]
    """What the user sets them to."""
    shown: tuple[str, ...]
    """Quantities that are told."""
    ratios: Mapping[str, str]
    """Quantities of which it is told how many times less is spent, and the heading."""
    assumed: Mapping[str, Assumed]
    titles: Mapping[str, str]
    together: tuple[Together, ...]

    def start(self) -> Any:
        """The answer as it is."""

    def each(self) -> Mapping[str, Callable[[Any], tuple[Any, str]]]:
        """The levers by name, in the order in which they are pulled together."""


def pull(levers: Levers) -> tuple[State, list[Pulled]]:
    """The answer as it is, each lever alone, and several together."""
    start, each = levers.start(), levers.each()
    out = []
    for name, title in levers.titles.items():
        try:
            out.append(_pulled(levers, title, start, *each[name](start)))
        except NotHere as no:
            out.append(Pulled(title, "", why_not=str(no)))
    return start, [*out, *(_together(levers, start, several) for several in levers.together)]


def _together(levers: Levers, start: State, several: Together) -> Pulled:
    """Levers one after the other; those that do not apply are passed over."""
    state, done = start, []
    for name, lever in levers.each().items():
        if name in several.left_out:
            continue
        try:
            state, _ = lever(state)
        except NotHere:
            continue
        done.append(levers.titles[name])
    return _pulled(levers, several.title, start, state, f"{', '.join(done) or 'none applies'}{several.note}")


def _pulled(levers: Levers, title: str, start: State, state: State, sentence: str) -> Pulled:
    values = {name: state.value(name) for name in levers.shown}
    times = {}
    for name in levers.ratios:
        before, after = start.value(name), values[name]
        times[name] = before / after if before and after else None
    return Pulled(title, sentence, values, times)


def read_assumed(pairs: Mapping[str, str], known: Mapping[str, Assumed]) -> dict[str, float]:
    """What the user sets the levers to, e.g. data=30%."""
    out = {}
    for name, text in pairs.items():
        if name not in known:
            raise UserError(f"--lever: {name!r} is not one of {', '.join(known)}{nearest(name, known, most=1)}")
        unit = known[name].unit
        value = units.parse(text, unit, what=name)
        if not value > 0 or (unit == "" and value > 1):
            raise UserError(f"--lever {name}={text}: it is a {'number' if unit else 'share above 0, to 100%'}")
        out[name] = value
    return out
