"""Layouts side by side, and fleets, for people: a row of numbers each and below it what the step waits for."""

from __future__ import annotations

from aiplan import units
from aiplan.output.plain import columns
from aiplan.specs.result import LayoutRow

MEMBERS = {
    "tp": "tp", "pp": "pp", "cp": "cp", "ep": "ep", "dp": "dp", "virtual_stages": "vp", "zero_stage": "zero",
    "micro_batch": "mb", "recompute": "rc",
}  # fmt: skip
MOST_SHOWN = 5
LEAST_SHOWN = 0.01


def short(layout: dict[str, int]) -> str:
    """A layout as `--layout` takes it, without what is one way only.

    >>> short({"tp": 8, "pp": 16, "cp": 1, "ep": 1, "dp": 128, "virtual_stages": 8, "zero_stage": 1, "recompute": 0})
    'tp=8,pp=16,dp=128,vp=8,zero=1'
    """
    least = {"zero_stage": 0, "recompute": 0}
    shown = [f"{MEMBERS[name]}={value}" for name, value in layout.items() if value != least.get(name, 1)]
    return ",".join(shown) or "tp=1"


def cells(row: LayoutRow, *, fleets: bool = False) -> tuple[str, ...]:
    """One layout, or one fleet, as cells; the layout is the last."""
    named: tuple[tuple[float | None, str, str], ...] = (
        (row.accelerators, "", "accelerators"),
        (row.training_days, "day", "training_days"),
        (row.run_cost, "USD", "run_cost"),
        (row.facility_power, "W", "facility_power"),
    )
    if not fleets:
        named = ((row.step_time, "s", "step_time"), (row.mfu, "", "mfu"),
                 (row.memory_per_accelerator, "B", "memory_per_accelerator"))  # fmt: skip
    shown = ("unknown" if value is None else units.show(value, unit, name) for value, unit, name in named)
    return (*shown, short(row.layout))


def heading(*, fleets: bool = False) -> tuple[str, ...]:
    """Names of the columns."""
    return (*(("accelerators", "days", "run_cost", "power") if fleets else ("step_time", "mfu", "memory")), "layout")


def bound(row: LayoutRow) -> str:
    """What the step spends its time on."""
    parts = [f"{part['what']} {part['share']:.0%}" for part in row.bound_by if part["share"] >= LEAST_SHOWN]
    return ", ".join(parts[:MOST_SHOWN]) + ("" if row.fits else "; does not fit")


def lines(rows: list[LayoutRow], *, fleets: bool = False) -> list[str]:
    """A heading, then two lines a row: numbers, and below them the layout of a fleet or what a step waits for."""
    head, body = heading(fleets=fleets), [cells(row, fleets=fleets) for row in rows]
    if fleets:
        head, below = head[:-1], [cell[-1] for cell in body]
        body = [cell[:-1] for cell in body]
    else:
        below = [bound(row) for row in rows]
    first, *rest = columns(head, body, right=tuple(range(3 + fleets))).splitlines()
    return [first, *(line for pair in zip(rest, below, strict=True) for line in (pair[0], f"    {pair[1]}"))]


TITLES = {
    "layouts": "The best layouts of these accelerators, and what their steps spend time on",
    "pareto": "Fleets that no other beats in days, money and power",
}
