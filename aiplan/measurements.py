"""Published measurements: tables read row by row, with what went in kept apart from what came out.

A row's `inputs` hold only the columns named in INPUTS, so no outcome can reach a prediction: the reader puts the
columns of OUTCOMES elsewhere, and drops every column that it does not know.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aiplan import yamlio
from aiplan.catalog import data_root
from aiplan.errors import UserError, nearest
from aiplan.measured_memory import day_of

KINDS = ("training-throughput", "training-runs", "training-memory", "inference-throughput", "inference-latency")
TABLES: dict[str, tuple[str, ...]] = {
    "training-throughput": ("training-throughput.csv", "vtrain-a100-multi.csv", "vtrain-a100-single.csv"),
    "training-runs": ("training-runs.yaml",),
    "training-memory": ("training-throughput.csv", "memory-h100-nanotron.csv"),
}
MAX_BYTES = 64_000_000
GIB = 2.0**30

# What a prediction may see.
INPUTS = tuple(
    "model params_total params_active n_layers d_model d_ff n_heads n_kv_heads vocab experts experts_per_token "
    "shared_experts d_ff_expert task hardware n_chips precision tp pp vp cp ep dp schedule fsdp_or_zero zero_or_fsdp "
    "recompute recipe micro_batch_seqs grad_accum global_batch_seqs "
    "global_batch_tokens seq_len training_tokens flops_published framework date network_gbps_per_chip".split()
)
# What was measured: never seen by a prediction.
OUTCOMES = tuple(
    "tokens_per_s_per_chip step_time_s model_tflops_per_s_per_chip tflops_per_s_per_chip mfu_pct hfu_pct "
    "time_to_train_min memory_gib_per_chip chip_hours wall_days derived_mfu_6nd_pct goodput_pct".split()
)
# What is only shown or grouped by.
ABOUT = tuple(
    "org source sources confidence from_memory arch_from_memory notes chip_hours_provenance validation_grade".split()
)
_INFERENCE = ("tok_s", "ttft_ms", "tpot_ms", "input_len", "output_len", "isl", "osl", "concurrency")
_KNOWN = (*INPUTS, *OUTCOMES, *ABOUT, *_INFERENCE)
_BLANK = ("", "null", "none", "n/a", "na", "nan", "-", "?", "unknown")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: what a prediction may see, what was measured, and what is only shown."""

    id: str
    table: str
    inputs: dict[str, str]
    outcomes: dict[str, float] = field(repr=False)
    about: dict[str, str] = field(repr=False)
    mark: str = ""


def folder() -> Path:
    """The folder of the shipped tables."""
    return data_root() / "measurements"


def shipped(kind: str) -> list[Row]:
    """All shipped rows of a kind; of the kind training-memory those that have a measured memory."""
    rows = [row for name in TABLES.get(kind, ()) for row in read(folder() / name)]
    return [row for row in rows if "memory_gib_per_chip" in row.outcomes] if kind == "training-memory" else rows


def kind_of(path: Path, columns: Iterable[str]) -> str:
    """The kind of a table, from its columns."""
    have = set(columns)
    if have & {"chip_hours", "training_tokens", "wall_days"}:
        return "training-runs"
    if have & set(_INFERENCE) and not have & {"tokens_per_s_per_chip", "step_time_s"}:
        return "inference-latency" if have & {"ttft_ms", "tpot_ms"} and "tok_s" not in have else "inference-throughput"
    only_memory = "memory_gib_per_chip" in have and not have & {"tokens_per_s_per_chip", "step_time_s", "mfu_pct"}
    return "training-memory" if only_memory else "training-throughput"


def read(path: Path | str) -> list[Row]:
    """The rows of a CSV or YAML table, in their order.

    Raises UserError for a file that is no such table.
    """
    return _rows(Path(path), *_records(Path(path)))


def read_with_kind(path: Path | str, kind: str | None) -> tuple[str, list[Row]]:
    """The kind of a user's table (as told, else from its columns) and its rows."""
    records, columns = _records(Path(path))
    return kind or kind_of(Path(path), columns), _rows(Path(path), records, columns)


