"""All layouts of a model on a cluster, timed and weighed at once with numpy: the best, the runners-up, what binds each.

The plan's own search (quantities/layout.py) times few layouts and needs no numpy; this one times every layout, for
`--layouts N` and for judging the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiplan.quantities.layout import GIVES, Costs, choose_layout
from aiplan.quantities.layout_candidates import MOST_VIRTUAL_STAGES, OVERHEADS, layout_axes
from aiplan.quantities.pipeline_time import partly_overlapped

CHUNK = 8192  # layouts at once: their arrays stay in the cache

# What a step spends its time on, as it is named to the user, and the times of a micro-batch that it adds up.
PARTS = {
    "compute": ("matrix_time", "expert_matrix_time", "attention_time", "vocabulary_time"),
    "memory traffic": ("elementwise_time",),
    "tp traffic": ("tensor_time",),
    "ep traffic": ("expert_time",),
    "cp traffic": ("context_time",),
    "pp traffic": ("point_to_point_time",),
}


def inputs() -> tuple[str, ...]:
    """Names of the quantities that the costs of layouts are computed from."""
    code = choose_layout.__code__
    return code.co_varnames[: code.co_argcount]


@dataclass(frozen=True, slots=True)
class Ranked:
    """One layout with its time, its memory, and the shares of what its step spends its time on."""

    layout: dict[str, float]
    seconds: float
    bytes: float
    fits: bool
    bound_by: tuple[tuple[str, float], ...]


def candidates(
    values: Mapping[str, float], accelerators: float, fixed: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Every layout that can be built on no more than these accelerators, as one array for each member.

    tp are powers of two (within the domain, dividing the heads), pp powers of two and divisors of the layers, cp
    divisors of the sequence, ep of the experts, with as many replicas as there are accelerators for (pp and cp that
    are no power of two only where none is left idle); interleaving by whole numbers; all kinds of sharding and
    recomputation. `fixed` are members that the user gave.
    """
    pinned = dict(fixed or {})
    layers, sequences = values["layers"], max(values["batch_tokens"] / values["seq_len"], 1.0)
    axes: dict[str, Any] = dict(
        layout_axes(
            accelerators, values["scale_up_domain"], layers, values["heads"], values["experts"], values["seq_len"],
            values["batch_tokens"], pinned, OVERHEADS, uneven=True,
        )
    )  # fmt: skip
    found = _crossed({}, {name: axes[name] for name in ("tp", "pp", "cp", "ep")})
    ranks = found["tp"] * found["pp"] * found["cp"]
    if "dp" in pinned:
        found["dp"] = np.full(len(ranks), pinned["dp"])
    else:
        each = found["ep"] // np.gcd(found["ep"].astype(int), (found["tp"] * found["cp"]).astype(int))
        found["dp"] = accelerators // ranks // each * each
    used = ranks * found["dp"]
    keep = (found["dp"] >= 1.0) & (used <= accelerators)
    for name in {"pp", "cp"} - set(pinned):
        keep &= (used == accelerators) | (np.log2(found[name]) % 1.0 == 0.0)
    if "ep" not in pinned:
        keep &= found["ep"] <= found["tp"] * found["cp"] * found["dp"]
    found = _kept(found, keep)
    virtual = [pinned["virtual_stages"]] if "virtual_stages" in pinned else np.arange(1.0, MOST_VIRTUAL_STAGES + 1)
    found = _crossed(found, {"virtual_stages": virtual, "micro_batch": axes["micro_batch"]})
    keep = (found["micro_batch"] == min(axes["micro_batch"])) | (found["dp"] * found["micro_batch"] <= sequences)
    if "virtual_stages" not in pinned:
        most = np.where(found["pp"] > 1.0, np.ceil(layers / found["pp"]), 1.0)
        keep &= found["virtual_stages"] <= most
    found = _kept(found, keep)
    stages = [pinned["zero_stage"]] if "zero_stage" in pinned else [0.0, 1.0, 2.0, 3.0]
    again = [pinned["recompute"]] if "recompute" in pinned else [0.0, 1.0, 2.0]
    found = _crossed(found, {"zero_stage": stages, "recompute": again})
    if "zero_stage" not in pinned:
        found = _kept(found, (found["zero_stage"] == 0.0) == (found["dp"] * found["cp"] == 1.0))
    return {name: found[name] for name in GIVES}


