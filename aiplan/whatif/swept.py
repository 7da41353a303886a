"""A sweep from the question to what is written: blocks, written as they come or kept until all are known."""

from __future__ import annotations

import hashlib
import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiplan import __version__
from aiplan.catalog import open_catalog
from aiplan.errors import UserError
from aiplan.executors import executor
from aiplan.output import blocks as written
from aiplan.output import sweep as show
from aiplan.plan import TRAIN
from aiplan.whatif import sweep
from aiplan.whatif.blocks import Block, Solver, Work, blocks
from aiplan.whatif.files import named_files
from aiplan.whatif.parts import Parts, digest
from aiplan.whatif.scenario import Over

ALONE = {"closed": 1 << 62, "searched": 2_000, "solved": 100, "answered": 20}  # points that need no other process


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a grid is asked: the form, the columns, and who works on it."""

    form: str
    show: str | None = None
    pareto: str | None = None
    best_of: str | None = None
    output: Path | None = None
    jobs: int = 0
    engine: str = "processes"
    scheduler: str = ""
    fresh: bool = False
    quiet: bool = False


@dataclass(slots=True)
class Standing:
    """How the rows stand to one another: the quantities of the front and of the bests."""

    front: list[str]
    best: list[str]

    @property
    def names(self) -> list[str]:
        """All that must be known of every row."""
        return list(dict.fromkeys([*self.front, *self.best]))

    def of(self, columns: dict[str, Any], plan: Sequence[str]) -> tuple[list[bool], dict[str, int]]:
        """Whether each row is on the front, and the number of the best row by each quantity."""
        front = sweep.front(sweep.scores(columns, plan, self.front)) if self.front else []
        best = sweep.best(sweep.scores(columns, plan, self.best), self.best) if self.best else {}
        return front, best


def run(file: Path | None, over: Over, overlays: Sequence[Path], asked: Asked) -> Counter[str]:
    """Solve and write a sweep; how many plans are ok, failed and impossible."""
    standing = Standing(sweep.names_of(asked.pareto, "--pareto"), sweep.names_of(asked.best_of, "--best-of"))
    shown = sweep.names_of(asked.show, "--show")
    catalog, defaults = open_catalog(overlays)
    path, key, scenario = sweep.scenario_of(file, over)
    every = sweep.OF_DOCUMENTS if scenario.ask == "tokens" else TRAIN
    usual = sweep.shown_of(scenario.ask)
    names = tuple(dict.fromkeys([*(shown or (usual if asked.form == "table" else every)), *standing.names]))
    folders = tuple(p.resolve() for p in catalog.overlays)
    whole = asked.form in ("json", "jsonl")
    columns = tuple(standing.names) if whole else names
    solver = Solver(Work(path, key, scenario, over, folders, defaults, columns, whole), catalog)
    if asked.form == "table":
        return _as_table(solver, asked, standing, shown or list(usual))
    return _as_file(solver, asked, standing)


def _solved(solver: Solver, todo: Sequence[tuple[int, int]], known: int, asked: Asked) -> Iterator[Block]:
    """Blocks as they come, with progress; in other processes where there is enough to do."""
    total = len(solver.grid.kept())
    progress = show.Progress(total, known, quiet=asked.quiet)
    alone = asked.engine == "processes" and (asked.jobs == 1 or total - known <= ALONE[solver.kind])
    with executor(asked.engine, asked.scheduler, 1 if alone else asked.jobs) as (pool, width):
        for block in blocks(solver, todo, pool, width):
            progress.add(len(block.indices))
            yield block
    progress.end()


def _as_file(solver: Solver, asked: Asked, standing: Standing) -> Counter[str]:
    """A file by way of its parts; to standard output lines as they come where they stand alone."""
    if asked.form == "parquet" and asked.output is None:
        raise UserError("--format parquet needs --output FILE")
    form = _form(solver, asked)
    told: Counter[str] = Counter()
    boxes = solver.boxes()
    firsts = _firsts(solver, boxes)
    if asked.output is not None:
        parts = Parts(asked.output, _about(solver, asked), fresh=asked.fresh)
        todo = [box for box in boxes if box[0] not in parts.done]
        known = sum(_count(solver, box) for box in boxes if box[0] in parts.done)
        if parts.done and not asked.quiet:
            print(f"{parts.folder} has {known:,} points, and the sweep goes on there", file=sys.stderr)
        for box, block in zip(todo, _solved(solver, todo, known, asked), strict=True):
            parts.write(box[0], form.encode(block, firsts[box[0]]))
            told.update(block.plan)
        starts = [start for start, _ in boxes]
        for part in parts.read(start for start in starts if start in parts.done):
            told.update(form.decode(part, [])[1])
        extras = _extras(form, parts.read(starts), standing) if standing.names else []
        parts.finish(lambda file: form.join(parts.read(starts), extras, file))
        return told
    assert not isinstance(form, written.Parquet)
    kept: list[bytes] = []
    alone = asked.form != "json" and not standing.names
    if isinstance(form, written.Csv) and alone:
        print(form.heading(), flush=True)
    for box, block in zip(boxes, _solved(solver, boxes, 0, asked), strict=True):
        told.update(block.plan)
        part = form.encode(block, firsts[box[0]])
        if alone:
            print(form.text(part), end="", flush=True)
        else:
            kept.append(part)
    if not alone:
        whole = io.BytesIO()
        form.join(kept, _extras(form, kept, standing) if standing.names else [], whole)
        print(whole.getvalue().decode(), end="", flush=True)
    return told


def _form(solver: Solver, asked: Asked) -> written.Csv | written.Json | written.Parquet:
    """How the blocks are written."""
    if asked.form in ("json", "jsonl"):
        return written.Json(lines=asked.form == "jsonl")
    columns = written.columns_of(solver.grid, solver.columns())
    return written.Csv(columns) if asked.form == "csv" else written.Parquet(columns)


def _count(solver: Solver, box: tuple[int, int]) -> int:
    return len(solver.grid.kept(*box))


def _firsts(solver: Solver, boxes: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The number of the first row of each block."""
    out, number = {}, 1
    for box in boxes:
        out[box[0]] = number
        number += _count(solver, box)
    return out