def _rows(path: Path, records: list[dict[str, Any]], columns: list[str]) -> list[Row]:
    marked = marks() if path.parent == folder() else {}
    out: list[Row] = []
    for number, record in enumerate(records, 1):
        cells = {key: text for key in _KNOWN if (text := _text(record.get(key)))}
        name = _text(record.get("id")) or f"row {number}"
        outcomes = {key: value for key in OUTCOMES if (value := number_of(cells.get(key, ""))) is not None}
        inputs = {key: cells[key] for key in INPUTS if key in cells}
        about = {key: cells[key] for key in ABOUT if key in cells}
        if "date" in inputs:
            inputs["date"] += day_of(about.get("notes", ""))
        out.append(Row(name, path.stem, inputs, outcomes, about, marked.get(name, "")))
    return out


def _check_columns(path: Path, columns: Iterable[str]) -> None:
    """Raise UserError where a file has not one column of a table of measurements."""
    columns = list(columns)
    if set(_KNOWN) & set(columns) or any(set(own) <= set(columns) for own in _CONVERTERS):
        return
    named = [c[:40] for c in columns if c][:6]
    near = nearest(named[0], _KNOWN) if named else ""
    raise UserError(
        f"{path}: none of its columns ({', '.join(named) or 'it has none'}) is one of a table of measurements, such as "
        f"model, hardware, n_chips, precision, tp, pp, tokens_per_s_per_chip{near}"
    )


def _text(cell: Any) -> str:
    """A cell as text; the usual spellings of nothing are nothing."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e18:
        cell = int(cell)
    if isinstance(cell, list | tuple):
        return "; ".join(_text(each) for each in cell)
    text = "".join(c for c in str(cell) if c.isprintable() or c == " ").strip()
    return "" if text.lower() in _BLANK else text


def number_of(text: str) -> float | None:
    """A number from a cell, or None where it is not one: `1,024`, `1e9` and `70B` are.

    >>> number_of("1,024"), number_of("70B"), number_of("many")
    (1024.0, 70000000000.0, None)
    """
    plain = text.strip().replace(",", "").replace("_", "")
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError:
        scale = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}.get(plain[-1].lower())
        try:
            value = float(plain[:-1]) * scale if scale else math.nan
        except ValueError:
            return None
    return value if math.isfinite(value) and value >= 0 else None


# -- files -------------------------------------------------------------------------------------------------------


def _records(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of a file as maps, and their columns."""
    records, columns = (_yaml_records if path.suffix.lower() in (".yaml", ".yml", ".json") else _csv_records)(path)
    for own, convert in _CONVERTERS.items():
        if set(own) <= set(columns):
            try:
                records = convert(records)
            except (KeyError, ValueError, TypeError, StopIteration) as error:
                raise UserError(f"{path}: a row is not as in the table whose columns it has ({error})") from None
            columns = list(records[0]) if records else columns
    return records, columns


