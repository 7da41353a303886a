"""How a training run is laid out over the accelerators: the search for a layout that fits and wastes least."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from aiplan.graph import GRAPH, NoValue, given, quantity
from aiplan.maths import maximum
from aiplan.quantities import activations, communication_time, pipeline_time, schedule, shape_rules  # noqa: F401  (what it costs)
from aiplan.quantities.compute_time import size_scale
from aiplan.quantities.layout_candidates import (
    OVERHEADS,
    Overheads,
    Split,
    layout_axes,
    neighbours,
    scored_splits,
)
from aiplan.quantities.memory import state_memory_without_shape

GIVES = ("tp", "pp", "cp", "ep", "dp", "virtual_stages", "zero_stage", "micro_batch", "recompute")

given("scale_up_domain", "", "Accelerators that the fast local links join.", bounds=(1.0, None))
given("tp", "", "Ranks that share each layer's matrices (tensor parallel).", bounds=(1.0, None))
given("pp", "", "Stages that the layers are divided into (pipeline parallel).", bounds=(1.0, None))
given("cp", "", "Ranks that share each sequence (context parallel).", bounds=(1.0, None))
given("ep", "", "Ranks that share the experts (expert parallel).", bounds=(1.0, None))
given("dp", "", "Replicas that work on different sequences (data parallel).", bounds=(1.0, None))
given("virtual_stages", "", "Parts of the model that each pipeline stage interleaves.", bounds=(1.0, None))
given(
    "zero_stage", "", "What replicas shard: 0 nothing, 1 optimizer, 2 and gradients, 3 and weights.", bounds=(0.0, 3.0)
)
given("micro_batch", "", "Sequences that a replica works on at once.", bounds=(1.0, None))
given("recompute", "", "Activations computed twice: 0 none, 1 selective, 2 full.", bounds=(0.0, 2.0))


@quantity("", source="by definition")
def micro_batches(batch_tokens: float, seq_len: float, dp: float, micro_batch: float) -> float:
    """Micro-batches that each replica works through in one step.

        max(1, batch_tokens / (seq_len dp micro_batch))

    >>> micro_batches(16777216, 8192, 128, 1)
    16.0
    """
    out: float = maximum(batch_tokens / (seq_len * dp * micro_batch), 1.0)
    return out


@quantity("", gives=GIVES, rival="no_shape", search=True, nullable=("params",), source="data parallelism; ZeRO 2020")
def replicate(
    accelerators: float,
    params: float | None,
    usable_memory: float,
    memory_overhead: float,
    bytes_per_weight: float,
    bytes_per_gradient: float,
    bytes_per_optimizer_state: float,
    weight_copies: float,
    optimizer_offload: float,
    *,
    pinned: Mapping[str, float] | None = None,
) -> tuple[float, ...]:
    """Layout of a model without a shape: whole copies, their state sharded as far as it must be to fit.

        tp = pp = cp = ep = 1, dp = accelerators

    >>> dict(zip(GIVES, replicate(8, 1e9, 76e9, 2e9, 2, 4, 12, 1, 0)))["dp"]
    8.0
    """
    fixed = dict(pinned or {})
    dp = fixed.get("dp", max(1.0, math.floor(accelerators)))
    stage = 0.0
    for stage in (0.0, 1.0, 2.0, 3.0) if params is not None else ():
        state = state_memory_without_shape(
            params or 0.0, dp, stage, bytes_per_weight, bytes_per_gradient, bytes_per_optimizer_state, weight_copies,
            optimizer_offload,
        )  # fmt: skip
        if state + memory_overhead <= usable_memory or dp == 1:
            break
    plain = dict.fromkeys(GIVES, 1.0) | {"dp": float(dp), "zero_stage": stage, "recompute": 0.0} | fixed
    return tuple(float(plain[name]) for name in GIVES)


# What a layout's time and memory are computed from, besides the layout: the inputs of the search, in their order.
TIMED = ("pipeline_time", "data_time", "optimizer_time")


ROOMY, TIGHT, BEYOND = 0, 1, 2  # how a layout fits: with room to spare, just so, not
Tried = tuple[tuple[int, float], tuple[float, ...]]  # how it fits with its seconds (or bytes), and the layout


class Costs:
    """Time and memory of layouts of one model on one cluster, by the formulas of the graph.

    Works on one layout or, with arrays as members, on many at once.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)
        self.timing, self.holding = _formulas(tuple(sorted(values)))

    def at(self, **layout: Any) -> None:
        """Set the layout."""
        self.values.update(layout)

    def seconds(self) -> Any:
        """Time of a step at the layout [s], without what is the same for all."""
        values = self.values
        for function, inputs, target in self.timing:
            values[target] = function(*inputs(values))
        return values["pipeline_time"] + values["data_time"] + values["optimizer_time"]

    def bytes(self) -> Any:
        """Memory of one accelerator at the layout [B]."""
        values = self.values
        for function, inputs, target in self.holding:
            values[target] = function(*inputs(values))
        return values["memory_per_accelerator"]


