"""Many points in one evaluation are what each is as a plan of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from aiplan.catalog import Catalog
from aiplan.plan import TRAIN
from aiplan.whatif.blocks import Solver, Work, blocks
from aiplan.whatif.lattice import Mixed
from aiplan.whatif.scenario import Over
from aiplan.whatif.sweep import scenario_of
from aiplan.whatif.typed import overlay

CATALOG = Catalog()
LAYOUT = dict.fromkeys(("pp", "cp", "ep", "virtual_stages", "zero_stage", "micro_batch"), "1") | {
    "tp": "8",
    "dp": "64",
    "recompute": "0",
}
FLEET = {"accelerator": "h100", "accelerators": "512"}


def solver(
    settings: dict[str, str], sweep: list[str], asserts: list[str] = [], skip: list[dict[str, Any]] = []
) -> Solver:
    over: Over = overlay(settings, [], [], sweep, asserts, None, 0, 100_000)
    path, key, scenario = scenario_of(None, over)
    scenario.skip = skip
    return Solver(Work(path, key, scenario, over, (), {}, tuple(TRAIN)), CATALOG)


@pytest.mark.parametrize(
    ("kind", "settings", "sweep"),
    [
        ("closed", FLEET | LAYOUT, ["params=1B..20B x2", "tokens=100B..1T by 100B", "pue=1.1,1.3"]),
        ("searched", FLEET | {"mfu": "40%", "fits": "1"}, ["params=1B..40B x1.5", "training_days=1..9 by 1"]),
        ("searched", FLEET | {"mfu": "40%"}, ["params=1B..400B x2", "precision=bf16,fp8", "tokens=1T..5T by 1T"]),
        ("searched", FLEET, ["params=1B..2T x3", "tokens=1T..8T by 1T", "accelerator=h100,gb200"]),
        ("searched", {"accelerator": "h100"}, ["params=70B,700B", "accelerators=8..262144 x1.3"]),  # recovery changes
        ("searched", FLEET | {"law": "rule_20"}, ["tokens=1M..1T x1.2"]),  # the shape is left out of tiny models
        ("searched", FLEET, ["params=1k..1B x1.2"]),
        ("searched", FLEET | {"model": "llama-3.1-8b"}, ["tokens=1T..15T by 1T", "batch_tokens=1M..16M x2"]),
        ("searched", FLEET | {"cost_method": "rented"}, ["training_flops=1e20..1e25 x1.15"]),
        ("searched", FLEET | {"params": "8B"}, ["loss=1.9..2.6 by 0.01"]),
        ("searched", FLEET | {"tp": "4", "pp": "2"}, ["params=1B..80B x1.05"]),
    ],
)
def test_a_lattice_is_its_points(kind: str, settings: dict[str, str], sweep: list[str]) -> None:
    """Values, what became of each plan and what binds it, at every point."""
    found = solver(settings, sweep, ["training_days <= 30", "fits"])
    assert found.kind == kind
    assert found.lattice is not None
    for start, stop in found.boxes():
        one = found._one_by_one(start, stop)
        many = found.block(start, stop)
        assert (many.plan, many.binding, list(many.indices)) == (one.plan, one.binding, list(one.indices))
        for name in TRAIN:
            for a, b in zip(many.columns[name], one.columns[name], strict=True):
                a, b = (math.nan if v is None else v for v in (a, b))
                assert a == pytest.approx(b, rel=1e-9, nan_ok=True), name


def test_mixed_rules_fall_back_to_points() -> None:
    """Sizes that a formula gives, on both sides of the edge of shapes, are not put into one evaluation."""
    found = solver(FLEET | {"law": "rule_20"}, ["tokens=1M..1T x1.2"])
    assert found.lattice is not None
    with pytest.raises(Mixed):
        found.lattice.block(0, len(found.grid))


def test_skipped_points_are_not_there() -> None:
    """A block with gaps has the other points, in their order."""
    sweep = ["params=1B..40B by 1B", "pue=1.1,1.2"]
    skip: list[dict[str, Any]] = [{"params": "2B", "pue": 1.2}, {"params": "3B"}]
    found = next(blocks(solver(FLEET, sweep, skip=skip), [(0, 80)]))
    assert len(found.indices) == 80 - 3
    assert [i for i in range(80) if i not in found.indices] == [3, 4, 5]
    whole = solver(FLEET, sweep).block(0, 80)
    assert found.columns["run_cost"].tolist() == whole.columns["run_cost"][list(found.indices)].tolist()


def test_what_is_free_is_solved_at_each_point() -> None:
    """A deadline, uncertain inputs and percentiles are no closed form."""
    grid = ["params=1B..80B by 1B"]
    assert solver({"accelerator": "h100", "training_days": "30"}, grid).kind == "solved"
    assert solver(FLEET, grid, ["run_cost.p90 <= $1M"]).kind == "answered"
    assert solver(FLEET, ["params=1B,2B"]).kind == "solved"  # two points need no numpy


def test_work_is_sent_as_it_is() -> None:
    """Blocks of a pool are those of this process, in order."""
    from concurrent.futures import ThreadPoolExecutor

    found = solver(FLEET | LAYOUT, ["params=1B..40B by 1B", "pue=1.1,1.2"])
    todo = [(i, i + 4) for i in range(0, 80, 4)]
    with ThreadPoolExecutor(3) as pool:
        far = list(blocks(found, todo, pool, 3))
    near = list(blocks(found, todo))
    assert [list(b.indices) for b in far] == [list(b.indices) for b in near]
    assert [b.columns["run_cost"].tolist() for b in far] == [b.columns["run_cost"].tolist() for b in near]
    assert isinstance(found.work.path, Path)