def _yaml_records(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    raw = yamlio.load(path)
    if isinstance(raw, dict) and len(raw) == 1:
        raw = next(iter(raw.values()))
    if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
        raise UserError(f"{path}: a table in YAML is a list of rows, each a map of columns")
    records = [{_column(key): cell for key, cell in row.items()} for row in raw]
    columns = list(dict.fromkeys(key for record in records for key in record))
    _check_columns(path, columns)
    return records, columns


def _csv_records(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    text = _read(path)
    lines = text.splitlines(keepends=True)
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        lines.pop(0)
    if not lines:
        raise UserError(f"{path}: the file is empty")
    delimiter = max(",;\t|", key=lines[0].count)
    try:
        table = list(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV table ({error})") from None
    header = [_column(cell) for cell in table[0]]
    _check_columns(path, header)
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise UserError(f"{path}: the column {twice[0]!r} is there twice")
    out = []
    for number, cells in enumerate(table[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise UserError(f"{path}: row {number} has {len(cells)} cells, but the header has {len(header)} columns")
        out.append(dict(zip(header, cells, strict=False)))
    return out, header


def _column(name: Any) -> str:
    """A column's name without case, spaces and byte order mark."""
    return re.sub(r"[\s\-]+", "_", str(name).strip().lstrip("\ufeff").lower())


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise UserError(f"{path}: {'not a regular file' if path.exists() else 'no such file'}")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: larger than {MAX_BYTES:,} bytes")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{str(path)!r}: cannot be read ({reason})") from None
    if b"\0" in raw:
        raise UserError(f"{path}: not a text file (it holds a NUL byte)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:{raw.count(10, 0, error.start) + 1}: not UTF-8 text") from None


@cache
def marks() -> dict[str, str]:
    """Known doubts about shipped rows, by id."""
    entries = yamlio.load(folder() / "marks.yaml")
    return {row: str(entry["why"]) for entry in entries for row in entry["rows"]}


# -- the two memory tables, whose columns are their makers' own ----------------------------------------------------

# Sizes in 1e9 parameters -> the shape that counts to them (nanotron's benchmark models, vocabulary 131,072).
_NANOTRON = {
    "1.34": (16, 2048, 8192, 32), "3.57": (28, 3072, 8192, 24), "8.86": (32, 4096, 14336, 32),
    "80.0": (80, 8192, 28672, 64),
}  # fmt: skip


def _nanotron(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out = []
    for number, r in enumerate(records, 1):
        layers, d_model, d_ff, heads = _NANOTRON[r["model_b"]]
        row: dict[str, Any] = {
            "id": f"nanotron-{number:02}",
            "model": f"nanotron {r['model_b']}B",
            "params_total": f"{r['model_b']}B",
        }
        row |= {"n_layers": layers, "d_model": d_model, "d_ff": d_ff, "n_heads": heads, "n_kv_heads": heads}
        row |= {"vocab": 131072, "seq_len": 4096, "hardware": "H100-80GB-SXM", "n_chips": r["gpus"]}
        row |= {"task": "pretrain", "precision": "bf16", "framework": "nanotron", "cp": 1, "ep": 1}
        row |= {"tp": r["tp"], "pp": r["pp"], "dp": r["dp"], "fsdp_or_zero": r["zero"], "micro_batch_seqs": r["mbs"]}
        row |= {"global_batch_seqs": int(r["dp"]) * int(r["gas"]) * int(r["mbs"])}
        row |= {"mfu_pct": r["mfu_pct"], "memory_gib_per_chip": r["mem_gb"]}
        row |= {"source": "github:huggingface/nanotron@2411b022:docs/benchmark_summary.svg"}
        out.append(row)
    return out


_SIMUMAX = {"llama3_70b": "llama3-70b", "llama3_405b": "llama3.1-405b", "deepseekv2": "deepseek-v2",
            "deepseekv3": "deepseek-v3"}  # fmt: skip


def _simumax(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out = []
    for number, r in enumerate(records, 1):
        at = {key: int(value) for key, value in re.findall(r"_(tp|pp|dp|ep|cp|l|mbc|seq)(\d+)", r["case"])}
        model = next(_SIMUMAX[name] for name in _SIMUMAX if r["case"].startswith(name))
        tp, pp, cp, dp = (at.get(name, 1) for name in ("tp", "pp", "cp", "dp"))
        row: dict[str, Any] = {"id": f"simumax-{number:02}", "n_layers": at["l"]}
        row |= {"model": f"{model}-truncated-{at['l']}L"}
        row |= {"task": "pretrain", "hardware": "B200", "n_chips": tp * pp * cp * dp, "precision": "bf16"}
        row |= {"tp": tp, "pp": pp, "cp": cp, "dp": dp, "ep": at.get("ep", 1), "micro_batch_seqs": 1}
        row |= {"seq_len": at.get("seq", 4096), "global_batch_seqs": dp * at["mbc"]}
        if model.startswith("llama3.1-405b"):
            row["n_kv_heads"] = 16  # as its scripts have it
        row |= {"step_time_s": float(r["real_ms"]) / 1000, "memory_gib_per_chip": r["real_alloc_gib"]}
        row |= {"framework": "Megatron-LM (SimuMax real run)"}
        row |= {"source": "github:MooreThreads/SimuMax@4dcaae5:docs/b200/b200_release_v1.2_summary.md"}
        out.append(row)
    return out


_CONVERTERS = {("model_b", "gas", "mem_gb"): _nanotron, ("case", "real_ms", "real_alloc_gib"): _simumax}
