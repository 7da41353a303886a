"""Blocks of a grid as CSV or Parquet, in full-precision SI, and joined to one file with what compares the rows."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from aiplan.errors import UserError
from aiplan.output.structured import safe_cell
from aiplan.specs.question import LIMITS
from aiplan.whatif.blocks import Block
from aiplan.whatif.grid import Axis, Grid

REPEATS = 4  # a column with this many points a value, or more, is written value by value
ROWS = 1 << 16  # of a row group of Parquet

SCHEMA = "aiplan.sweep/1"
OPENING = f'{{\n  "schema": "{SCHEMA}",\n  "rows": [\n'

Extra = tuple[str, Sequence[int]]


class Columns(NamedTuple):
    """What the columns are: those of the grid, and those of values."""

    grid: Grid
    values: tuple[str, ...]

    @property
    def headings(self) -> list[str]:
        """The names of all columns."""
        return ["row", *map(heading, self.grid.axes), *self.values, "plan", "binding"]


def columns_of(grid: Grid, names: Iterable[str]) -> Columns:
    """The columns of a sweep; what is swept and given is told once."""
    told = {heading(axis) for axis in grid.axes}
    return Columns(grid, tuple(name for name in names if name not in told))


def heading(axis: Axis) -> str:
    """An axis as it is called in a file; an upper bound is told from what comes of it."""
    return f"limit.{axis.name}" if axis.name in LIMITS else axis.name


def _along(columns: Columns, block: Block, told: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """What is told of each axis at each point."""
    below = len(columns.grid)
    for values in told:
        many = len(values)
        below //= many
        yield [values[i // below % many] for i in block.indices]


def _own(axis: Axis) -> list[Any]:
    """The values or names of an axis."""
    return [step.value if step.choice is None else step.choice for step in axis.steps]


class Csv:
    """CSV: a heading, then a line a point."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.told = [[_cell(value) for value in _own(axis)] for axis in columns.grid.axes]

    def encode(self, block: Block, first: int) -> bytes:
        """The lines of a block, whose first has this number."""
        cells = [list(map(str, range(first, first + len(block.indices))))]
        cells += _along(self.columns, block, self.told)
        cells += [_texts(block.columns[name]) for name in self.columns.values]
        cells += [block.plan, block.binding]
        return "".join(f"{','.join(row)}\n" for row in zip(*cells, strict=True)).encode()

    def decode(self, part: bytes, names: Sequence[str]) -> tuple[dict[str, list[float]], list[str]]:
        """Columns and words of a block that was encoded."""
        rows = list(csv.reader(io.StringIO(part.decode())))
        places = {name: self.columns.headings.index(name) for name in names}
        found = {name: [float(row[i] or "nan") for row in rows] for name, i in places.items()}
        return found, [row[-2] for row in rows]

    def text(self, part: bytes) -> str:
        """The lines of a block that was encoded."""
        return part.decode()

    def heading(self, extras: Sequence[Extra] = ()) -> str:
        """The first line."""
        return _line([*self.columns.headings, *(name for name, _ in extras)])

    def join(self, parts: Iterable[bytes], extras: Sequence[Extra], file: BinaryIO) -> None:
        """Write the whole file."""
        file.write(f"{self.heading(extras)}\n".encode())
        row = 0
        for part in parts:
            if not extras:
                file.write(part)
                continue
            lines = part.decode().splitlines()
            more = zip(*(flags[row : row + len(lines)] for _, flags in extras), strict=True)
            file.writelines(f"{line},{','.join(map(str, e))}\n".encode() for line, e in zip(lines, more, strict=True))
            row += len(lines)


def _texts(values: Any) -> list[str]:
    """Cells of a column; where values repeat, each is written once."""
    if hasattr(values, "tolist"):
        import numpy as np

        different, inverse = np.unique(values, return_inverse=True)
        if len(different) * REPEATS <= len(values):
            told = [_cell(value) for value in different.tolist()]
            return [told[i] for i in inverse.tolist()]
        return ["" if value != value else repr(value) for value in values.tolist()]
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return _line([safe_cell(value)]) if isinstance(value, str) else repr(value)


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


