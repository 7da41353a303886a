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
from aiplan.specs.result import YES_OR_NO, Check, Result

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)(?:\.(p10|p50|p90))?\s*(?:(<=|>=|==|<|>|~)\s*(.+?))?\s*$")
_WITHIN = re.compile(r"(.+?)\s+within\s+([0-9.]+)\s*%$")


_RELATIVE = re.compile(r"baseline(?:\s*([+-])\s*([0-9.]+)\s*%)?$")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A parsed assertion, its value in SI; `relative` is the allowed change from a baseline, as a share of it."""

    text: str
    quantity: str
    percentile: str | None = None
    operator: str | None = None
    value: float | None = None
    within: float | None = None
    relative: float | None = None

    def check(self, result: Result, kind: str = "assert", baseline: Result | None = None) -> Check:
        """How the assertion came out for a result; a quantity without a value fails it.

        Of a result with draws a bare quantity is its median, and what is yes or no holds where it does in most draws.
        """
        found = result.quantities[self.quantity]
        draws = result.inputs.get("draws")
        label, value = self._value(result)
        if value is None:
            reason = f"since {found.why_null}" if found.why_null else "since too many draws have no value"
            return self._outcome(kind, False, f"{self.text}: {label} is unknown, {reason}")
        shown = units.show(value, found.unit, self.quantity)
        if self.operator is None:
            passed = value >= 0.5
            shown = "yes" if passed else "no"
            if draws:
                return self._outcome(kind, passed, f"{self.text} (in {value:.1%} of {draws:,} draws)")
            return self._outcome(kind, passed, f"{self.text} ({label} is {shown})")
        said = f", the median of {draws:,} draws" if draws and self.percentile is None and found.p50 is not None else ""
        bound, reason = self._bound(baseline)
        if bound is None:
            return self._outcome(kind, False, f"{self.text}: {reason}")
        if self.operator == "~":
            passed = abs(value - bound) <= (self.within or 0.0) * abs(bound)
        else:
            passed = OPERATORS[self.operator](value, bound)
        message = f"{self.text} ({label} is {shown}{said}{f'; {reason}' if reason else ''})"
        return self._outcome(kind, passed, message)

    def _value(self, result: Result) -> tuple[str, float | None]:
        found = result.quantities[self.quantity]
        if self.percentile is None:
            drawn = bool(result.inputs.get("draws")) and found.p50 is not None
            return self.quantity, found.p50 if drawn else found.value
        value: float | None = getattr(found, self.percentile)
        certain = found.p10 is None and found.p50 is None and found.p90 is None
        if value is None and certain:
            value = found.value  # a quantity that nothing uncertain touches is its own percentile
        return f"{self.quantity}.{self.percentile}", value

    def _bound(self, baseline: Result | None) -> tuple[float | None, str]:
        """What the value is held against, and how a baseline comes into it."""
        if self.relative is None:
            return self.value, ""
        if baseline is None:
            return None, "the baseline has no plan of this name"
        if self.quantity not in baseline.quantities:
            return None, f"the baseline does not know {self.quantity}"
        found = baseline.quantities[self.quantity]
        _, value = self._value(baseline)
        if value is None:
            return None, f"{self.quantity} of the baseline is unknown"
        return value * (1 + self.relative), f"baseline {units.show(value, found.unit, self.quantity)}"

    def _outcome(self, kind: str, passed: bool, message: str) -> Check:
        return Check(text=self.text, kind="warn" if kind == "warn" else "assert", passed=passed, message=message)


def parse(text: object, where: str = "", *, relative: bool = False) -> Assertion:
    """An assertion from its text; `relative` says that there is a baseline to compare to.

    >>> parse("facility_power <= 1 GW").value
    1000000000.0
    >>> parse("training_flops ~ 1.2e30 within 3%").within
    0.03
    >>> parse("run_cost <= baseline + 10%", relative=True).relative
    0.1
    """
    at = f"{where}: " if where else ""
    if not isinstance(text, str):
        raise UserError(f"{at}an assertion is text such as 'facility_power <= 1 GW', not {text!r}")
    form = _FORM.match(text)
    if not form:
        raise UserError(f"{at}{text!r} is not 'quantity OP value', 'quantity ~ VALUE within P%' or 'quantity'")
    name, percentile, op, raw = form.groups()
    if op is None:
        if name not in YES_OR_NO:
            read_value(name, 1, where=where) if name not in _names() else None
            known = " and ".join(sorted(YES_OR_NO))
            raise UserError(f"{at}{text!r} compares {name} with nothing; only {known} are yes or no")
        return Assertion(text, name)
    if "baseline" in raw:
        return _relative(text, name, percentile, op, raw, where, relative)
    if op == "~":
        within = _WITHIN.match(raw)
        if not within:
            raise UserError(f"{at}{text!r} lacks 'within P%', e.g. '{name} ~ {raw} within 3%'")
        share = _share(within[2], f"{at}{text!r}")
        return Assertion(text, name, percentile, op, read_value(name, within[1], where=where), share)
    return Assertion(text, name, percentile, op, read_value(name, raw, where=where))


def _relative(text: str, name: str, percentile: str | None, op: str, raw: str, where: str, known: bool) -> Assertion:
    at = f"{where}: " if where else ""
    read_value(name, 1, where=where) if name not in _names() else None
    within = _WITHIN.match(raw) if op == "~" else None
    if op == "~" and not within:
        raise UserError(f"{at}{text!r} lacks 'within P%', e.g. '{name} ~ {raw} within 3%'")
    found = _RELATIVE.match(within[1] if within else raw)
    if not found:
        raise UserError(f"{at}{text!r}: after the operator comes 'baseline', 'baseline + P%' or 'baseline - P%'")
    if not known:
        raise UserError(f"{at}{text!r} needs a baseline to compare to, and none is given (--compare-to)")
    share = _share(found[2], f"{at}{text!r}") if found[2] else 0.0
    near = _share(within[2], f"{at}{text!r}") if within else None
    return Assertion(text, name, percentile, op, None, near, -share if found[1] == "-" else share)


def _share(text: str, what: str) -> float:
    try:
        return float(text) / 100
    except ValueError:
        raise UserError(f"{what}: {text!r} is not a number") from None


def _names() -> set[str]:
    from aiplan.graph import GRAPH

    return set(GRAPH.quantities)
