"""The measured steps that all tools are asked: groups of rows, each as plain numbers and as the row it came from."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiplan.measurements import folder, number_of
from aiplan.validate import Report, Scored, report, width_of

HERE = Path(__file__).parent
KIND = "training-throughput"
USUAL_MFU = 0.40  # what a planner without a model often takes
MEGATRON_2021 = frozenset(f"thr-{n}" for n in range(1150, 1160))


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one table that are scored together."""

    name: str
    title: str
    table: Path
    takes: Callable[[Scored], bool]
    fitted: bool  # whether the shipped calibration has seen its table


@dataclass(slots=True)
class Cases:
    """The cases of a group, what was measured and what two flat rules say [s], and its rows as the table has them."""

    group: Group
    asked: list[dict[str, Any]] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)
    flat: dict[str, float] = field(default_factory=dict)
    usual: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)


def _plain(scored: Scored) -> bool:
    """A dense model trained whole, with a stated layout and no doubt about the row."""
    case = scored.answer.case
    return not (case.routed or case.adapters or scored.answer.row.mark or "layout" in case.assumed)


def _dense(scored: Scored) -> bool:
    return _plain(scored) and not scored.derived and scored.answer.row.id not in MEGATRON_2021


def groups() -> list[Group]:
    """All groups, the ones with most rows last."""
    at = folder()
    published = at / "training-throughput.csv"
    return [
        Group("llama-3.1-405b", "Llama 3.1 405B on 8,192 and 16,384 H100", HERE / "llama-3.1-405b.csv", _plain, False),
        Group("megatron-2021", "Megatron-LM 2021, 1.7B to 1T on A100", published,
              lambda s: s.answer.row.id in MEGATRON_2021, True),
        Group("vtrain-multi", "Megatron-LM on 256 and 512 A100 (vTrain)", at / "vtrain-a100-multi.csv", _plain, True),
        Group("our-h100", "PyTorch on one H100 (measured by the project)", at / "our-h100-steps.csv", _plain, False),
        Group("dense", "dense models of the published tables", published, _dense, True),
        Group("vtrain-single", "Megatron-LM on 2 to 8 A100 (vTrain)", at / "vtrain-a100-single.csv", _plain, True),
    ]  # fmt: skip


def cases_of(wanted: list[Group]) -> list[Cases]:
    """The cases of each group; a table is read once."""
    reports: dict[Path, Report] = {}
    out = []
    for group in wanted:
        if group.table not in reports:
            reports[group.table] = report(KIND, group.table)
        read = reports[group.table]
        out.append(_cases(group, [s for s in (*read.scored, *read.derived) if group.takes(s)]))
    return out


def _cases(group: Group, rows: list[Scored]) -> Cases:
    out = Cases(group)
    chosen = set()
    for scored in rows:
        asked = _asked(scored)
        if asked is None:
            continue
        name, tokens = asked["id"], asked["batch_tokens"] / asked["accelerators"]
        out.asked.append(asked)
        out.measured[name] = scored.measured_cost * tokens
        values = scored.answer.values
        out.usual[name] = values["flops_per_token"] * tokens / values["peak_flops"] / USUAL_MFU
        if scored.flat is not None:
            out.flat[name] = out.measured[name] * math.exp(scored.flat.value)
        chosen.add(name)
    with group.table.open(encoding="utf-8", newline="") as file:
        out.rows = [row for row in csv.DictReader(file) if row["id"] in chosen]
    return out


def _asked(scored: Scored) -> dict[str, Any] | None:
    """A case as plain numbers; None where the row does not state its shape or its batch."""
    case, row = scored.answer.case, scored.answer.row
    given = case.given
    if case.invented or "batch_tokens" not in given:
        return None
    out: dict[str, Any] = {"id": row.id, "chip": case.chip, "width": width_of(case)}
    names = ("layers", "d_model", "d_ff", "heads", "kv_heads", "vocab", "params", "seq_len", "batch_tokens", "tp", "pp")
    out |= {name: given[name] for name in (*names, "accelerators", "virtual_stages", "recompute")}
    out |= {"cp": given.get("cp", 1.0), "dp": given.get("dp", given["accelerators"] / (given["tp"] * given["pp"]))}
    out["zero_stage"] = given.get("zero_stage", 0.0 if case.stack == "before FlashAttention" else 1.0)
    out["micro_batch"] = given.get("micro_batch") or 1.0
    accumulated = number_of(row.inputs.get("grad_accum", ""))
    share = given["batch_tokens"] / given["seq_len"] / out["dp"] / out["micro_batch"]
    out["micro_batches"] = accumulated or max(1.0, float(round(share)))
    return out