@cache
def _formulas(given: tuple[str, ...]) -> tuple[Sequence[tuple[Callable[..., Any], Any, str]], ...]:
    """The formulas that depend on the layout, in order: those of the time and those of the memory."""
    out = []
    for asks in (TIMED, ("memory_per_accelerator",)):
        order = GRAPH.order(asks, {*given, *GIVES}, {"shaped"})
        out.append([(f.function, itemgetter(*f.inputs), f.gives[0]) for f in order.steps])
    return tuple(out)


@quantity(
    "",
    gives=GIVES,
    rival="shaped",
    search=True,
    source="search over layouts timed by the step's formulas; constraints of Megatron-LM and Llama 3 2024, sec. 3.3",
)
def choose_layout(
    accelerators: float,
    usable_memory: float,
    seq_len: float,
    matmul_params: float,
    moe_layers: float,
    experts_per_token: float,
    expert_params: float,
    d_model: float,
    peak_flops: float,
    peak_flops_wide: float,
    matrix_efficiency: float,
    precision_efficiency: float,
    low_precision: float,
    graphed_experts: float,
    half_tokens: float,
    half_width: float,
    experts: float,
    d_ff_expert: float,
    expert_efficiency: float,
    attention_flops_per_token: float,
    layers: float,
    heads: float,
    attention_width: float,
    sliding_window: float,
    attention_efficiency: float,
    memory_rate: float,
    unfused_attention: float,
    unfused_passes: float,
    attention_sinks: float,
    sink_passes: float,
    layer_activations: float,
    bytes_per_activation: float,
    sequence_parallel: float,
    activation_passes: float,
    casting_passes: float,
    permute_passes: float,
    vocab: float,
    scale_up_domain: float,
    scale_up_rate: float,
    scale_out_rate: float,
    link_latency: float,
    exposed_tensor: float,
    exposed_experts: float,
    kv_cache_per_token: float,
    exposed_context: float,
    contention: float,
    host_layer_time: float,
    host_expert_time: float,
    host_product_time: float,
    host_speed: float,
    shape_params: float,
    routed_params: float,
    bytes_per_weight: float,
    batch_tokens: float,
    bytes_per_gradient: float,
    data_overlap: float,
    params: float,
    embedding_params: float,
    unembedding_params: float,
    bytes_per_optimizer_state: float,
    weight_copies: float,
    layer_activations_selective: float,
    bytes_per_logit: float,
    bytes_per_gradient_copy: float,
    memory_factor: float,
    memory_overhead: float,
    step_overhead: float,
    zero_bubble: float,
    weight_gradient_share: float,
    optimizer_offload: float,
    offload_time: float,
    *,
    pinned: Mapping[str, float] | None = None,
    coefficients: Overheads = OVERHEADS,
) -> tuple[float, ...]:
    """Layout that fits the memory with the shortest step.

        min (pipeline_time + data_time + optimizer_time) (1 + failures) over the layouts that fit

    Candidates are powers of two of tp (within the scale-up domain, dividing the heads) and pp (not over the layers),
    divisors of the sequence for cp and of the experts for ep; dp is what is left. They are put in order by a rough
    overhead and the first that fit, with some room to spare where one has it, are timed by the formulas of the graph;
    from the best of them the search goes on step by step while that helps. Where nothing fits the layout that comes
    nearest is chosen, so that `fits` is 0. `pinned` are members that the user fixed. Raises NoValue where they need
    more accelerators than there are.
    """
    inputs = {name: value for name, value in locals().items() if name not in ("pinned", "coefficients")}
    c = coefficients
    fixed = {name: float(value) for name, value in (pinned or {}).items()}
    total = max(1.0, math.floor(accelerators))
    costs = Costs(inputs)
    work = 6 * matmul_params / layers  # FLOP per token of the mean layer, attention left out
    speed = peak_flops * matrix_efficiency
    splits = scored_splits(
        total, work, speed / scale_up_rate, speed / scale_out_rate, scale_up_domain, layers, heads, d_model,
        kv_cache_per_token / layers, moe_layers / layers * experts_per_token, experts, seq_len, batch_tokens,
        half_tokens * size_scale(peak_flops_wide), exposed_tensor, exposed_context, exposed_experts,
        (host_layer_time + moe_layers / layers * host_expert_time) / host_speed * speed / work,
        moe_layers * experts_per_token * expert_params / matmul_params, experts_per_token, fixed, c,
    )  # fmt: skip
    if not splits:
        raise NoValue(f"no layout of {accelerators:g} accelerators has {', '.join(f'{n}={fixed[n]:g}' for n in fixed)}")

    state_bytes = bytes_per_weight * weight_copies + bytes_per_gradient
    state_bytes += bytes_per_optimizer_state * (1 - optimizer_offload)
    hopeless = params * state_bytes / total + memory_overhead > usable_memory
    again = [2.0] if hopeless else [0.0, 1.0, 2.0]
    if "recompute" in fixed:
        again = [fixed["recompute"]]

    def cost_of(layout: tuple[float, ...]) -> tuple[int, float]:
        """Whether it fits with room to spare, just so or not, and the time of a step, or else the bytes."""
        costs.at(**dict(zip(GIVES, layout, strict=True)))
        memory = float(costs.bytes())
        if memory > usable_memory:
            return BEYOND, memory
        tp, pp, cp = layout[:3]
        time = (costs.seconds() + step_overhead) * (1 + c.lost_to_failures * tp * pp * cp)
        return ROOMY if memory <= usable_memory * (1 - c.headroom) else TIGHT, float(time)

    def attempt(split: Split) -> Tried:
        """The best of what a split may shard and recompute; what comes nearest where none fits."""
        stages = [0.0] if split.dp * split.cp == 1 else [3.0] if hopeless else [1.0, 2.0, 3.0]
        if "zero_stage" in fixed:
            stages = [fixed["zero_stage"]]
        one = split.virtual_stages == 1 or "virtual_stages" in fixed
        parts = (split.virtual_stages,) if one else (split.virtual_stages, 1.0)
        leanest = (*split[1:6], parts[-1], stages[-1], split.micro_batch, again[-1])
        costs.at(**dict(zip(GIVES, leanest, strict=True)))
        out: Tried = ((BEYOND, float(costs.bytes())), leanest)
        if out[0][1] > usable_memory:
            return out
        for v in parts:
            for recompute in again:
                for stage in stages:
                    layout = (*split[1:6], v, stage, split.micro_batch, recompute)
                    cost = cost_of(layout)
                    out = min(out, (cost, layout))
                    if cost[0] == ROOMY and stage == stages[0]:  # whatever else shards or recomputes more
                        return out
            if out[0][0] == ROOMY:
                break
        return out

    most = c.timed_with_experts if moe_layers > 0 else c.timed
    tried: list[Tried] = []
    alike: dict[float, int] = {}
    for split in splits:
        if alike.get(split.pp, 0) >= c.alike:
            continue
        tried.append(attempt(split))
        roomy = tried[-1][0][0] == ROOMY
        alike[split.pp] = alike.get(split.pp, 0) + roomy
        most -= roomy
        if not most:
            break
    tried = sorted(found for found in tried if found[1])
    if not tried:
        raise NoValue("no layout has a time and a memory that a number can hold")
    starts = {layout[1]: (cost, layout) for cost, layout in reversed(tried)}  # the best of each number of stages
    axes = layout_axes(total, scale_up_domain, layers, heads, experts, seq_len, batch_tokens, fixed, c)
    seen: set[tuple[float, ...]] = set()

    def climbed(best: Tried) -> Tried:
        """The best that is reached by one step after another, none of which makes it worse."""
        while True:
            start = best
            for near in neighbours(start[1], axes, total, layers, batch_tokens / seq_len, fixed):
                if near[1:] not in seen:
                    seen.add(near[1:])
                    best = min(best, attempt(near))
            if best == start:
                return best

    best = min(climbed(start) for start in sorted(starts.values())[: c.starts])
    return tuple(float(value) for value in (best if best[0][0] < BEYOND else tried[0])[1])
