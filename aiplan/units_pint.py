"""Units outside the closed vocabulary, read by pint with the definitions of units.txt and no others.

Imported only for a unit that the own parser does not know: pint takes some 0.1 to 0.2 s to import.
"""

from __future__ import annotations

import re
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from aiplan.units import tidy
from aiplan.units_words import SCALES, UNITS


class UnknownError(Exception):
    """A unit that is not defined; its text is that unit."""


class UnlikeError(Exception):
    """A unit of another dimension; its text says which."""


class UnclearError(Exception):
    """An expression that people read in two ways; its text says what to write."""


@cache
def registry() -> Any:
    """Pint's registry of our own definitions."""
    import pint

    return pint.UnitRegistry(str(Path(__file__).with_name("units.txt")))


def factor(rest: str, dollar: bool, unit: str) -> float:
    """How many of `unit`, a unit of the graph, are in what is written after a number.

    >>> round(factor("horsepower", False, "W"), 9)
    745.699871582
    """
    written, scale = _read(rest, dollar)
    return scale * _in(written, _units(_expression(unit)))


def convert(rest: str, dollar: bool, to: str | None, to_dollar: bool) -> tuple[float, str]:
    """The factor from one written unit to another, or to the graph's own unit of its dimension; and that unit.

    >>> convert("Btu", False, None, False)
    (1055.05585262, 'J')
    """
    written, scale = _read(rest, dollar)
    if to is not None:
        aim, aim_scale = _read(to, to_dollar)
        return scale / aim_scale * _in(written, aim), to
    for unit in UNITS:
        if _units(_expression(unit)).dimensionality == written.dimensionality:
            return scale * _in(written, _units(_expression(unit))), unit
    base = registry().Quantity(1.0, written).to_base_units()
    return scale * float(base.magnitude), f"{base.units:~C}"


def _in(written: Any, aim: Any) -> float:
    if written.dimensionality != aim.dimensionality:
        raise UnlikeError(_dimension(written))
    value = float(registry().Quantity(1.0, written).to(aim).magnitude)
    if not (isfinite(value) and value > 0):
        raise UnknownError(str(written))
    return value


def _dimension(written: Any) -> str:
    for unit, name in UNITS.items():
        if _units(_expression(unit)).dimensionality == written.dimensionality:
            return name
    return f"in {written:~C}"


def _read(rest: str, dollar: bool) -> tuple[Any, float]:
    """The units of a text and the scale before them, as in `$30k/(MW*year)` or `3 million gallons`."""
    text = tidy(rest)
    scale = 1.0
    found = re.match(r"(\w+)(?= |/|$)", text)
    if found and found[1] in SCALES and (dollar or len(found[1]) > 1 or re.match(r". (?:USD|tok|param|sample)", text)):
        scale, text = float(SCALES[found[1]]), text[found.end() :].strip()
    if dollar:
        text = f"USD{text}" if text[:1] in ("", "/", "*") else text
    text = text.replace("$", "USD")
    if not dollar and text.startswith("/"):
        text = f"1{text}"
    return _units(_expression(text)), scale


def _expression(text: str) -> str:
    """A unit as pint writes it: `m3` is a power (never kilo-m3), and a hyphen binds as in kW-month."""
    text = text.replace("^", "**").replace("·", "*")
    text = re.sub(r"\b([kcm]?m|ft|foot|inch)([23])\b", r"\1**\2", text)
    text = re.sub(r"([A-Za-z]+)/s-([A-Za-z]+)", r"(\1/s*\2)", text)  # PFLOP/s-day is a rate for a day
    return re.sub(r"([A-Za-z]+)-([A-Za-z]+)", r"(\1*\2)", text)


def _units(text: str) -> Any:
    if re.search(r"\*\*(?!-?\d(?![\d*]))", text) or not re.fullmatch(r"[A-Za-z0-9_*/()\s-]*", text):
        raise UnknownError(text)
    if re.search(r"/\s*\w+(?:\*\*-?\d)?\s*(?:\*(?!\*)|\s)\s*\w", re.sub(r"\([^()]*\)", "x", text)):
        numerator, _, denominator = text.partition("/")
        raise UnclearError(f"write {numerator}/({denominator}) or multiply first")
    import pint

    try:
        return registry().parse_units(text)
    except pint.UndefinedUnitError as error:
        names = error.unit_names
        raise UnknownError(names if isinstance(names, str) else " ".join(names)) from None
    except Exception:  # pint's own parser leaks AssertionError, TokenError, ValueError, ... for what is no unit
        raise UnknownError(text) from None
