"""SI floats as text for people: three significant digits in the usual unit, which `units.parse` reads back."""

from __future__ import annotations

from math import isfinite, isnan

PREFIXES = "kMGTPEZY"
SCALES = "kMBTQ"
SHARES = frozenset(("mfu", "hfu", "goodput", "share", "efficiency", "utilization", "bubble"))  # shown in percent

Rate = tuple[float, str]

# Units whose name for people is another one: how many of it make one SI unit, and its name.
RENAMED: dict[str, Rate] = {"1/s": (86400.0, "/day"), "kg/J": (3.6e9, " g/kWh"), "m3/J": (3.6e9, " L/kWh")}
PRICES: dict[str, Rate] = {
    "USD": (1.0, ""),
    "USD/J": (3.6e6, "/kWh"),
    "USD/s": (3600.0, "/h"),
    "USD/W": (1.0, "/W"),
    "USD/token": (1e6, "/M tokens"),
    "USD/FLOP": (1e18, "/EFLOP"),
}
NOUNS = {"day": "days", "h": "h", "year": "years"}


def show(value: float | None, unit: str, name: str = "") -> str:
    """A value in `unit` for people; `name` is the quantity's, which says whether a ratio is shown in percent.

    >>> show(1e14, "param"), show(1.292e10, "W"), show(3.6e9, "J"), show(0.06 / 3.6e6, "USD/J"), show(None, "W")
    ('100 T', '12.9 GW', '1 MWh', '$0.060/kWh', 'unknown')
    >>> show(0.41, "", "mfu"), show(1.25, "", "pue"), show(16384, "", "accelerators"), show(114.0, "s")
    ('41.0%', '1.25', '16,384', '1.9 min')
    """
    if value is None or isnan(value):
        return "unknown"
    if not isfinite(value):
        return "infinite" if value > 0 else "-infinite"
    if value < 0:
        return f"-{show(-value, unit, name)}"
    if unit in PRICES:
        factor, per = PRICES[unit]
        return f"${_money(value * factor)}{per}"
    if unit == "":
        return _count(value) if SHARES.isdisjoint(name.split("_")) else f"{_plain(value * 100)}%"
    if unit in ("token", "param", "sample"):
        return _count(value)
    if unit == "day" and 0 < value < 2:  # so short a run is told in its own measure
        return _duration(value * 86400)
    if unit in NOUNS:
        return f"{_plain(value) if value < 999_999.5 else _scaled(value, '')} {NOUNS[unit]}"
    if unit in RENAMED:
        factor, noun = RENAMED[unit]
        return f"{_trim(_plain(value * factor))}{noun}"
    if unit == "FLOP":
        return f"{_count(value) if value < 999_999.5 else _power(value)} FLOP"
    if unit == "s":
        return _duration(value)
    if unit == "J":
        return _prefixed(value / 3600, "Wh") if value >= 3600 else _prefixed(value, "J")
    if unit == "kg":
        return _mass(value)
    if unit == "m3":
        return f"{_count(value)} m3" if value >= 1 else f"{_trim(_plain(value * 1000))} L"
    noun, slash, per = unit.partition("/")
    if noun in ("FLOP", "B", "W"):
        return _prefixed(value, unit)
    if slash and noun in ("token", "param", "sample"):
        return f"{_count(value)} {noun}s/{per}"
    return f"{_trim(_plain(value))} {unit}"


def _power(value: float) -> str:
    """Three digits and a power of ten: 7.73e29."""
    digits, _, exponent = f"{value:.2e}".partition("e")
    return f"{digits}e{int(exponent)}"


def _plain(value: float, smallest: float = 1e-3) -> str:
    """Three significant digits, or all before the point from 1000 to 999,999; a power of ten beyond that."""
    if value == 0:
        return "0"
    if value < smallest or value >= 999_999.5:
        return _power(value)
    exponent = int(f"{value:.2e}".partition("e")[2])
    return f"{value:,.{max(0, 2 - exponent)}f}"


def _scaled(value: float, gap: str) -> str:
    """Three digits and k, M, B, T or Q."""
    digits, _, exponent = f"{value:.2e}".partition("e")
    step, places = divmod(int(exponent), 3)
    if step < 1:
        return _plain(value, smallest=1e-6)
    if step > len(SCALES):
        return _power(value)
    return f"{float(digits) * 10**places:.{2 - places}f}{gap}{SCALES[step - 1]}"


def _count(value: float) -> str:
    """Whole below a million: exact. Then scales."""
    if value < 999_999.5:
        return f"{value:,.0f}" if value == int(value) else _plain(value)
    return _scaled(value, " ")


def _money(value: float) -> str:
    text = _scaled(value, "")
    if value < 1 and "e" not in text:  # $0.060, not $0.0600
        whole, _, digits = text.partition(".")
        text = f"{whole}.{digits[:3]}{digits[3:].rstrip('0')}" if digits else whole
    return text


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _prefixed(value: float, unit: str) -> str:
    """Three digits and an SI prefix: 2.5 PFLOP/s."""
    digits, _, exponent = f"{value:.2e}".partition("e")
    step, places = divmod(int(exponent), 3)
    if value == 0 or step < 1:
        return f"{_trim(_plain(value))} {unit}"
    if step > len(PREFIXES):
        return f"{_power(value)} {unit}"
    return f"{_trim(f'{float(digits) * 10**places:.{2 - places}f}')} {PREFIXES[step - 1]}{unit}"


def _duration(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    for limit, size, name in (
        (0.9995e-6, 1e9, "ns"),
        (0.9995e-3, 1e6, "us"),
        (0.9995, 1e3, "ms"),
        (60.0, 1.0, "s"),
        (3600.0, 1 / 60, "min"),
        (172800.0, 1 / 3600, "h"),
        (63072000.0, 1 / 86400, "days"),
    ):
        if seconds < limit:
            return f"{_trim(_plain(seconds * size))} {name}"
    return f"{_trim(_plain(seconds / 31557600))} years"


def _mass(kilograms: float) -> str:
    """Grams, kilograms, then tonnes."""
    if kilograms < 0.9995:
        return f"{_trim(_plain(kilograms * 1000))} g"
    if kilograms < 999.5:
        return f"{_trim(_plain(kilograms))} kg"
    tonnes = kilograms / 1000
    return _prefixed(tonnes, "t") if tonnes < 999.5e9 else f"{_power(tonnes)} t"