def _extras(form: Any, parts: Any, standing: Standing) -> list[written.Extra]:
    """The columns that compare a row with all others."""
    columns: dict[str, list[float]] = {name: [] for name in standing.names}
    plan: list[str] = []
    for part in parts:
        found, words = form.decode(part, standing.names)
        for name, values in found.items():
            columns[name].extend(values)
        plan += words
    front, best = standing.of(columns, plan)
    out: list[written.Extra] = [("front", [int(kept) for kept in front])] if standing.front else []
    for name in standing.best:
        flags = [0] * len(plan)
        if name in best:
            flags[best[name] - 1] = 1
        out.append((f"best {name}", flags))
    return out


def _about(solver: Solver, asked: Asked) -> dict[str, Any]:
    """What the parts of a file are of; the parts of anything else are refused."""
    work = solver.work
    scenario = work.scenario.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {
        "version": __version__,
        "format": asked.form,
        "scenario": scenario,
        "columns": list(solver.columns()),
        "draws": work.over.draws,
        "seed": work.over.seed,
        "settings": {name: str(value) for name, value in work.defaults.items()},
        "catalogue": digest(work.overlays),
        **({"documents": _documents(work)} if work.scenario.ask == "tokens" else {}),
        "method": solver.kind,
    }


def _documents(work: Work) -> str:
    """The files that a scenario about documents names, in short: their names, sizes and times of change."""
    out = hashlib.sha256()
    for name in sorted(named_files(work.scenario.model_dump(by_alias=True))):
        path = work.path.parent / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                out.update(f"{file}\0{file.stat().st_size}\0{file.stat().st_mtime_ns}\0".encode())
    return out.hexdigest()


def _as_table(solver: Solver, asked: Asked, standing: Standing, shown: list[str]) -> Counter[str]:
    """A table of the first rows, or of the front."""
    boxes = solver.boxes()
    firsts = _firsts(solver, boxes)
    found = list(zip(boxes, _solved(solver, boxes, 0, asked), strict=True))
    plan = [word for _, block in found for word in block.plan]
    columns = {name: [v for _, block in found for v in block.columns[name]] for name in standing.names}
    front, best = standing.of(columns, plan) if standing.names else ([], {})
    numbers = [i for i, kept in enumerate(front, 1) if kept] if front and len(plan) > show.MOST_LINES else None
    rows: list[sweep.Row] = []
    for box, block in found:
        if len(rows) < show.MOST_LINES:
            made = sweep.rows(block, solver.grid, firsts[box[0]])
            rows += [row for row in made if numbers is None or front[row.number - 1]]
    told = Counter(plan)
    notes = [f"best {name}: row {number}" for name, number in best.items()]
    notes += [f"{told['impossible']} of {len(plan)} plans are impossible"] if told["impossible"] else []
    of = len(plan) if numbers is None else len(numbers)
    _put([show.table(rows[: show.MOST_LINES], shown, of=of, front=front, notes=notes)], asked.output)
    return told


def _put(lines: Any, output: Path | None) -> None:
    """Write lines as they come."""
    if output is None:
        for line in lines:
            print(line, flush=True)
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}") from None
