"""The vocabulary of units: what each word after a number means, by the unit that is expected."""

from __future__ import annotations

Ratio = tuple[int, int]  # a factor as two whole numbers, so that 57% is 57 / 100 and not 57 * 0.01

# What each unit of the graph is called in messages. Other units of the same parts ("FLOP/s/W") work as well.
UNITS: dict[str, str] = {
    "": "a count or a ratio",
    "token": "tokens",
    "param": "parameters",
    "sample": "samples",
    "FLOP": "compute",
    "FLOP/s": "a compute rate",
    "FLOP/token": "compute per token",
    "FLOP/sample": "compute per sample",
    "FLOP/USD": "compute per dollar",
    "FLOP/J": "compute per energy",
    "FLOP/s/USD": "a compute rate per dollar",
    "FLOP/s/W": "a compute rate per power",
    "token/s": "tokens per time",
    "B": "bytes",
    "B/s": "a bandwidth",
    "B/token": "bytes per token",
    "B/param": "bytes per parameter",
    "s": "time",
    "day": "time",
    "h": "time",
    "year": "time",
    "1/s": "a rate",
    "W": "power",
    "J": "energy",
    "USD": "money",
    "USD/s": "money per time",
    "USD/J": "money per energy",
    "USD/W": "money per power",
    "USD/token": "money per token",
    "USD/FLOP": "money per compute",
    "kg": "mass",
    "kg/J": "mass per energy",
    "m3": "volume",
    "m3/J": "volume per energy",
}

UNIT_EXAMPLES: dict[str, str] = {
    "": "16384 or 30%",
    "token": "15T",
    "param": "100B",
    "sample": "1.28M",
    "FLOP": "5e25",
    "FLOP/s": "989 TFLOP/s",
    "FLOP/token": "810 GFLOP/token",
    "FLOP/sample": "24.6 GFLOP/sample",
    "FLOP/USD": "1e18 FLOP/USD",
    "FLOP/J": "500 GFLOP/J",
    "FLOP/s/USD": "30 GFLOP/s/USD",
    "FLOP/s/W": "1.4 TFLOP/s/W",
    "token/s": "12k tokens/s",
    "B": "80 GB",
    "B/s": "3.35 TB/s",
    "B/token": "4 B/token",
    "B/param": "18 B/param",
    "s": "10 min",
    "day": "90 days",
    "h": "30M h",
    "year": "4 years",
    "1/s": "4.7e-4/day",
    "W": "3 GW",
    "J": "3 GWh",
    "USD": "$30k",
    "USD/s": "$2.99/h",
    "USD/J": "$0.06/kWh",
    "USD/W": "$10.2/W",
    "USD/token": "$3/M tokens",
    "USD/FLOP": "$2/EFLOP",
    "kg": "25 kt",
    "kg/J": "400 g/kWh",
    "m3": "1200 m3",
    "m3/J": "0.15 L/kWh",
}

BARE = frozenset(("", "token", "param", "sample", "FLOP", "day", "h", "year"))  # where a number alone says enough

_LETTERS = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12, "Q": 10**15}
_NUMERALS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15}
SCALES: dict[str, int] = _LETTERS | _NUMERALS
PREFIXES = "kMGTPEZY"
_PREFIX_WORDS = ("kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta")

Table = dict[str, Ratio]


def _prefixed(symbol: str, *words: str, unit: Ratio = (1, 1), binary: bool = False) -> Table:
    """The symbol and the words of a unit with every SI prefix (and KiB, MiB, ... where binary)."""
    table = dict.fromkeys((symbol, *words), unit)
    for i, (letter, word) in enumerate(zip(PREFIXES, _PREFIX_WORDS, strict=True), start=1):
        scaled = (unit[0] * 1000**i, unit[1])
        table |= {letter + symbol: scaled} | {word + name: scaled for name in words}
        if binary:
            table[f"{letter.upper()}i{symbol}"] = (unit[0] * 1024**i, unit[1])
    return table


def _counted(*words: str) -> Table:
    """Words for one of what is counted, alone and with every scale: `token`, `M tokens`, `million tokens`."""
    table = dict.fromkeys(words, (1, 1))
    for scale, factor in SCALES.items():
        table |= {f"{scale} {word}": (factor, 1) for word in words}
        if len(scale) == 1:
            table |= {scale + word: (factor, 1) for word in words}
    return table


