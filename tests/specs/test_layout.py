"""A layout as one text: spellings, what is refused, and what it pins."""

from __future__ import annotations

import re

import pytest

from aiplan.errors import UserError
from aiplan.quantities.layout import GIVES
from aiplan.specs.layout import NAMES, read_layout
from aiplan.specs.question import read_question


def test_every_member_has_a_name() -> None:
    assert set(NAMES.values()) == set(GIVES)


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("tp=8,pp=16,vp=8", {"tp": 8, "pp": 16, "virtual_stages": 8}),
        ("tp=8 pp=16 virtual_stages=8", {"tp": 8, "pp": 16, "virtual_stages": 8}),
        ("TP=2, micro-batch=4, zero=3, recompute=full", {"tp": 2, "micro_batch": 4, "zero_stage": 3, "recompute": 2}),
        ("ep=64,cp=2,dp=16,recompute=1", {"ep": 64, "cp": 2, "dp": 16, "recompute": 1}),
    ],
)
def test_spellings(text: str, members: dict[str, float]) -> None:
    assert read_layout(text) == members
    question = read_question({"layout": text})
    assert question.given == question.layout == members
    assert question.typed == {"layout": text}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("tq=8", "there is no member 'tq'; nearest: tp"),
        ("tp", "'tp' is not a member with its value"),
        ("tp=8,tensor=4", "tp is set twice"),
        ("tp=0", "tp is '0', but must be"),
        ("pp=1.5", "pp is '1.5', but must be a whole number"),
        ("zero=4", "zero_stage is '4', but must be between 0 and 3"),
        ("recompute=most", "or none, selective, full"),
        ("", "layout is members with their values"),
        (8, "not 8"),
    ],
)
def test_what_is_no_layout(raw: object, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as error:
        read_question({"layout": raw})
    assert "\n" not in str(error.value)


def test_a_member_that_is_set_apart_must_agree() -> None:
    assert read_question({"layout": "tp=8", "tp": 8}).given == {"tp": 8}
    with pytest.raises(UserError, match="layout: tp is 8, but tp is set to 4 too"):
        read_question({"layout": "tp=8", "tp": 4})
