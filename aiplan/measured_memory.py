"""What a measured row's source counts as memory, and what its software holds there, as quantities of the graph.

Three things are published: what the allocator gave out, what it reserved for that, and what the driver shows as used,
which adds the runtime and the communication libraries. What a stack holds was read in its source; one number is
fitted, the share that the allocator of 2022 reserved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

RESERVED = 0.05  # of what is allocated, median of 19 layouts of Megatron-LM on B200 (SimuMax 4dcaae5): 2.8% to 9.3%
RESERVED_2022 = 0.29  # the same of PyTorch 1.11 under DeepSpeed, fitted to the BLOOM rows by aiplan.memory_fit
EAGER_LOGIT = 12.0  # bytes: a logit in 16 bits and in fp32, its softmax, its gradient in 16 bits, none in place
COMPILED_LOGIT = 4.0  # bytes: a logit and its gradient in 16 bits
BF16_OPTIMIZER = "2022-02-28"  # from then on BigScience ran the optimizer that sums gradients in fp32


class Measure(NamedTuple):
    """What a source measures: the share that it counts over what is allocated, and whether the runtime's part too."""

    reserved: float = RESERVED
    overhead: bool = False

    def of(self, memory: float, overhead: float) -> float:
        """The measured part of the memory of one accelerator, of which `overhead` is the runtime's [B].

        >>> Measure(0.25, True).of(18e9, 2e9)
        22000000000.0
        """
        return (memory - overhead) * (1.0 + self.reserved) + (overhead if self.overhead else 0.0)


def measure_of(inputs: Mapping[str, str]) -> Measure:
    """What a row's source measures; frameworks that do not say log what PyTorch reserves.

    Plain PyTorch is our own H100's table, which has what was allocated.

    >>> measure_of({"framework": "Megatron-LM (SimuMax real run)"})
    Measure(reserved=0.0, overhead=False)
    """
    framework = inputs.get("framework", "").lower()
    if "megatron-deepspeed" in framework:
        return Measure(RESERVED_2022, overhead=True)  # nvidia-smi
    return Measure(0.0) if "simumax" in framework or framework.startswith("pytorch ") else Measure()


def memory_traits(inputs: Mapping[str, str], shape: Mapping[str, float], pp: float) -> dict[str, float]:
    """The quantities in which a row's stack holds other things than current Megatron-LM does.

    >>> memory_traits({"framework": "Megatron-DeepSpeed", "date": "2022-03"}, {}, 1)["bytes_per_gradient_copy"]
    2.0
    """
    framework = inputs.get("framework", "").lower()
    if "megatron-deepspeed" in framework:
        return _deepspeed(inputs.get("date", ""))
    if "nanotron" in framework:
        return _nanotron(shape, pp)
    if framework.startswith("pytorch "):
        eager = {"unfused_mlp": 1.0, "bytes_per_logit": EAGER_LOGIT}
        return {"bytes_per_logit": COMPILED_LOGIT} if "compile" in framework else eager
    return _torchtitan(inputs, shape, pp) if "torchtitan" in framework else {}


def _deepspeed(date: str) -> dict[str, float]:
    """DeepSpeed's ZeRO-1: gradients in 16 bits with the shard's copy in fp32; later all of them in both precisions."""
    if date >= BF16_OPTIMIZER:
        return {"bytes_per_gradient": 4.0, "bytes_per_gradient_copy": 2.0}
    return {"bytes_per_gradient": 2.0, "bytes_per_optimizer_state": 16.0}


def _nanotron(shape: Mapping[str, float], pp: float) -> dict[str, float]:
    """Gradients in fp32 and in the 16-bit buckets of DDP, no kernel fused; the memory is that of the first stage.

    Stages are balanced by their products, with the head on the last: each takes blocks until it has its share.
    """
    out = {"bytes_per_gradient_copy": 2.0, "unfused_mlp": 1.0, "bytes_per_logit": EAGER_LOGIT}
    if pp > 1:
        d_model, layers = shape["d_model"], shape["layers"]
        block = 4 * d_model**2 + 3 * d_model * shape["d_ff"]
        share = (layers * block + d_model * shape["vocab"]) / pp
        first = min(share // block + 1, layers)
        out |= {"first_stage_layers": first, "last_stage_layers": 0.0, "bytes_per_logit": 0.0}
    return out


def _torchtitan(inputs: Mapping[str, str], shape: Mapping[str, float], pp: float) -> dict[str, float]:
    """FSDP2, which shards only the optimizer where there is a pipeline; the loss is compiled from 2025 on.

    Selective recomputation keeps a layer's input, the output of attention and that of every second product.
    """
    out = {"bytes_per_logit": COMPILED_LOGIT if inputs.get("date", "") >= "2025" else EAGER_LOGIT}
    if "selective" in inputs.get("recompute", "").lower():
        heads = (shape["heads"] + shape["heads"] + shape["kv_heads"]) * shape["head_dim"]
        out["layer_activations_selective"] = 2.0 * (2 * shape["d_model"] + heads + shape["d_ff"])
    if pp > 1:
        out["zero_stage"] = 1.0
    return out


def day_of(notes: str) -> str:
    """The day within a month that the notes of a row give for its measurement, as the end of a date.

    >>> day_of("hfu=that/312; source date column 02-28; layers unknown")
    '-28'
    """
    found = re.search(r"source date column \d\d(-\d\d)", notes)
    return found[1] if found else ""
