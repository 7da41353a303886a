"""A grid solved in blocks: each is columns of values, made in this process or in another, the same wherever it is.

Where nothing is free to be solved for, a block is one evaluation of the graph; else every point is planned on its own.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aiplan.catalog import Catalog
from aiplan.errors import LayoutError
from aiplan.plan import train
from aiplan.specs.question import Question
from aiplan.specs.scenario import Scenario, Variant
from aiplan.whatif import grid
from aiplan.whatif.assertions import Assertion
from aiplan.whatif.lattice import Lattice, Mixed, holds_at, located
from aiplan.whatif.scenario import Answered, Over, answer_one, conditions, grid_from, question_of

FEW = 64  # points up to which each is planned on its own, without numpy
# Points of a block by what a point takes: a closed form, a search for its layout, a plan to solve, the whole answer.
SIZES = {"closed": 1 << 16, "searched": 512, "solved": 32, "answered": 8}


@dataclass(frozen=True, slots=True)
class Work:
    """A sweep as a worker needs it: the scenario with the command line laid over it, and what is asked of a point."""

    path: Path
    key: str
    scenario: Scenario
    over: Over
    overlays: tuple[Path, ...]
    defaults: dict[str, Any]
    columns: tuple[str, ...]
    whole: bool = False
    """Whether the whole answer of each point is asked, beside the columns."""

    @property
    def drawn(self) -> bool:
        """Whether a value is the median of draws, with a p10 and a p90 beside it."""
        return bool(self.scenario.vary) or self.over.draws is not None


@dataclass(slots=True)
class Block:
    """Points of a grid in order: their values (None or nan: none), what became of each plan, and what binds it."""

    indices: Sequence[int]
    columns: dict[str, Any]
    plan: list[str]
    binding: list[str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Each point and its whole answer, where that is asked."""


@dataclass(slots=True)
class Solver:
    """Solves the blocks of one sweep; a worker keeps it from one block to the next."""

    work: Work
    catalog: Catalog
    grid: grid.Grid = field(init=False)
    kind: str = field(init=False)
    question: Question = field(init=False)
    asserted: list[Assertion] = field(init=False)
    lattice: Lattice | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        work = self.work
        self.grid = grid_from(work.path, work.key, work.scenario, work.over.most_points)
        parsed = conditions(work.path, work.key, work.scenario, work.over)
        self.asserted = [a for a, kind in parsed if kind == "assert"]
        if work.whole or work.drawn or work.scenario.ask != "train" or any(a.percentile for a in self.asserted):
            self.kind = "answered"
            return
        self.kind = "solved"
        variant = Variant(set=work.scenario.set, limit=work.scenario.limit)
        self.question = question_of(work.path, work.key, variant, "train")
        if len(self.grid) <= FEW or find_spec("numpy") is None:
            return
        lattice = Lattice(self.question, self.grid, self.catalog, work.defaults, work.columns, self.asserted)
        first = lattice.frame(self.grid.at(self.grid.kept()[0]))
        if not any(g.origin == "search" for g in first.plan.given.values()):
            lays_out = any("tp" in formula.gives for formula in first.order.steps)
            self.kind = "searched" if lays_out else "closed"
            self.lattice = lattice

    def boxes(self) -> list[tuple[int, int]]:
        """The blocks, as ranges of indices; they depend on the question alone, not on who solves them."""
        return self.grid.boxes(SIZES[self.kind])

    def block(self, start: int, stop: int) -> Block:
        """The points of a block."""
        if self.lattice is None:
            return self._one_by_one(start, stop)
        try:
            columns, plan, binding = self.lattice.block(start, stop)
        except Mixed:
            return self._one_by_one(start, stop)
        kept = self.grid.kept(start, stop)
        pick = slice(None) if len(kept) == stop - start else [i - start for i in kept]
        flat = {name: values[pick] for name, values in columns.items()}
        return Block(kept, flat, plan[pick].tolist(), binding[pick].tolist())

    def columns(self) -> list[str]:
        """The names of all columns of values."""
        ends = ("", ".p10", ".p90") if self.work.drawn else ("",)
        return [f"{name}{end}" for name in self.work.columns for end in (ends if name != "fits" else ("",))]

    def _one_by_one(self, start: int, stop: int) -> Block:
        names = self.columns()
        out = Block(self.grid.kept(start, stop), {name: [] for name in names}, [], [])
        for index in out.indices:
            row, plan, binding = self._answered(index, out) if self.kind == "answered" else self._solved(index)
            for name in names:
                out.columns[name].append(row.get(name))
            out.plan.append(plan)
            out.binding.append("; ".join(dict.fromkeys(line.partition(":")[0] for line in binding)))
        return out

    def answered(self, index: int) -> Answered:
        """The whole answer at a point."""
        work, point = self.work, self.grid.at(index)
        title = grid.title(point)
        with located(point):
            return answer_one(work.path, work.key, work.scenario, title, self.catalog, work.defaults, work.over, point)

    def _answered(self, index: int, out: Block) -> tuple[dict[str, float | None], str, list[str]]:
        found = self.answered(index)
        if self.work.whole:
            out.rows.append({"point": found.point, "result": found.result.to_json()})
        return values_of(found, self.work.columns), found.status, found.result.binding

    def _solved(self, index: int) -> tuple[dict[str, float | None], str, list[str]]:
        point = self.grid.at(index)
        with located(point):
            asked = grid.at_point(self.question, point)
            try:
                plan = train(asked, self.catalog, self.work.defaults, more=[a.quantity for a in self.asserted])
            except LayoutError:
                return {}, "impossible", ["layout"]
        holds = all(holds_at(a, plan.value(a.quantity)) for a in self.asserted)
        word = "impossible" if plan.impossible else "ok" if holds else "failed"
        return {name: plan.value(name) for name in self.work.columns}, word, plan.binding


def values_of(answered: Answered, names: Sequence[str]) -> dict[str, float | None]:
    """Values of an answer, of one with draws the medians, with the p10 and the p90 beside them."""
    out: dict[str, float | None] = {}
    drawn = answered.draws is not None
    for name in names:
        if value := answered.result.quantities.get(name):
            out[name] = value.p50 if drawn and value.p50 is not None else value.value
            if drawn and name != "fits":
                certain = value.p10 is None and value.p50 is None and value.p90 is None
                out[f"{name}.p10"] = value.value if certain else value.p10
                out[f"{name}.p90"] = value.value if certain else value.p90
    return out


@lru_cache(maxsize=2)
def _solver(packed: bytes) -> Solver:
    work: Work = pickle.loads(packed)
    return Solver(work, Catalog(work.overlays))


def solve(packed: bytes, start: int, stop: int) -> Block:
    """A block of a packed sweep, in whichever process."""
    return _solver(packed).block(start, stop)


def blocks(
    solver: Solver, todo: Sequence[tuple[int, int]], pool: Executor | None = None, width: int = 1
) -> Iterator[Block]:
    """The blocks in order; with a pool, twice as many as it runs at once are under way."""
    if pool is None:
        yield from (solver.block(start, stop) for start, stop in todo)
        return
    packed = pickle.dumps(solver.work)
    running: deque[Future[Block]] = deque()
    for start, stop in todo:
        running.append(pool.submit(solve, packed, start, stop))
        if len(running) >= 2 * width:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
