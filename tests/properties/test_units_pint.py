"""The own parser against pint, on every word and prefix of the vocabulary, with pint's registry of units.txt."""

from __future__ import annotations

import math
import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiplan import units, units_pint
from aiplan.units_words import LEADING, WORDS

# Written anew, so that a slip in the program's own table shows.
SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "Q": 1e15} | {
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "quadrillion": 1e15,
}
NOUNS = r"(?:tok|Tok|tokens?|params?|parameters?|samples?|USD|\$|dollars?|d|days|h|hours|years|m3)"
TARGETS = {"1": "", "bit": "byte", "kg": "kilogram", "m3": "meter**3", "B": "byte", "B/s": "byte"}
PARTS = [part for part in WORDS if part]


@cache
def by_pint(word: str, part: str) -> float:
    """The factor of a word, from pint; scales, % and $, which pint cannot express, are taken off before."""
    target = TARGETS.get(part, part)
    if word == "":
        return 1.0
    if word in ("%", "percent"):
        return 0.01
    if word in SCALES and part not in ("B", "B/s"):
        return SCALES[word]
    scale = 1.0
    scaled = re.fullmatch(rf"1?(\w+?) ?({NOUNS})", word)
    if scaled and scaled[1] in SCALES:
        scale, word = SCALES[scaled[1]], scaled[2]
    word = re.sub(r"^m\^?3$", "m**3", word.replace("$", "USD")).replace("watt-", "watt*").replace(" CO2", "CO2")
    u = units_pint.registry()
    return float(scale * u.Quantity(1.0, u.parse_units(word)).to(target).magnitude)


@pytest.mark.parametrize("part", PARTS)
def test_every_word_of_a_part_is_what_pint_says(part: str) -> None:
    table = LEADING[part] | WORDS[part]
    assert table
    for word, (above, below) in table.items():
        assert above / below == pytest.approx(by_pint(word, part), rel=1e-12), word


@pytest.mark.parametrize("part", ["FLOP", "B", "bit", "W", "J"])
def test_every_prefix_is_there(part: str) -> None:
    symbol = {"bit": "b"}.get(part, part)
    for i, letter in enumerate("kMGTPEZY", start=1):
        above, below = WORDS[part][letter + symbol]
        one = WORDS[part][symbol]
        assert above * one[1] == 1000**i * below * one[0]


def test_every_binary_prefix_is_there() -> None:
    for i, letter in enumerate("KMGTPEZY", start=1):
        assert units.parse(f"1 {letter}iB", "B") == 1024.0**i


@pytest.mark.parametrize("unit", list(units.UNITS))
def test_every_word_of_a_unit_is_read_as_its_parts(unit: str) -> None:
    """All products of the parts of a unit, as one text, through `parse`."""
    words = units.vocabulary(unit)
    assert words
    parts = ["B/s", "s"] if unit == "B/s" else unit.split("/")
    for word, factor in words.items():
        first, *others = (by_pint(*piece) for piece in zip(word.split("/"), parts, strict=True))
        assert math.isclose(factor, first / math.prod(others), rel_tol=1e-12), word
        assert math.isclose(units.parse(f"1 {word}", unit), factor, rel_tol=1e-12), word


# Texts that pint reads whole, without our taking anything off them.
WHOLE = {
    unit: sorted(
        word
        for word in units.vocabulary(unit)
        if word
        and not re.search(r"[ $%]|1[Mk]|-|\^|m3|^[KkMBTQ]$|^[BKQ](?!$|yte|/|ps)|/[BKQ]\w", word)
        and not (set(word.split("/")) & SCALES.keys())
    )
    for unit in units.UNITS
    if unit and not unit.startswith("1/")
}


@settings(deadline=None, max_examples=300)  # the first imports pint
@given(st.data(), st.floats(1e-6, 1e6))
def test_whole_texts_agree_with_pint(data: st.DataObject, number: float) -> None:
    unit = data.draw(st.sampled_from(sorted(WHOLE)))
    word = data.draw(st.sampled_from(WHOLE[unit]))
    u = units_pint.registry()
    target = unit.replace("m3", "m**3")
    expected = float(u.Quantity(number, u.parse_units(word)).to(target).magnitude)
    assert units.parse(f"{number!r} {word}", unit) == pytest.approx(expected, rel=1e-12)


def test_the_traps_of_pints_default_registry_are_not_in_ours() -> None:
    u = units_pint.registry()
    names = set(dir(u))
    assert {"horsepower", "watt"} <= names
    assert not names & {"tesla", "boltzmann_constant", "planck_constant", "kelvin", "speed_of_light"}
    assert units.parse("100T", "param") == 1e14
    assert units.parse("100B", "param") == 1e11
    assert units.parse("$30k", "USD") == 30e3
    assert units.parse("30 k$", "USD") == 30e3
    assert units.parse("$0.06/kWh", "USD/J") == pytest.approx(0.06 / 3.6e6)


@pytest.mark.parametrize("word", ["T", "k", "mW", "TT", "K", "banana", "c", "h_bar", "degC"])
def test_what_our_registry_must_not_know(word: str) -> None:
    with pytest.raises(units_pint.UnknownError):
        units_pint.convert(word, False, None, False)
