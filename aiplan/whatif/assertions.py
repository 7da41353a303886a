"""Assertions over a result: `quantity[.pNN] OP value`, `quantity ~ VALUE within P%`, or a quantity that is yes or no.

There are no other expressions, so there is nothing to escape. An unknown quantity or unlike units is an error, never
a pass.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from aiplan import units
from aiplan.errors import UserError
from aiplan.specs.question import read_value
from aiplan.specs.result import Check, Result

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)(?:\.(p10|p50|p90))?\s*(?:(<=|>=|==|<|>|~)\s*(.+?))?\s*$")
_WITHIN = re.compile(r"(.+?)\s+within\s+([0-9.]+)\s*%$")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A parsed assertion, its value in SI."""

    text: str
    quantity: str
    percentile: str | None = None
    operator: str | None = None
    value: float | None = None
    within: float | None = None

    def check(self, result: Result, kind: str = "assert") -> Check:
        """How the assertion came out for a result; a quantity without a value fails it."""
        found = result.quantities[self.quantity]
        value = found.value if self.percentile is None else getattr(found, self.percentile)
        if value is None and self.percentile and found.value is not None:
            value = found.value  # a quantity that nothing uncertain touches is its own percentile
        label = self.quantity + (f".{self.percentile}" if self.percentile else "")
        if value is None:
            message = f"{self.text}: {label} is unknown, since {found.why_null}"
            return Check(text=self.text, kind=kind, passed=False, message=message)  # type: ignore[arg-type]
        if self.operator is None:
            passed = value == 1
            shown = "yes" if passed else "no"
        elif self.operator == "~":
            passed = abs(value - self.value) <= self.within * abs(self.value)  # type: ignore[operator,arg-type]
            shown = units.show(value, found.unit, self.quantity)
        else:
            passed = OPERATORS[self.operator](value, self.value)  # type: ignore[arg-type]
            shown = units.show(value, found.unit, self.quantity)
        message = f"{self.text} ({label} is {shown})"
        return Check(text=self.text, kind=kind, passed=passed, message=message)  # type: ignore[arg-type]


def parse(text: object, where: str = "") -> Assertion:
    """An assertion from its text.

    >>> parse("facility_power <= 1 GW").value
    1000000000.0
    >>> parse("training_flops ~ 1.2e30 within 3%").within
    0.03
    """
    at = f"{where}: " if where else ""
    if not isinstance(text, str):
        raise UserError(f"{at}an assertion is text such as 'facility_power <= 1 GW', not {text!r}")
    form = _FORM.match(text)
    if not form:
        raise UserError(f"{at}{text!r} is not 'quantity OP value', 'quantity ~ VALUE within P%' or 'quantity'")
    name, percentile, op, raw = form.groups()
    if op is None:
        if name != "fits":
            read_value(name, 1, where=where) if name not in _names() else None
            raise UserError(f"{at}{text!r} compares {name} with nothing; only 'fits' is yes or no")
        return Assertion(text, name)
    if "baseline" in raw:
        raise UserError(f"{at}{text!r} needs a baseline to compare to, and none is given")
    if op == "~":
        within = _WITHIN.match(raw)
        if not within:
            raise UserError(f"{at}{text!r} lacks 'within P%', e.g. '{name} ~ {raw} within 3%'")
        return Assertion(text, name, percentile, op, read_value(name, within[1], where=where), float(within[2]) / 100)
    return Assertion(text, name, percentile, op, read_value(name, raw, where=where))


def _names() -> set[str]:
    from aiplan.graph import GRAPH

    return set(GRAPH.quantities)
