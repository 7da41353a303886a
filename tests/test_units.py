"""Text to SI and back: the vocabulary, the traps, the errors."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan import units
from aiplan.errors import UserError

DAY, KWH = 86400.0, 3.6e6


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        # counts: the scales, in every way of writing the number
        ("16384", "", 16384.0),
        ("16,384", "", 16384.0),
        ("1_000_000", "", 1e6),
        ("1e14", "param", 1e14),
        ("1.0E+14", "param", 1e14),
        (".5", "", 0.5),
        ("5.", "", 5.0),
        ("+10%", "", 0.1),
        ("30%", "", 0.3),
        ("30 %", "", 0.3),
        ("57%", "", 0.57),
        ("0.3", "", 0.3),
        (0.3, "", 0.3),
        (16384, "", 16384.0),
        ("20 tokens/param", "", 20.0),
        ("-3", "", -3.0),
        ("\u22123", "", -3.0),
        ("100T", "param", 1e14),
        ("100B", "param", 1e11),
        ("100 B", "param", 1e11),
        ("405B params", "param", 405e9),
        ("15.6T tokens", "token", 15.6e12),
        ("15 Ttok", "token", 15e12),
        ("15 trillion tokens", "token", 15e12),
        ("1.28M", "sample", 1.28e6),
        ("2Q", "token", 2e15),
        ("16k", "", 16000.0),
        ("16K", "", 16000.0),
        # bytes, bits and bandwidths
        ("100B", "B", 100.0),
        ("80 GB", "B", 80e9),
        ("80GiB", "B", 80 * 2**30),
        ("15 PB", "B", 15e15),
        ("3.35 TB/s", "B/s", 3.35e12),
        ("400 Gb/s", "B/s", 50e9),
        ("400Gbps", "B/s", 50e9),
        ("1.6 Tbit/s", "B/s", 200e9),
        ("4 B/token", "B/token", 4.0),
        ("18 bytes/param", "B/param", 18.0),
        # compute
        ("5e25", "FLOP", 5e25),
        ("5e25 FLOP", "FLOP", 5e25),
        ("50 YFLOPs", "FLOP", 5e25),
        ("989 TFLOPS", "FLOP/s", 989e12),
        ("989.4 TFLOP/s", "FLOP/s", 989.4e12),
        ("1979 TOPS", "FLOP/s", 1979e12),
        ("1.5 EFLOPS", "FLOP/s", 1.5e18),
        ("810 GFLOP/token", "FLOP/token", 810e9),
        ("1.41 TFLOPS/W", "FLOP/s/W", 1.41e12),
        # power and energy
        ("3 GW", "W", 3e9),
        ("700W", "W", 700.0),
        ("2.5 gigawatts", "W", 2.5e9),
        ("11.8 TWh", "J", 11.8e12 * 3600),
        ("3 GJ", "J", 3e9),
        ("2 megawatt-hours", "J", 7.2e9),
        # time; a month is 30.4375 days, a year 365.25
        ("82 ms", "s", 0.082),
        ("5 \u00b5s", "s", 5e-6),
        ("10 min", "s", 600.0),
        ("2 weeks", "s", 14 * DAY),
        ("1 month", "s", 30.4375 * DAY),
        ("90", "day", 90.0),
        (90, "day", 90.0),
        ("90d", "day", 90.0),
        ("90 days", "day", 90.0),
        ("3 months", "day", 91.3125),
        ("1 year", "day", 365.25),
        ("36 h", "day", 1.5),
        ("2 days", "h", 48.0),
        ("30.8M h", "h", 30.8e6),
        ("4", "year", 4.0),
        ("18 months", "year", 1.5),
        # money and prices
        ("$30k", "USD", 30e3),
        ("30k USD", "USD", 30e3),
        ("30 k$", "USD", 30e3),
        ("USD 30,000", "USD", 30e3),
        ("US$1.5B", "USD", 1.5e9),
        ("$48 billion", "USD", 48e9),
        ("-$30k", "USD", -30e3),
        ("$-30k", "USD", -30e3),
        ("$2T", "USD", 2e12),
        ("$0.06/kWh", "USD/J", 0.06 / KWH),
        ("6 cents/kWh", "USD/J", 0.06 / KWH),
        ("$60 per MWh", "USD/J", 0.06 / KWH),
        ("$2.99/h", "USD/s", 2.99 / 3600),
        ("$2.99/hour", "USD/s", 2.99 / 3600),
        ("2.99 USD / hr", "USD/s", 2.99 / 3600),
        ("$10.2/W", "USD/W", 10.2),
        ("$10.2M/MW", "USD/W", 10.2),
        ("$3/M tokens", "USD/token", 3e-6),
        ("$3/Mtok", "USD/token", 3e-6),
        ("$3 / 1M tokens", "USD/token", 3e-6),
        ("$3 per million tokens", "USD/token", 3e-6),
        # planet and rates
        ("400 g/kWh", "kg/J", 0.4 / KWH),
        ("400 gCO2/kWh", "kg/J", 0.4 / KWH),
        ("0.4 kg CO2e/kWh", "kg/J", 0.4 / KWH),
        ("25 kt", "kg", 25e6),
        ("0.15 L/kWh", "m3/J", 0.15e-3 / KWH),
        ("1200 m\u00b3", "m3", 1200.0),
        ("4.7e-4/day", "1/s", 4.7e-4 / DAY),
        ("5%/year", "1/s", 0.05 / 365.25 / DAY),
        # nothing is nothing in any unit
        (0, "W", 0.0),
        (0.0, "USD", 0.0),
        ("0", "B", 0.0),
    ],
)
def test_reads(text: str | float, unit: str, value: float) -> None:
    assert units.parse(text, unit) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("3 GWh", "W", "'3 GWh' is energy, not power; e.g. 3 GW"),
        ("3 GW", "J", "'3 GW' is power, not energy; e.g. 3 GWh"),
        ("90 days", "W", "'90 days' is time, not power"),
        ("5e25 FLOPS", "FLOP", "is a compute rate, not compute"),
        ("989 TFLOPs", "FLOP/s", "is compute, not a compute rate; e.g. 989 TFLOP/s"),
        ("80 Gb", "B", "'80 Gb' is bits, not bytes; e.g. 80 GB"),
        ("$30k", "W", "'$30k' is money, not power"),
        ("$30k", "param", "'$30k' is money, not parameters"),
        ("$30k", "", "'$30k' is money"),
        ("$0.06/kWh", "USD", "is money per energy, not money"),
        ("30%", "W", "is a count or a ratio, not power"),
        ("80 GB", "param", "is bytes, not parameters"),
        ("12 kg", "param", "is mass, not parameters"),
        # a unit is missing
        ("3", "W", "'3' needs a unit, e.g. 3 GW"),
        (3, "W", "3 needs a unit, e.g. 3 GW"),
        (600, "s", "600 needs a unit, e.g. 10 min"),
        ("100T", "B", "'100T' needs a unit, e.g. 100 TB"),
        ("100T", "FLOP", "'100T' needs a unit, e.g. 100 TFLOP"),
        ("80G", "B", "'80G' needs a unit, e.g. 80 GB"),
        ("3K", "W", "'3K' needs a unit, e.g. 3 kW"),
        ("3M", "J", "'3M' needs a unit, e.g. 3 MWh"),
        ("3 M", "day", "'3 M' needs a unit, e.g. 90 days"),
        ("30k", "USD", "'30k' needs a currency: $30k (in a shell quote the $)"),
        ("30000", "USD", "'30000' needs a currency: $30000 (in a shell quote the $)"),
        (30000, "USD", "30000 needs a unit, e.g. $30k"),
        ("0.06/kWh", "USD/J", "'0.06/kWh' needs a currency: $0.06/kWh (in a shell quote the $)"),
        (0.06, "USD/J", "0.06 needs a unit, e.g. $0.06/kWh"),
        # a unit that is not
        ("100TT", "param", "there is no unit 'TT'"),
        ("5G", "param", "'G' is no scale of a count; k, M, B, T and Q are"),
        ("3 mW", "W", "there is no unit 'mW'; nearest: MW"),
        ("3 gw", "W", "there is no unit 'gw'; nearest: GW"),
        ("80 KB", "B", "there is no unit 'KB'; nearest: kB, KiB"),
        ("3 W**9**9", "W", "there is no unit"),
        ("3 W*0", "W", "there is no unit"),
        ("3 __import__('os')", "W", "is not a number"),
        ("3 W.__class__", "W", "there is no unit"),
        ("3 " + "(" * 150, "W", "there is no unit"),
        ("12:30", "s", "there is no unit ':30'"),
        ("0x10", "", "there is no unit 'x10'"),
        # no number
        ("banana", "W", "'banana' is not a number; e.g. 3 GW"),
        ("", "W", "nothing was given; e.g. 3 GW"),
        ("  ", "", "nothing was given"),
        ("nan", "", "'nan' is not a number"),
        ("inf", "", "'inf' is not a number"),
        ("-inf W", "W", "is not a number"),
        ("1,5 W", "W", "is not a number"),
        ("1,00,000", "", "is not a number"),
        ("1 000 W", "W", "is not a number"),
        ("1.2.3", "", "is not a number"),
        ("1__0", "", "is not a number"),
        ("\u0663 W", "W", "is not a number"),
        ("--3", "", "has two signs"),
        ("-$-3", "USD", "has two signs"),
        ("1e999", "", "'1e999' is too large"),
        ("1e300 YFLOP", "FLOP", "is too large"),
        ("1" * 400, "", "is too large"),
        ("3 " + "W" * 300, "W", "is not a number"),
        (float("nan"), "", "nan is not a finite number"),
        (float("inf"), "W", "inf is not a finite number"),
        (10**400, "", "is not a finite number"),
        (True, "", "True is not a number"),
        (None, "W", "None is not a number"),
        ([3], "W", "[3] is not a number"),
        ("\u20ac30k", "USD", "US dollars only"),
        # two readings
        ("$12/kW month", "USD/J", "is unclear: write USD/(kW month)"),
    ],
)
def test_refuses_in_one_line(text: object, unit: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        units.parse(text, unit, what="thing")  # type: ignore[arg-type]
    message = str(error.value)
    assert words in message
    assert message.startswith("thing: ")
    assert "\n" not in message
    assert len(message) < 200


def test_control_characters_never_reach_the_terminal() -> None:
    with pytest.raises(UserError) as error:
        units.parse("3 \x1b[31mW", "W")
    assert "\x1b" not in str(error.value)


def test_a_bare_number_is_si_where_asked() -> None:
    assert units.parse("3e9", "W", bare=True) == 3e9
    assert units.parse(3e9, "W", bare=True) == 3e9
    assert units.parse("1.5e-8", "USD/J", bare=True) == 1.5e-8
    with pytest.raises(UserError):
        units.parse("3e9", "W")  # what was read bare once is not remembered


@pytest.mark.parametrize("unit", units.UNITS)
def test_every_unit_has_an_example_that_reads(unit: str) -> None:
    for text in units.example(unit).split(" or "):
        assert units.parse(text, unit) > 0
    assert units.parse(f"2 {unit}".strip(), unit) == 2 or unit == ""


def test_an_unknown_unit_of_the_graph_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError, match="no unit 'furlong'"):
        units.parse("3 GW", "furlong")
    with pytest.raises(ValueError, match="no unit 'W/furlong'"):
        units.parse("3 GW", "W/furlong")


# -- what only pint knows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("3 horsepower", "W", 3 * 550 * 0.45359237 * 9.80665 * 0.3048),
        ("12 Btu/hour", "W", 12 * 1055.05585262 / 3600),
        ("3 kWh/day", "W", 125.0),
        ("1.5 W/W", "", 1.5),
        ("0.5 USD/(kW*month)", "USD/J", 0.5 / (1000 * 30.4375 * DAY)),
        ("$12/kW-month", "USD/J", 12 / (1000 * 30.4375 * DAY)),
        ("$30k/(MW*year)", "USD/J", 30e3 / (1e6 * 365.25 * DAY)),
        ("3640 PF-days", "FLOP", 3640 * 1e15 * DAY),
        ("10 PFLOP/s-days", "FLOP", 1e16 * DAY),
        ("3 lb/MWh", "kg/J", 3 * 0.45359237 / 3.6e9),
        ("3 million gallons", "m3", 3785.411784 * 3),
        ("5 km3", "m3", 5e9),  # a cubic kilometre, not a thousand m3
        ("5 Ws", "J", 5.0),  # watt-seconds, not the plural of W
    ],
)
def test_pint_reads_the_rest(text: str, unit: str, value: float) -> None:
    assert units.parse(text, unit) == pytest.approx(value, rel=1e-12)


def test_pint_says_what_a_unit_is() -> None:
    with pytest.raises(UserError, match=r"^'3 hp' is power, not energy; e\.g\. 3 GWh$"):
        units.parse("3 hp", "J")
    with pytest.raises(UserError, match="'3 meter' is in m, not time"):
        units.parse("3 meter", "s")


# -- which dimension, and conversion --------------------------------------------------------------------------------


def test_dimension_of() -> None:
    assert units.dimension_of("3 GWh") == "energy"
    assert units.dimension_of("$0.06/kWh") == "money per energy"
    assert units.dimension_of("400 Gb/s") == "a bandwidth"
    assert units.dimension_of("80 Gb") == "bits"
    assert units.dimension_of("100B") == "a count or a ratio"
    assert units.dimension_of("90 days") == "time"
    assert units.dimension_of("3 banana") is None
    assert units.dimension_of("banana") is None


@pytest.mark.parametrize(
    ("text", "to", "equation"),
    [
        ("3 GWh", "J", "3 GWh = 1.08e13 J"),
        ("3 GWh", None, "3 GWh = 1.08e13 J"),
        (" 80 GiB ", "GB", "80 GiB = 85.89934592 GB"),
        ("$0.06/kWh", "$/MWh", "$0.06/kWh = $60/MWh"),
        ("-$2/h", "$/day", "-$2/h = -$48/day"),
        ("$0.06/kWh", "USD/MWh", "$0.06/kWh = 60 USD/MWh"),
        ("100B", "B", "100B = 100 B"),
        ("100T", None, "100T = 1e14"),
        ("0.3", "%", "0.3 = 30 %"),
        ("400 Gbit/s", "GB/s", "400 Gbit/s = 50 GB/s"),
        ("80 Gbit", "GB", "80 Gbit = 10 GB"),
        ("1 month", "days", "1 month = 30.4375 days"),
        ("0.1 ms", None, "0.1 ms = 0.0001 s"),
        ("10 ns", None, "10 ns = 1e-8 s"),
        ("3 horsepower", "kW", "3 horsepower = 2.23709961475 kW"),
        ("3 horsepower", None, "3 horsepower = 2237.09961475 W"),
        ("5 miles", "km", "5 miles = 8.04672 km"),
        ("-$5/lb", "$/kg", "-$5/lb = -$11.0231131092/kg"),
    ],
)
def test_convert(text: str, to: str | None, equation: str) -> None:
    assert units.convert(text, to) == equation


@pytest.mark.parametrize(
    ("text", "to", "words"),
    [
        ("3 GWh", "W", "'3 GWh' is energy, not power"),
        ("3 hp", "J", "'3 hp' is power, not energy"),
        ("3 GWh", "banana", "there is no unit 'banana'"),
        ("3 gwh", None, "there is no unit 'gwh'; nearest: GWh"),
        ("100B", None, "'100B' may be a count or bytes"),
        ("GWh", "J", "'GWh' is not a number"),
        ("$12/kW month", None, "is unclear"),
    ],
)
def test_convert_refuses(text: str, to: str | None, words: str) -> None:
    with pytest.raises(UserError) as error:
        units.convert(text, to)
    assert words in str(error.value)


# -- for people -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "name", "text"),
    [
        (None, "W", "", "unknown"),
        (float("nan"), "W", "", "unknown"),
        (float("inf"), "day", "", "infinite"),
        (1e14, "param", "", "100 T"),
        (1.29e15, "token", "", "1.29 Q"),
        (1.2e30, "token", "", "1.20e30"),
        (8.0, "", "tp", "8"),
        (16384.0, "", "accelerators", "16,384"),
        (999_999.7, "", "", "1.00 M"),
        (1.25, "", "pue", "1.25"),
        (0.41, "", "mfu", "41.0%"),
        (1.0, "", "goodput", "100%"),
        (0.41, "", "usable_memory_share", "41.0%"),
        (0.41, "", "power_utilization", "41.0%"),
        (7.73e29, "FLOP", "", "7.73e29 FLOP"),
        (2.5e15, "FLOP/s", "", "2.5 PFLOP/s"),
        (8.1e11, "FLOP/token", "", "810 GFLOP/token"),
        (186e9, "B", "", "186 GB"),
        (999.6e9, "B", "", "1 TB"),
        (3.35e12, "B/s", "", "3.35 TB/s"),
        (3.59e9, "W", "", "3.59 GW"),
        (11.8e12 * 3600, "J", "", "11.8 TWh"),
        (82.0, "J", "", "82 J"),
        (11160.0, "s", "", "3.1 h"),
        (114.0, "s", "", "1.9 min"),
        (0.082, "s", "", "82 ms"),
        (26.3 * 365.25 * DAY, "s", "", "26.3 years"),
        (90.0, "day", "", "90.0 days"),
        (30.8e6, "h", "", "30.8M h"),
        (4.0, "year", "", "4.00 years"),
        (48e9, "USD", "", "$48.0B"),
        (30e3, "USD", "", "$30.0k"),
        (-30e3, "USD", "", "-$30.0k"),
        (0.015, "USD", "", "$0.015"),
        (0.0, "USD", "", "$0"),
        (0.06 / KWH, "USD/J", "", "$0.060/kWh"),
        (2.99 / 3600, "USD/s", "", "$2.99/h"),
        (10.2, "USD/W", "", "$10.2/W"),
        (3e-6, "USD/token", "", "$3.00/M tokens"),
        (25e6, "kg", "", "25 kt"),
        (0.37 / KWH, "kg/J", "", "370 g/kWh"),
        (1.23e6, "m3", "", "1.23 M m3"),
        (0.15e-3 / KWH, "m3/J", "", "0.15 L/kWh"),
        (4.736e-4 / DAY, "1/s", "", "4.74e-4/day"),
        (12e6, "token/s", "", "12.0 M tokens/s"),
    ],
)
def test_shows(value: float | None, unit: str, name: str, text: str) -> None:
    assert units.show(value, unit, name) == text


UNIT = st.sampled_from(list(units.UNITS))
SIZES = st.floats(1e-290, 1e290) | st.floats(1e-12, 1e32) | st.integers(1, 10**7).map(float) | st.just(0.0)


@pytest.mark.parametrize("name", ["", "mfu"])
@pytest.mark.parametrize("unit", units.UNITS)
@given(size=SIZES, negative=st.booleans())
def test_what_is_shown_reads_back(unit: str, name: str, size: float, negative: bool) -> None:
    value = -size if negative else size
    assert units.parse(units.show(value, unit, name), unit) == pytest.approx(value, rel=0.006)


@settings(deadline=None)  # the first unknown unit imports pint
@given(st.text(max_size=30) | st.from_regex(r"[-$]?[0-9.,e]{1,5} ?[A-Za-z/*() ]{0,9}", fullmatch=True), UNIT)
def test_any_text_is_a_finite_number_or_an_error_of_one_line(text: str, unit: str) -> None:
    try:
        value = units.parse(text, unit)
    except UserError as error:
        read = str(error).splitlines()
    else:
        read = [str(abs(value) < float("inf"))]
    assert len(read) == 1
    assert read[0] != "False"


# -- the start ------------------------------------------------------------------------------------------------------


def test_reading_and_showing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from aiplan import units;"
        "units.parse('$0.06/kWh', 'USD/J'); units.parse('100T', 'param'); units.show(3e9, 'W');"
        "units.convert('3 GWh', 'J');"
        "print(sorted({'pint', 'pydantic', 'numpy', 'difflib', 'decimal', 'fractions'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