def _crossed(found: Mapping[str, Any], axes: Mapping[str, Any]) -> dict[str, Any]:
    """Each of what was found with each point of the axes."""
    grids = [a.ravel() for a in np.meshgrid(*(np.asarray(v, dtype=float) for v in axes.values()), indexing="ij")]
    count, points = len(next(iter(found.values()), [0])), len(grids[0])
    out = {name: np.repeat(member, points) for name, member in found.items()}
    return out | {name: np.tile(grid, count) for name, grid in zip(axes, grids, strict=True)}


def _kept(found: Mapping[str, Any], keep: Any) -> dict[str, Any]:
    return {name: member[keep] for name, member in found.items()}


def timed(values: Mapping[str, float], layouts: Mapping[str, Any]) -> Iterator[tuple[slice, Any, Any]]:
    """Time [s] and memory [B] of layouts, chunk by chunk."""
    costs = Costs(values)
    count = len(layouts["tp"])
    for start in range(0, count, CHUNK):
        part = slice(start, min(start + CHUNK, count))
        costs.at(**{name: member[part] for name, member in layouts.items()})
        yield part, costs.seconds(), costs.bytes()


def rank(
    values: Mapping[str, float],
    accelerators: float,
    usable_memory: float,
    fixed: Mapping[str, float] | None = None,
    *,
    most: int = 10,
) -> list[Ranked]:
    """The best layouts that fit with room to spare, else that fit, by step and failures; else those nearest to it.

    `values` are the inputs of the layout's costs, as resolved in a plan; `fixed` members that the user gave.
    """
    layouts = candidates(values, math.floor(accelerators), fixed)
    count = len(layouts["tp"])
    if not count:
        return []
    seconds, held = np.empty(count), np.empty(count)
    for part, time, memory in timed(values, layouts):
        seconds[part], held[part] = time, memory
    roomy = held <= usable_memory * (1 - OVERHEADS.headroom)
    fits = roomy if roomy.any() else held <= usable_memory
    replica = layouts["tp"] * layouts["pp"] * layouts["cp"]
    worth = (seconds + values.get("step_overhead", 0.0)) * (1 + OVERHEADS.lost_to_failures * replica)
    worth = np.where(fits, worth, np.inf) if fits.any() else held
    first = np.argpartition(worth, min(most, count) - 1)[:most]
    out: list[Ranked] = []
    costs = Costs(values)
    for i in first[np.argsort(worth[first], kind="stable")]:
        if fits.any() and not fits[i]:
            break
        layout = {name: float(member[i]) for name, member in layouts.items()}
        costs.at(**layout)
        whole = float(costs.seconds())
        out.append(Ranked(layout, whole, float(held[i]), bool(fits[i]), bound_by(costs.values)))
    return out


def bound_by(found: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """What a step spends its time on, by its share, the largest first."""
    turns = float(found["micro_batches"])
    micro, device = float(found["micro_batch_time"]), sum(float(found[n]) for names in PARTS.values() for n in names)
    launched = float(partly_overlapped(device, found["host_time"]))
    parts = {label: sum(float(found[n]) for n in names) * turns for label, names in PARTS.items()}
    parts["memory traffic"] += float(found["optimizer_time"])
    parts["dp traffic"] = float(found["data_time"]) + (micro - launched) * turns
    parts["host"] = (launched - device) * turns
    parts["bubble"] = float(found["pipeline_time"]) - micro * turns
    whole = sum(parts.values())
    return tuple(sorted(((label, time / whole) for label, time in parts.items()), key=lambda s: -s[1]))
