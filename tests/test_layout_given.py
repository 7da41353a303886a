"""Layouts that a user gives: those that cannot be built, those that do not fit and what would make them fit."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aiplan.catalog import open_catalog
from aiplan.errors import UserError
from aiplan.plan import Plan, train
from aiplan.specs.question import read_question

LLAMA = {"model": "llama-3.1-405b", "accelerator": "h100", "tokens": "15.6T", "batch_tokens": 16777216}
SMALL = {"model": "llama-3-70b", "accelerator": "h100", "accelerators": 64}
SPARSE = {"model": "mixtral-8x7b", "accelerator": "h100", "accelerators": 64}


def plan(asked: dict[str, Any], layout: str, *, repair: bool = False, **more: Any) -> Plan:
    return train(read_question({**asked, "layout": layout, **more}), open_catalog()[0], repair=repair)


def test_the_layout_of_llama_405b_fits_as_it_did() -> None:
    found = plan(LLAMA, "tp=8,pp=16,cp=1,vp=8", accelerators=16384)
    assert [found.value(n) for n in ("tp", "pp", "cp", "dp", "virtual_stages")] == [8, 16, 1, 128, 8]
    assert found.value("fits") == 1
    assert found.value("memory_per_accelerator") < 80e9
    assert not found.impossible


def test_all_ranks_are_the_number_of_accelerators() -> None:
    found = plan(LLAMA, "tp=8,pp=16,cp=1,dp=20")
    assert found.value("accelerators") == 2560
    assert found.nodes["accelerators"].origin == "given"


def test_a_fleet_is_sized_in_whole_layouts() -> None:
    found = plan(LLAMA, "tp=8,pp=16,cp=1", training_days="120d")
    assert found.value("accelerators") % 128 == 0
    assert 115 < found.value("training_days") <= 120


@pytest.mark.parametrize(
    ("asked", "layout", "said"),
    [
        (SMALL, "tp=8,pp=3", "layout tp=8 pp=3, 24 in all, does not divide 64 accelerators; 48 or 72 would do"),
        (SMALL, "tp=128", "layout tp=128 does not divide 64 accelerators; 128 would do"),
        (SMALL, "tp=8,pp=2,cp=1,dp=2", "uses 32 of 64 accelerators"),
        (SMALL, "ep=8", "layout: ep is 8, but the model has no experts"),
        (SMALL | {"accelerators": 60}, "tp=6", "layout: tp is 6, but the 64 heads"),
        (SMALL | {"accelerators": 96}, "pp=96", "layout: pp is 96, but the model has 80 layers"),
        (SMALL, "pp=16,vp=8", "layout: virtual_stages is 8, but 16 stages of 8 parts are more than 80 layers"),
        (SPARSE, "ep=3", "layout: ep is 3, but the 8 experts"),
    ],
)
def test_what_cannot_be_built(asked: dict[str, Any], layout: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        plan(asked, layout)


def test_what_does_not_fit_says_by_how_much_and_what_would_help() -> None:
    found = plan(SMALL, "tp=8,pp=1,cp=1,recompute=none,mb=4", repair=True)
    assert found.impossible
    memory, cheapest, *others = found.binding
    over = found.value("memory_per_accelerator") - found.value("usable_memory")
    assert f"{over / 1e9:.3g} GB too much" in memory
    assert cheapest.startswith("cheapest change that makes it fit: micro_batch=")
    assert others
    times = []
    asked = {"cp": 1, "recompute": 0, "micro_batch": 4}
    for line in (cheapest, *others[:2]):  # each change alone, the cheapest first
        name, value, memory_text = re.search(r": (\w+)=(\d+) takes (\S+) GB", line).groups()  # type: ignore[union-attr]
        members = asked | {name: int(value)}
        changed = plan(SMALL, "tp=8,pp=1," + ",".join(f"{n}={v}" for n, v in members.items()))
        assert changed.value("fits") == 1
        assert f"{changed.value('memory_per_accelerator') / 1e9:.3g}" == memory_text
        times.append(changed.value("step_time"))
    assert times == sorted(times)


def test_two_changes_where_one_is_not_enough() -> None:
    found = plan(SMALL, "tp=1,pp=1,cp=1,ep=1,zero=0,recompute=none,mb=8", repair=True)
    cheapest = found.binding[1]
    members = re.findall(r"(\w+)=(\d+)", cheapest)
    assert len(members) > 1
    kept = {"tp": 1, "pp": 1, "cp": 1, "ep": 1, "zero_stage": 0, "recompute": 0, "micro_batch": 8}
    changed = kept | {name: int(value) for name, value in members}
    assert plan(SMALL, ",".join(f"{n}={v}" for n, v in changed.items())).value("fits") == 1
    for name, value in members:
        alone = kept | {name: int(value)}
        assert plan(SMALL, ",".join(f"{n}={v}" for n, v in alone.items())).value("fits") == 0


def test_nothing_given_but_too_few_accelerators() -> None:
    found = train(read_question(LLAMA | {"accelerators": 8}), open_catalog()[0], repair=True)
    assert found.impossible
    line = found.binding[-1]
    count = int(re.search(r"fit: ([\d,]+) accelerators", line)[1].replace(",", ""))  # type: ignore[index]
    more = train(read_question(LLAMA | {"accelerators": count}), open_catalog()[0])
    fewer = train(read_question(LLAMA | {"accelerators": count - 8}), open_catalog()[0])
    assert (more.value("fits"), fewer.value("fits")) == (1, 0)
