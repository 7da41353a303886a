"""What a measured row's software and cluster are known to do, as quantities of the graph.

What is documented of a framework stands here; what was fitted to the rows of one (the constant of an older or another
stack) comes from the calibration, by name. A trait that the graph has no quantity for is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from aiplan.calibration import NEWEST_RELEASE, stack_coefficients
from aiplan.graph import GRAPH
from aiplan.measurements import number_of


class Stack(NamedTuple):
    """A software stack: its name, what it leaves in the row's blanks, and its traits."""

    name: str
    recompute: float = 0.0  # where a row states its layout but not this
    zero_stage: float | None = None  # likewise; None where the search may choose
    traits: Mapping[str, float] = {}
    layout: Mapping[str, float] = {}  # where a row states no layout


_OLD = {"unfused_attention": 1.0, "sequence_parallel": 0.0}
CURRENT = Stack("current")
OLD = Stack("before FlashAttention", 2.0, 1.0, _OLD)
OLD_FP16 = Stack("before FlashAttention", 2.0, 0.0, {**_OLD, "bytes_per_gradient": 2.0})  # ZeRO 2020, sec. 3.1
SHARDED = {"tp": 1.0, "pp": 1.0, "cp": 1.0, "virtual_stages": 1.0, "zero_stage": 3.0}
COMPILED = Stack("compiled", 2.0, layout=SHARDED)  # MaxText and Levanter shard whole replicas unless told otherwise
NEURON = Stack("compiled", 0.0, 1.0)


def stack_of(inputs: Mapping[str, str]) -> Stack:
    """The software stack of a row, from its framework and, for Megatron-LM, its precision.

    >>> stack_of({"framework": "Megatron-LM", "precision": "fp16"}).name
    'before FlashAttention'
    """
    framework, precision = inputs.get("framework", "").lower(), inputs.get("precision", "").lower()
    if "megatron-deepspeed" in framework or "deepspeed zero" in framework:
        return OLD
    if framework == "megatron-lm" and precision in ("fp16", "float16", "half"):
        return OLD_FP16
    if any(name in framework for name in ("maxtext", "levanter", "mesh-transformer")):
        return COMPILED
    if "neuron" in framework:
        return NEURON
    return CURRENT


FITTED_STACKS = (("llm-foundry", "composer"), ("megatron-deepspeed", "deepspeed"), ("simumax", "simumax"))


def fitted_stack(inputs: Mapping[str, str]) -> str:
    """The stack of the calibration that a row belongs to; `current` where it has no constant of its own."""
    framework = inputs.get("framework", "").lower()
    named = next((name for text, name in FITTED_STACKS if text in framework), None)
    return named or ("megatron_2021" if stack_of(inputs) in (OLD, OLD_FP16) else "current")


BLOCKS = re.compile(r"mxfp8|fp8-mx|nvfp4", re.IGNORECASE)
GRAPHED = ("deepseek", "qwen3", "nemotron_3")  # Megatron-Bridge 067f987df0: perf_recipes with full-iteration graphs


def traits_of(inputs: Mapping[str, str], family: str | None = None) -> dict[str, float]:
    """The traits of a row's stack and cluster that the graph has quantities for."""
    out = stack_coefficients(fitted_stack(inputs), family) | dict(stack_of(inputs).traits)
    release = re.match(r"(\d\d)\.(\d\d)\b", inputs.get("date", ""))
    if release:
        age = NEWEST_RELEASE - (2000 + int(release[1]) + int(release[2]) / 12)
        out["software_age_years"] = max(age, 0.0)
        if "oss" in inputs.get("model", "").lower() and age > 2.5 / 12:
            out["attention_sinks"] = 1.0  # no fused kernel for sinks before the release of June 2026
    framework = inputs.get("framework", "").lower()
    if framework.startswith("pytorch ") or "torchtitan" in framework:
        out["host_product_time"] = 0.0  # torch.nn.functional.grouped_mm: all experts in one launch
    graphed = "bridge" in framework and inputs.get("model", "").lower().startswith(GRAPHED)
    out["block_scaled"] = 1.0 if graphed and BLOCKS.search(inputs.get("precision", "")) else 0.0
    network = number_of(inputs.get("network_gbps_per_chip", ""))
    if network:
        out["scale_out_bandwidth"] = network * 1e9 / 8
    return {name: value for name, value in out.items() if name in GRAPH}
