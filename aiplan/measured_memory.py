"""What a measured row's source counts as memory, and what its software holds there, as quantities of the graph.

Three things are published: what the allocator gave out, what it reserved, and what the driver shows as used, which
adds the runtime and the communication libraries. Each fact about a stack was read in its source; none is fitted but
the share that the older allocator reserves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

ALLOCATED, RESERVED, USED = "allocated", "reserved", "used"
BF16_OPTIMIZER = "2022-02-28"  # from then on BigScience ran the optimizer that sums gradients in fp32
import os
SP=float(os.environ.get("SP","1"))
OV=float(os.environ.get("OV","4e9"))
FITTED_RESERVE = float(os.environ.get("RS","0.14")) # 0.14  # of PyTorch 1.10 on the BLOOM rows


class MemoryTraits(NamedTuple):
    """What a stack's memory is measured as, and the quantities in which it differs from current Megatron-LM."""

    measures: str = RESERVED
    traits: Mapping[str, float] = {}


def memory_traits(inputs: Mapping[str, str], shape: Mapping[str, float], pp: float) -> MemoryTraits:
    """The memory of a row's stack, from its framework and date.

    >>> memory_traits({"framework": "Megatron-LM (SimuMax real run)"}, {}, 1).measures
    'allocated'
    """
    framework, date = inputs.get("framework", "").lower(), inputs.get("date", "")
    if "megatron-deepspeed" in framework:
        return MemoryTraits(USED, _deepspeed(date))
    if "simumax" in framework:
        return MemoryTraits(ALLOCATED)
    if "nanotron" in framework:
        return MemoryTraits(RESERVED, _nanotron(shape, pp))
    if "torchtitan" in framework:
        return MemoryTraits(RESERVED, _torchtitan(inputs, shape, date, pp))
    return MemoryTraits()


def as_measured(measures: str, memory: float, overhead: float, reserve: float) -> float:
    """The part of the memory of one accelerator that a source measures [B].

    >>> as_measured("allocated", 20.9e9, 2e9, 0.05)
    18000000000.0
    """
    if measures == USED:
        return memory
    return (memory - overhead) / (1.0 + reserve if measures == ALLOCATED else 1.0)


def _deepspeed(date: str) -> dict[str, float]:
    """Gradients in 16 bits and the shard's copy in fp32, later in both precisions; logits in fp32, softmax in place."""
    if date >= BF16_OPTIMIZER:
        gradients = {"bytes_per_gradient": 4.0, "bytes_per_gradient_copy": 2.0}
    else:
        gradients = {"bytes_per_gradient": 2.0, "bytes_per_optimizer_state": 16.0}
    return {**gradients, "reserve_share": FITTED_RESERVE, "bytes_per_logit": 6.0, "memory_overhead": OV}


def _nanotron(shape: Mapping[str, float], pp: float) -> dict[str, float]:
    """Gradients in fp32 and in the 16-bit buckets of DDP; stages balanced by products; rank 0 writes the table."""
    d_model, layers = shape["d_model"], shape["layers"]
    layer = 4 * d_model**2 + 3 * d_model * shape["d_ff"]
    head = d_model * shape["vocab"]
    out = {"bytes_per_gradient_copy": 2.0, "unfused_mlp": 1.0, "bytes_per_logit": 12.0, "sequence_parallel": SP}
    if pp > 1:
        first = min((layers * layer + head) / pp // layer + 1, layers)
        out |= {"first_stage_layers": first, "last_stage_layers": 0.0, "bytes_per_logit": 0.0}
    return out


def _torchtitan(inputs: Mapping[str, str], shape: Mapping[str, float], date: str, pp: float) -> dict[str, float]:
    """Selective recomputation keeps the output of attention and of every second product; the loss compiled from 2025."""
    out = {"bytes_per_logit": 4.0 if date >= "2025" else 12.0}
    if "selective" in inputs.get("recompute", "").lower():
        kept = 3 * shape["d_model"] + shape["heads"] * shape["head_dim"] + shape["kv_heads"] * shape["head_dim"]
        out["layer_activations_selective"] = 2.0 * (kept + shape["d_ff"])
    if pp > 1:
        out["zero_stage"] = 1.0
    return out


def day_of(notes: str) -> str:
    """The day within a month that the notes of a row give for its measurement.

    >>> day_of("hfu=that/312; source date column 02-28; layers unknown")
    '-28'
    """
    found = re.search(r"source date column \d\d(-\d\d)", notes)
    return found[1] if found else ""
