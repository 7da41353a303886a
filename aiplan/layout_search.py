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

from aiplan.quantities.layout import GIVES, Costs
from aiplan.quantities.layout_candidates import MOST_VIRTUAL_STAGES, OVERHEADS

CHUNK = 8192  # layouts at once: their arrays stay in the cache

# What a step spends its time on, as it is named to the user.
PARTS = {
    "matrix_time": "matrix products",
    "expert_matrix_time": "experts' products",
    "attention_time": "attention",
    "elementwise_time": "memory bandwidth",
    "vocabulary_time": "vocabulary",
    "tensor_time": "tensor-parallel traffic",
    "expert_time": "experts' traffic",
    "context_time": "context-parallel traffic",
    "point_to_point_time": "traffic between stages",
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """One layout with its time, its memory, and the largest things that its step waits for."""

    layout: dict[str, float]
    seconds: float
    bytes: float
    fits: bool
    bound_by: tuple[tuple[str, float], ...]


def _powers(most: float) -> list[float]:
    return [2.0**i for i in range(int(math.log2(max(most, 1.0)) + 1e-9) + 1)]


def candidates(values: Mapping[str, float], accelerators: float, *, micro_most: float = 16.0) -> dict[str, Any]:
    """Every layout that can be built on exactly these accelerators, as one array for each member.

    Powers of two of tp (within the domain, dividing the heads), pp (up to the layers), cp, ep (dividing the experts)
    and the micro-batch; interleaving by powers of two; all kinds of sharding and recomputation.
    """
    heads, layers, experts = values["heads"], values["layers"], values["experts"]
    sequences = values["batch_tokens"] / values["seq_len"]
    domain = min(values["scale_up_domain"], heads, accelerators)
    axes = [
        [t for t in _powers(domain) if heads % t == 0],
        _powers(min(layers, accelerators)),
        _powers(min(values["seq_len"] / 256.0, accelerators)),
        [e for e in _powers(max(experts, 1.0)) if max(experts, 1.0) % e == 0],
        _powers(MOST_VIRTUAL_STAGES),
        [0.0, 1.0, 2.0, 3.0],
        _powers(micro_most),
        [0.0, 1.0, 2.0],
    ]
    tp, pp, cp, ep, v, zero, micro, recompute = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
    dp = accelerators / (tp * pp * cp)
    keep = (dp >= 1.0) & (dp == np.floor(dp)) & (ep <= tp * cp * dp) & ((pp > 1.0) | (v == 1.0))
    keep &= (
        (v * pp <= layers + pp - 1.0) & (dp * micro <= np.maximum(sequences, 1.0)) & ((zero > 0.0) | (dp * cp <= 1.0))
    )
    keep &= ((zero == 0.0) | (dp * cp > 1.0)) & ((zero < 2.0) | (pp == 1.0) | (zero == 2.0))
    members = (tp, pp, cp, ep, dp, v, zero, micro, recompute)
    return {name: member[keep] for name, member in zip(GIVES, members, strict=True)}


def timed(values: Mapping[str, float], layouts: Mapping[str, Any]) -> Iterator[tuple[slice, Any, Any]]:
    """Time [s] and memory [B] of layouts, chunk by chunk."""
    costs = Costs(values)
    count = len(layouts["tp"])
    for start in range(0, count, CHUNK):
        part = slice(start, min(start + CHUNK, count))
        costs.at(**{name: member[part] for name, member in layouts.items()})
        yield part, costs.seconds(), costs.bytes()


def rank(values: Mapping[str, float], accelerators: float, usable_memory: float, *, most: int = 10) -> list[Ranked]:
    """The fastest layouts that fit with room to spare, else that fit, the best first; else those that come nearest.

    `values` are the inputs of the layout's costs, as resolved in a plan.
    """
    layouts = candidates(values, math.floor(accelerators))
    count = len(layouts["tp"])
    if not count:
        return []
    seconds, held = np.empty(count), np.empty(count)
    for part, time, memory in timed(values, layouts):
        seconds[part], held[part] = time, memory
    roomy = held <= usable_memory * (1 - OVERHEADS.headroom)
    fits = roomy if roomy.any() else held <= usable_memory
    order = np.argsort(np.where(fits, seconds, np.inf) if fits.any() else held, kind="stable")
    out: list[Ranked] = []
    costs = Costs(values)
    for i in order[:most]:
        if fits.any() and not fits[i]:
            break
        layout = {name: float(member[i]) for name, member in layouts.items()}
        costs.at(**layout)
        whole = float(costs.seconds())
        out.append(Ranked(layout, whole, float(held[i]), bool(fits[i]), _bound_by(costs.values, whole)))
    return out


def _bound_by(found: Mapping[str, Any], whole: float) -> tuple[tuple[str, float], ...]:
    """The parts of a step by their share of it, the largest first."""
    turns = float(found["micro_batches"] * found["stage_imbalance"])
    device = sum(float(found[n]) for n in PARTS)
    parts = {label: float(found[n]) * turns for n, label in PARTS.items()}
    parts["launches and gathered weights"] = (float(found["micro_batch_time"]) - device) * turns
    parts["pipeline bubble"] = float(found["pipeline_time"]) - float(found["micro_batch_time"]) * turns
    parts["exchange of gradients"] = float(found["data_time"])
    parts["optimizer"] = float(found["optimizer_time"])
    shares = [(label, time / whole) for label, time in parts.items()]
    return tuple(sorted(shares, key=lambda s: -s[1])[:4])
