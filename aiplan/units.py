"""Text to SI floats and back, in the units that quantities have ("W", "USD/J", "token/s", ...).

A small parser of our own covers the closed vocabulary of this program in about a microsecond. What a suffix means
follows from the unit that is expected: `100B` is 1e11 parameters or 100 bytes, and `100T` is no number of bytes at
all. Only what this parser does not know (`3 horsepower`) goes to pint, which is imported then and with our own units.
Bytes are decimal unless `GiB`; a month has 30.4375 days and a year 365.25; money is US dollars.
"""

from __future__ import annotations

import re
from math import gcd, inf
from typing import NoReturn

from aiplan.errors import UserError, nearest
from aiplan.units_show import show
from aiplan.units_words import (
    BARE,
    DOLLAR_SCALES,
    LEADING,
    PREFIXES,
    SCALES,
    TOKENS_PER_PARAM,
    UNIT_EXAMPLES,
    UNITS,
    WORDS,
    Ratio,
    vocabulary,
)

__all__ = ["UNITS", "UNIT_EXAMPLES", "convert", "dimension_of", "example", "parse", "show", "tidy", "vocabulary"]

_NUMBER = re.compile(
    r"\s*([-+\u2212]?)\s*((?:US)?\$|USD\s|)\s*([-+\u2212]?)"
    r"((?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*",
    re.ASCII | re.DOTALL,
).fullmatch
_PLAIN = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u00b5": "u", "\u03bc": "u", "³": "3", "₂": "2"})

_factors: dict[tuple[str, str, bool], tuple[float, float]] = {}  # what was read before, so that it is read fast


def parse(text: str | int | float, unit: str, *, what: str = "", bare: bool = False) -> float:
    """An SI number in `unit` (a unit of the graph) from text such as `3 GW`, `$0.06/kWh`, `100T`, `30%`.

    A number without a unit is read where it says enough (counts, ratios, tokens, params, FLOP, and day, h and year
    for quantities that are in them), where it is 0, and everywhere if `bare`. `what` names the quantity in errors.
    Raises UserError, in one line, for anything else.

    >>> parse("3.35 TB/s", "B/s"), parse("100T", "param"), parse("90", "day")
    (3350000000000.0, 100000000000000.0, 90.0)
    """
    if not isinstance(text, str):
        return _parse_number(text, unit, what, bare)
    found = _NUMBER(text)
    if found is None:
        _refuse_number(text, unit, what)
    sign, dollar, late_sign, number, rest = found.groups()
    factor = _factors.get((unit, rest, dollar != "")) or _look_up(text, number, rest, dollar != "", unit, what, bare)
    size = float(number.replace(",", "")) if "," in number else float(number)
    value = size * factor[0] / factor[1]
    if value == inf:
        raise UserError(f"{_named(what)}{_quoted(text)} is too large")
    if sign or late_sign:
        if sign and late_sign:
            raise UserError(f"{_named(what)}{_quoted(text)} has two signs")
        return value if "+" in (sign, late_sign) else -value
    return value


def dimension_of(text: str) -> str | None:
    """What a text is: `power`, `energy`, `money per energy`, ...; None where the vocabulary does not have it.

    A number alone or with a scale is a count, although `100B` may also be bytes.

    >>> dimension_of("3 GWh"), dimension_of("$0.06/kWh"), dimension_of("100T"), dimension_of("banana")
    ('energy', 'money per energy', 'a count or a ratio', None)
    """
    found = _NUMBER(text)
    return _dimension(found[5], found[2] != "") if found else None


def convert(text: str, to: str | None = None) -> str:
    """A text in another unit of the same dimension, or in SI; as an equation for people.

    >>> convert("3 GWh", "J"), convert("$0.06/kWh", "$/MWh"), convert("90 days")
    ('3 GWh = 1.08e13 J', '$0.06/kWh = $60/MWh', '90 days = 7776000 s')
    """
    found = _NUMBER(text)
    if found is None:
        _refuse_number(text, "J", "")
    rest, dollar = found[5], found[2] != ""
    units = [unit for unit in UNITS if _ratio(unit, rest, dollar) is not None]
    if to is None:
        if "" in units and "B" in units:
            raise UserError(f"{_quoted(text)} may be a count or bytes: name the unit to convert to")
        if units:
            return _equation(text, parse(text, units[0]), units[0])
        return _equation(text, *_pint_convert(text, rest, dollar, None, False))
    aim, aim_dollar = (to.strip().removeprefix("$"), to.strip().startswith("$"))
    for unit in units:
        ratio = _ratio(unit, aim, aim_dollar)
        if ratio is not None:
            return _equation(text, parse(text, unit) * ratio[1] / ratio[0], to.strip())
    return _equation(text, _pint_convert(text, rest, dollar, aim, aim_dollar)[0], to.strip())