_SECONDS: Table = {
    "ns": (1, 10**9),
    "us": (1, 10**6),
    "ms": (1, 1000),
    **dict.fromkeys(("s", "sec", "second", "seconds"), (1, 1)),
    **dict.fromkeys(("min", "minute", "minutes"), (60, 1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), (3600, 1)),
    **dict.fromkeys(("d", "day", "days"), (86400, 1)),
    **dict.fromkeys(("week", "weeks"), (604800, 1)),
    **dict.fromkeys(("month", "months"), (2629800, 1)),
    **dict.fromkeys(("yr", "year", "years"), (31557600, 1)),
}
_CARBON = ("", "CO2", "CO2e", "CO2eq")
DOLLAR_SCALES: Table = {"": (1, 1), **{scale: (factor, 1) for scale, factor in SCALES.items()}}


def _grams() -> Table:
    table: Table = dict.fromkeys(("tonne", "tonnes"), (1000, 1)) | {"mg": (1, 10**6)}
    for gas in _CARBON:
        table |= {f"g{gas}": (1, 1000), f"kg{gas}": (1, 1), f"t{gas}": (1000, 1), f"kt{gas}": (10**6, 1)}
        table |= {f"Mt{gas}": (10**9, 1), f"Gt{gas}": (10**12, 1)}
        if gas:
            table |= {name.replace(gas, f" {gas}"): factor for name, factor in table.items() if name.endswith(gas)}
    return table


def _time_in(unit: str) -> Table:
    seconds = _SECONDS[unit][0]
    return {name: (factor[0], factor[1] * seconds) for name, factor in _SECONDS.items()}


# Words for each part of a unit, and their factors to SI. "bit" is no unit of the graph: bits are read as a bandwidth.
WORDS: dict[str, Table] = {
    "": {},
    "1": {"": (1, 1), "1": (1, 1), "%": (1, 100)},
    "token": _counted("token", "tokens", "tok", "Tok") | {"1M tokens": (10**6, 1), "1k tokens": (1000, 1)},
    "param": _counted("param", "params", "parameter", "parameters"),
    "sample": _counted("sample", "samples"),
    "FLOP": _prefixed("FLOP") | _prefixed("FLOPs"),
    "B": _prefixed("B", "byte", "bytes", binary=True),
    "bit": _prefixed("b", unit=(1, 8), binary=True) | _prefixed("bit", "bits", unit=(1, 8), binary=True),
    "s": _SECONDS,
    "day": _time_in("day"),
    "h": _time_in("h"),
    "year": _time_in("year"),
    "W": _prefixed("W", "watt", "watts"),
    "J": _prefixed("J", "joule", "joules") | _prefixed("Wh", "watt-hour", "watt-hours", unit=(3600, 1)),
    "USD": _counted("USD", "$", "dollar", "dollars") | dict.fromkeys(("cent", "cents"), (1, 100)),
    "kg": _grams(),
    "m3": {"m3": (1, 1), "m^3": (1, 1), "mL": (1, 10**6), "kL": (1, 1), "ML": (1000, 1), "GL": (10**6, 1)}
    | dict.fromkeys(("L", "l", "liter", "liters", "litre", "litres"), (1, 1000)),
}


def _leading() -> dict[str, Table]:
    """The words that may open a text: those of the part, and what a number alone or with a scale means there."""
    scales: Table = {scale: (factor, 1) for scale, factor in SCALES.items()}
    tables = dict(WORDS)
    for part in BARE:
        tables[part] = WORDS[part] | {"": (1, 1)}
    for part in ("", "token", "param", "sample"):
        tables[part] |= scales
    for part, nouns in (("day", ("d", "days")), ("h", ("h", "hours")), ("year", ("years",)), ("m3", ("m3",))):
        tables[part] |= {f"{scale} {noun}": (factor, 1) for scale, factor in SCALES.items() for noun in nouns}
    tables[""] |= {"%": (1, 100), "percent": (1, 100)}
    tables["B/s"] = WORDS["B"] | WORDS["bit"]
    return tables


LEADING = _leading()
TOKENS_PER_PARAM = frozenset(("token/param", "tokens/param", "tokens/params", "tokens/parameter", "tok/param"))


def vocabulary(unit: str) -> dict[str, float]:
    """Every way of writing `unit` after a number that the own parser knows, with its factor to SI.

    >>> vocabulary("W")["GW"]
    1000000000.0
    """
    first, *others = unit.split("/")
    table = LEADING["B/s"] if unit == "B/s" else WORDS[first] if others else LEADING[first]
    for part in others:
        table = {
            f"{a}/{b}": (x[0] * y[1], x[1] * y[0]) for a, x in table.items() for b, y in WORDS[part].items() if b != "1"
        }
    return {word: above / below for word, (above, below) in table.items()}