class Json:
    """JSON: a line a point with its whole answer, or all of them in one document."""

    def __init__(self, *, lines: bool) -> None:
        self.lines = lines

    def encode(self, block: Block, first: int) -> bytes:
        """Two columns a line: what the rows are compared by, and the row itself."""
        out = []
        for i, (row, plan) in enumerate(zip(block.rows, block.plan, strict=True)):
            values = {name: column[i] for name, column in block.columns.items()}
            whole = {"row": first + i, "point": row["point"], "plan": plan, "result": row["result"]}
            out.append(f"{_json({'plan': plan, 'values': values})}\t{_json(whole)}\n")
        return "".join(out).encode()

    def decode(self, part: bytes, names: Sequence[str]) -> tuple[dict[str, list[float]], list[str]]:
        """Columns and words of a block that was encoded."""
        heads = [json.loads(line.partition("\t")[0]) for line in part.decode().split("\n")[:-1]]
        found = {n: [float("nan") if (v := head["values"][n]) is None else v for head in heads] for n in names}
        return found, [head["plan"] for head in heads]

    def text(self, part: bytes) -> str:
        """The lines of a block that was encoded."""
        return "".join(f"{line.partition(chr(9))[2]}\n" for line in part.decode().split("\n")[:-1])

    def join(self, parts: Iterable[bytes], extras: Sequence[Extra], file: BinaryIO) -> None:
        """Write the whole file."""
        number = 0
        for part in parts:
            for line in self.text(part).split("\n")[:-1]:
                if self.lines:
                    file.write(f"{_json(_marked(json.loads(line), number, extras)) if extras else line}\n".encode())
                else:
                    row = json.dumps(_marked(json.loads(line), number, extras), indent=2, ensure_ascii=False)
                    file.write((",\n" if number else OPENING).encode() + textwrap.indent(row, "    ").encode())
                number += 1
        if not self.lines:
            file.write(b"\n  ]\n}\n")


def _marked(row: dict[str, Any], number: int, extras: Sequence[Extra]) -> dict[str, Any]:
    """A row with how it stands among the others."""
    flags = {name: bool(values[number]) for name, values in extras}
    front = {"front": flags["front"]} if "front" in flags else {}
    best = [name.removeprefix("best ") for name, flag in flags.items() if flag and name != "front"]
    return {
        **{name: row[name] for name in ("row", "point", "plan")},
        **front,
        **({"best": best} if best else {}),
        "result": row["result"],
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


class Parquet:
    """Parquet: numbers as doubles, null where there is none."""

    def __init__(self, columns: Columns) -> None:
        self.columns, self.arrow = columns, pyarrow()
        self.told = [_own(axis) for axis in columns.grid.axes]

    def encode(self, block: Block, first: int) -> bytes:
        """A block as a file of its own."""
        made: list[Any] = [self.arrow.array(range(first, first + len(block.indices)), self.arrow.int64())]
        for values in _along(self.columns, block, self.told):
            text = bool(values) and isinstance(values[0], str)
            made.append(self.arrow.array(values, self.arrow.string() if text else self.arrow.float64()))
        for name in self.columns.values:
            made.append(self.arrow.array(block.columns[name], self.arrow.float64(), from_pandas=True))
        made += [self.arrow.array(texts, self.arrow.string()) for texts in (block.plan, block.binding)]
        out = io.BytesIO()
        self._write(out, [self.arrow.table(made, names=self.columns.headings)])
        return out.getvalue()

    def _write(self, out: Any, tables: Iterable[Any]) -> None:
        from importlib import import_module

        writer: Any = None
        for table in tables:
            writer = writer or import_module("pyarrow.parquet").ParquetWriter(out, table.schema)
            writer.write_table(table, row_group_size=ROWS)
        if writer is not None:
            writer.close()

    def _read(self, part: bytes) -> Any:
        from importlib import import_module

        return import_module("pyarrow.parquet").read_table(io.BytesIO(part))

    def decode(self, part: bytes, names: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """Columns and words of a block that was encoded."""
        table = self._read(part)
        found = {name: table.column(name).to_numpy(zero_copy_only=False) for name in names}
        return found, table.column("plan").to_pylist()

    def join(self, parts: Iterable[bytes], extras: Sequence[Extra], file: BinaryIO) -> None:
        """Write the whole file, with row groups of their own size."""

        def tables() -> Iterator[Any]:
            row, waiting = 0, []
            for part in parts:
                table = self._read(part)
                for name, flags in extras:
                    own = self.arrow.array(flags[row : row + len(table)], self.arrow.int8())
                    table = table.append_column(name, own)
                row += len(table)
                waiting.append(table)
                if sum(map(len, waiting)) >= ROWS:
                    yield self.arrow.concat_tables(waiting)
                    waiting = []
            if waiting:
                yield self.arrow.concat_tables(waiting)

        self._write(file, tables())


def pyarrow() -> Any:
    """pyarrow, or one sentence that says what is missing."""
    from importlib import import_module

    try:
        return import_module("pyarrow")
    except ImportError:
        raise UserError("Parquet needs the extra: pip install 'aiplan[parquet]'") from None
