"""The best layouts and the fleets of a plan, side by side: what is shown is what a plan with them would say."""

from __future__ import annotations

import jsonschema
import pytest

from aiplan.cli.schema import schema_of
from aiplan.output.layouts import short
from tests.cli.helpers import aiplan, train

MIXTRAL = "--model mixtral-8x7b --accelerator h100"


@pytest.mark.parametrize(
    "asked", ["--model llama-3.1-405b --accelerator h100 --accelerators 16384", f"{MIXTRAL} --accelerators 64"]
)
def test_rows_are_what_plans_with_these_layouts_say(asked: str) -> None:
    done = train(f"{asked} --layouts 4")
    rows = done.json["layouts"]
    assert len(rows) == 4
    assert done.json["choices"]["layout"] == rows[0]["layout"]
    for name in ("step_time", "training_days", "run_cost"):
        assert done.value(name) == pytest.approx(rows[0][name], rel=1e-9), name
    for row in rows[:2]:
        alone = train(f"{asked} --layout {short(row['layout'])}")
        for name in ("step_time", "mfu", "memory_per_accelerator", "facility_power"):
            assert row[name] == pytest.approx(alone.value(name), rel=1e-9), name
        assert 0.95 < sum(part["share"] for part in row["bound_by"]) <= 1.0 + 1e-9
    assert rows[0]["step_time"] <= train(asked).value("step_time") * (1 + 1e-9)
    jsonschema.validate(done.json, schema_of("result"))


def test_given_members_stay_and_others_are_searched() -> None:
    rows = train(f"{MIXTRAL} --accelerators 64 --layout tp=2,pp=4 --layouts 5").json["layouts"]
    assert {(row["layout"]["tp"], row["layout"]["pp"]) for row in rows} == {(2, 4)}


def test_where_nothing_fits_the_nearest_are_shown() -> None:
    rows = train("--model llama-3.1-405b --accelerator h100 --accelerators 8 --layouts 3", code=3).json["layouts"]
    assert [row["fits"] for row in rows] == [0.0] * 3
    assert "does not fit" in aiplan("train", "--params", "400B", "--accelerators", "8", "--layouts", "1").out


def test_no_fleet_of_the_front_beats_another() -> None:
    rows = train(f"{MIXTRAL} --deadline 30d --pareto").json["pareto"]
    assert len(rows) > 5
    for one in rows:
        for other in rows:
            pairs = [(one[n], other[n]) for n in ("training_days", "run_cost", "facility_power")]
            assert one is other or not all(a <= b for a, b in pairs) or all(a == b for a, b in pairs)
    assert [row["accelerators"] for row in rows] == sorted(row["accelerators"] for row in rows)
    row = rows[-1]
    alone = train(f"{MIXTRAL} --accelerators {row['accelerators']:.0f} --recovery elastic")
    assert row["training_days"] == pytest.approx(alone.value("training_days"), rel=1e-9)


def test_fleets_beyond_a_limit_are_no_choices() -> None:
    """Of the fleets without limits those within them are left; where none is, it is told."""
    free = {row["accelerators"]: row for row in train(f"{MIXTRAL} --deadline 30d --pareto").json["pareto"]}
    assert all(row["training_days"] <= 30 for row in free.values())
    power = sorted(row["facility_power"] for row in free.values())[len(free) // 2]
    capped = train(f"{MIXTRAL} --deadline 30d --power {power!r}W --limit capex=$1B --pareto").json["pareto"]
    assert [row["accelerators"] for row in capped] == [n for n, row in free.items() if row["facility_power"] <= power]
    none = train(f"{MIXTRAL} --deadline 30d --power 1kW --pareto", code=3).json
    assert "pareto" not in none
    assert "is within all limits" in none["binding"][-1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (f"{MIXTRAL} --accelerators 64 --pareto", "leave the number of accelerators open"),
        ("--params 70B --mfu 40% --layouts 3", "no layouts to compare"),
        ("--params 100 --layouts 3", "no layouts to compare"),
        (f"{MIXTRAL} --layouts 3 --vary pue=1.1..1.2", "without --vary"),
    ],
)
def test_what_cannot_be_compared(flags: str, said: str) -> None:
    done = aiplan("train", *flags.split())
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_tables_are_80_columns_and_name_what_binds() -> None:
    done = aiplan("train", *MIXTRAL.split(), "--layouts", "3", "--pareto")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    after = done.out.partition("The best layouts")[2].splitlines()
    assert "compute" in after[3]
    assert "Fleets that no other beats" in done.out
    page = aiplan("train", *MIXTRAL.split(), "--layouts", "3", "--pareto", "--format", "md").out
    assert "### The best layouts" in page
    assert "| compute " in page