def example(unit: str) -> str:
    """A text that `parse` reads as `unit`.

    >>> example("USD/J")
    '$0.06/kWh'
    """
    return UNIT_EXAMPLES.get(unit, f"1.5 {unit}")


def tidy(rest: str) -> str:
    """The text of a unit in one spelling: `per` and spaces around `/` gone, FLOPS as FLOP/s, Gbps as Gb/s.

    >>> tidy("TFLOPS per W")
    'TFLOP/s/W'
    """
    rest = " ".join(rest.translate(_PLAIN).split())
    rest = re.sub(r" ?/ ?", "/", re.sub(r"(?:^| )per ", "/", rest))
    rest = re.sub(r"(?<![A-Za-z])([kMGTPEZY]?)(?:FLOPS|OPS|OP/s)(?=/|$)", r"\1FLOP/s", rest)
    return re.sub(r"(?<![A-Za-z])([kMGTPEZY]?[bB])ps(?=/|$)", r"\1/s", rest)


# -- the parts of a text -------------------------------------------------------------------------------------------


def _parse_number(value: object, unit: str, what: str, bare: bool) -> float:
    """A number of YAML or JSON: without a unit, so only where it says enough."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse_number(value, unit, what)
    if not -1e308 < value < 1e308:
        raise UserError(f"{_named(what)}{_quoted(value)} is not a finite number")
    if value and not bare and unit not in BARE:
        raise UserError(f"{_named(what)}{value!r} needs a unit, e.g. {example(unit)}")
    return float(value)


def _ratio(unit: str, rest: str, dollar: bool) -> Ratio | None:
    """The factor from what is written in `rest` to `unit`, or None where the vocabulary does not have it."""
    parts, words = unit.split("/"), tidy(rest).split("/")
    first = "B/s" if unit == "B/s" else parts[0]
    if any(part not in WORDS for part in parts):
        raise ValueError(f"there is no unit {unit!r}")
    if unit == "" and not dollar and rest in TOKENS_PER_PARAM:
        return 1, 1
    if len(parts) != len(words) or (dollar and first != "USD"):
        return None
    found = (LEADING if len(parts) == 1 or first == "B/s" else WORDS)[first].get(words[0])
    if dollar:
        found = DOLLAR_SCALES.get(words[0], found)
    if found is None:
        return None
    above, below = found
    for part, word in zip(parts[1:], words[1:], strict=True):
        found = WORDS[part].get(word)
        if found is None:
            return None
        above, below = above * found[1], below * found[0]
    common = gcd(above, below)
    return above // common, below // common


def _look_up(text: str, number: str, rest: str, dollar: bool, unit: str, what: str, bare: bool) -> tuple[float, float]:
    """The factor of a unit that was not read before: from the own tables, else from pint; or the error."""
    counted = unit in ("FLOP/token", "FLOP/sample") and not dollar and (not rest or rest in SCALES)
    ratio = _ratio("FLOP" if counted else unit, rest, dollar)  # FLOP are counted, each or in all
    if ratio is not None:
        return _factors.setdefault((unit, rest, dollar), (float(ratio[0]), float(ratio[1])))
    if not rest and not dollar and (bare or float(number.replace(",", "")) == 0):
        return 1.0, 1.0
    if (rest and rest[0] in "0123456789.,_" and not rest.startswith("1/")) or len(text) > 200:
        _refuse_number(text, unit, what)
    _refuse_known(text, number, rest, dollar, unit, what)
    from aiplan import units_pint

    start, shown = _named(what), _quoted(text)
    try:
        return units_pint.factor(rest, dollar, unit), 1.0
    except units_pint.UnlikeError as unlike:
        raise UserError(f"{start}{shown} is {unlike}, not {_called(unit)}; e.g. {example(unit)}") from None
    except units_pint.UnclearError as unclear:
        raise UserError(f"{start}{shown} is unclear: {unclear}") from None
    except units_pint.UnknownError:
        near = _nearest_unit(rest, dollar, unit)
        raise UserError(f"{start}{shown}: there is no unit {_quoted(rest)}{near}; e.g. {example(unit)}") from None


def _refuse_known(text: str, number: str, rest: str, dollar: bool, unit: str, what: str) -> None:
    """Raise where the vocabulary knows what was written and it is not `unit`: no currency, no unit, another one."""
    start, shown, scale = _named(what), _quoted(text), "k" if rest == "K" else rest
    if not dollar and _ratio(unit, rest, True) is not None:
        raise UserError(f"{start}{shown} needs a currency: ${text.strip()} (in a shell quote the $)")
    if not rest and not dollar:
        raise UserError(f"{start}{shown} needs a unit, e.g. {example(unit)}")
    if not dollar and (rest in SCALES or (len(rest) == 1 and rest in PREFIXES)):
        if unit in ("", "token", "param", "sample"):
            raise UserError(f"{start}{shown}: {rest!r} is no scale of a count; k, M, B, T and Q are")
        whole = scale + ("Wh" if unit == "J" else unit)
        works = len(scale) == 1 and scale in PREFIXES and _ratio(unit, whole, False) is not None
        raise UserError(f"{start}{shown} needs a unit, e.g. {f'{number} {whole}' if works else example(unit)}")
    has = _dimension(rest, dollar)
    if has is not None:
        raise UserError(f"{start}{shown} is {has}, not {_called(unit)}; e.g. {example(unit)}")


def _nearest_unit(rest: str, dollar: bool, unit: str) -> str:
    """The words nearest to the first part of `rest` that is none of its part of `unit`."""
    parts, words = unit.split("/"), tidy(rest).split("/")
    for i, (part, word) in enumerate(zip(parts, words, strict=False)):
        table = DOLLAR_SCALES if i == 0 and dollar else LEADING[part] if len(parts) == 1 else WORDS[part]
        if word not in table:
            return nearest(word, [known for known in table if known])
    return ""


def _dimension(rest: str, dollar: bool) -> str | None:
    for unit, name in UNITS.items():
        if _ratio(unit, rest, dollar) is not None:
            return name
    return "bits" if not dollar and tidy(rest) in WORDS["bit"] else None


def _refuse_number(text: object, unit: str, what: str) -> NoReturn:
    start, shown = _named(what), _quoted(text)
    if isinstance(text, str) and not text.strip():
        raise UserError(f"{start}nothing was given; e.g. {example(unit)}")
    if isinstance(text, str) and re.search("[€£¥]", text):
        raise UserError(f"{start}{shown}: money is read in US dollars only, e.g. {example('USD')}")
    raise UserError(f"{start}{shown} is not a number; e.g. {example(unit)}")


def _named(what: str) -> str:
    return f"{what}: " if what else ""


def _quoted(text: object) -> str:
    shown = repr(text) if not isinstance(text, int) or abs(text) < 10**60 else "a whole number of over 60 digits"
    return shown if len(shown) <= 50 else f"{shown[:46]}...{shown[-1]}"


def _called(unit: str) -> str:
    return UNITS.get(unit, unit)


def _pint_convert(text: str, rest: str, dollar: bool, aim: str | None, aim_dollar: bool) -> tuple[float, str]:
    from aiplan import units_pint

    found = _NUMBER(text)
    size = parse(f"{found[1]}{found[3]}{found[4]}", "") if found else 0.0
    try:
        factor, unit = units_pint.convert(rest, dollar, aim, aim_dollar)
    except units_pint.UnlikeError as unlike:
        aims = _dimension(aim or "", aim_dollar) or aim
        raise UserError(f"{_quoted(text)} is {_dimension(rest, dollar) or unlike}, not {aims}") from None
    except units_pint.UnclearError as unclear:
        raise UserError(f"{_quoted(text)} is unclear: {unclear}") from None
    except units_pint.UnknownError as unknown:
        words = [word for part in ("FLOP", "B", "s", "W", "J", "kg", "m3") for word in WORDS[part]]
        raise UserError(f"there is no unit {_quoted(str(unknown))}{nearest(str(unknown), words)}") from None
    return size * factor, unit


def _equation(text: str, value: float, unit: str) -> str:
    number = re.sub(r"e\+?(-?)0*", r"e\1", f"{value:.12g}")
    if unit.startswith("$"):
        return f"{text.strip()} = {'-' * (value < 0)}${number.lstrip('-')}{unit[1:]}"
    return f"{text.strip()} = {number} {unit}".rstrip()
