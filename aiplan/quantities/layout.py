"""How a training run is laid out over the accelerators: the search for a layout that fits and wastes least."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from aiplan.graph import NoValue, given, quantity
from aiplan.maths import maximum, minimum
from aiplan.quantities import shape_rules  # noqa: F401  (a layout needs a shape: registers the invented one)
from aiplan.quantities.activations import activations_memory_per_accelerator
from aiplan.quantities.memory import state_memory_per_accelerator, state_memory_without_shape

GIVES = ("tp", "pp", "cp", "ep", "dp", "virtual_stages", "zero_stage", "micro_batch", "recompute")
MOST_VIRTUAL_STAGES = 8.0

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


@quantity("", source="Narayanan et al. 2021, sec. 2.2.2; below m = p derived")
def pipeline_bubble(pp: float, virtual_stages: float, micro_batches: float) -> float:
    """Idle time of a pipeline, relative to the time it works.

        (min(p, m) - 1) / (v m) + max(p - m, 0) / m: with fewer micro-batches m than stages p all wait for the last

    >>> pipeline_bubble(16, 8, 16.0)
    0.1171875
    """
    waiting = maximum(pp - micro_batches, 0.0) / micro_batches
    out: float = (minimum(pp, micro_batches) - 1) / (virtual_stages * micro_batches) + waiting
    return out


class Overheads(NamedTuple):
    """Coefficients by which layouts are compared: work over traffic, and shares; our judgement where no source."""

    flops_per_link_byte: float = 1_100.0  # H100: 989.4 TFLOP/s * 0.5 / 450 GB/s
    flops_per_network_byte: float = 10_000.0  # H100: 989.4 TFLOP/s * 0.5 / 50 GB/s
    exposed_tensor: float = 0.5  # shares of the traffic that do not hide behind the work
    exposed_context: float = 1.0  # keys and values are gathered before attention (Llama 3 2024, sec. 3.3.2)
    exposed_experts: float = 0.3
    exposed_data: float = 0.3
    uneven_stages: float = 0.01  # for each doubling of the pipeline
    elementwise: float = 0.01  # recomputing what costs time but no FLOPs
    small_work_tokens: float = 64.0  # tokens at which a micro-batch takes twice its time
    lost_to_failures: float = 3.3e-6  # per accelerator of a replica: 4.7e-4 failures a day * 600 s to restart
    context_tokens: float = 4096.0  # least tokens of a sequence on one rank
    scarce_context_tokens: float = 256.0  # the same where the batch has too few sequences for the accelerators


OVERHEADS = Overheads()


class Split(NamedTuple):
    """One way to divide the accelerators, with the overhead that does not depend on how state is kept."""

    overhead: float
    tp: float
    pp: float
    cp: float
    ep: float
    dp: float
    virtual_stages: float
    micro_batch: float
    micro_batches: float


@quantity(
    "", gives=GIVES, rival="no_shape", search=True, nullable=("params",), source="data parallelism; ZeRO 2020"
)
def replicate(
    accelerators: float,
    params: float | None,
    usable_memory: float,
    memory_overhead: float,
    bytes_per_weight: float,
    bytes_per_gradient: float,
    bytes_per_optimizer_state: float,
    weight_copies: float,
    *,
    pinned: Mapping[str, float] | None = None,
) -> tuple[float, ...]:
    """Layout of a model without a shape: whole copies, their state sharded as far as it must be to fit.

        tp = pp = cp = ep = 1, dp = accelerators

    >>> dict(zip(GIVES, replicate(8, 1e9, 76e9, 2e9, 2, 4, 12, 1)))["dp"]
    8.0
    """
    fixed = dict(pinned or {})
    dp = fixed.get("dp", max(1.0, math.floor(accelerators)))
    stage = 0.0
    for stage in (0.0, 1.0, 2.0, 3.0) if params is not None else ():
        state = state_memory_without_shape(
            params or 0.0, dp, stage, bytes_per_weight, bytes_per_gradient, bytes_per_optimizer_state, weight_copies
        )
        if state + memory_overhead <= usable_memory or dp == 1:
            break
    plain = dict.fromkeys(GIVES, 1.0) | {"dp": float(dp), "zero_stage": stage, "recompute": 0.0} | fixed
    return tuple(float(plain[name]) for name in GIVES)


@quantity(
    "",
    gives=GIVES,
    rival="shaped",
    search=True,
    source="search over layouts; constraints of Megatron-LM and Llama 3 2024, sec. 3.3",
)
def choose_layout(
    accelerators: float,
    scale_up_domain: float,
    usable_memory: float,
    memory_overhead: float,
    batch_tokens: float,
    seq_len: float,
    params: float,
    shape_params: float,
    routed_params: float,
    embedding_params: float,
    unembedding_params: float,
    matmul_params: float,
    layers: float,
    moe_layers: float,
    d_model: float,
    heads: float,
    vocab: float,
    experts: float,
    experts_per_token: float,
    layer_activations: float,
    layer_activations_selective: float,
    kv_cache_per_token: float,
    attention_flops_share: float,
    forward_flops_per_token: float,
    bytes_per_activation: float,
    bytes_per_weight: float,
    bytes_per_gradient: float,
    bytes_per_optimizer_state: float,
    weight_copies: float,
    *,
    pinned: Mapping[str, float] | None = None,
    coefficients: Overheads = OVERHEADS,
) -> tuple[float, ...]:
    """Layout that fits the memory with the least overhead.

        min (1 + bubble) (1 + recompute) (1 + tp) (1 + cp) (1 + ep) (1 + dp) (1 + small work) (1 + failures) (1 + idle)

    Candidates are powers of two of tp (within the scale-up domain, dividing the heads), pp (not over the layers), cp
    (at least `context_tokens` each) and ep (dividing the experts); dp is what is left. Overheads are traffic over
    work in the units of `coefficients`. Where nothing fits the layout that comes nearest is chosen, so that `fits`
    is 0. `pinned` are members that the user fixed. Raises NoValue where they need more accelerators than there are.
    """
    c = coefficients
    fixed = {name: float(value) for name, value in (pinned or {}).items()}
    total = max(1.0, math.floor(accelerators))
    work = 6 * matmul_params / layers  # FLOP per token of the mean layer, attention left out
    cached, routed_share = kv_cache_per_token / layers, moe_layers / layers

    def network(ranks: float) -> float:
        return c.flops_per_link_byte if ranks <= scale_up_domain else c.flops_per_network_byte

    splits: list[Split] = []
    for tp, pp, cp in _splits(total, scale_up_domain, layers, heads, seq_len, batch_tokens, fixed, c):
        dp = fixed.get("dp", math.floor(total / (tp * pp * cp)))
        v = fixed.get("virtual_stages", min(MOST_VIRTUAL_STAGES, math.ceil(layers / pp)) if pp > 1 else 1.0)
        shared = (
            (1 + c.exposed_tensor * 16 * d_model * (tp - 1) * c.flops_per_link_byte / work)
            * (1 + c.exposed_context * 3 * cached * (cp - 1) * network(tp * cp) / work)
            * (1 + c.uneven_stages * math.log2(pp))
            * (1 + c.lost_to_failures * tp * pp * cp)
            * total / (tp * pp * cp * dp)
        )  # fmt: skip
        for micro in _micro_batch_sizes(seq_len, batch_tokens, dp, fixed):
            m = micro_batches(batch_tokens, seq_len, dp, micro)
            alone = (1 + pipeline_bubble(pp, v, m)) * (1 + c.small_work_tokens * cp / (micro * seq_len))
            idle = max(dp * micro * seq_len / batch_tokens, 1.0)
            for ep in _expert_splits(experts, tp * cp * dp, fixed):
                sent = 8 * experts_per_token * d_model * routed_share * (1 - 1 / ep)
                routing = 1 + c.exposed_experts * sent * network(ep) / work
                splits.append(Split(shared * alone * idle * routing, tp, pp, cp, ep, dp, v, micro, m))
    if not splits:
        raise NoValue(f"no layout of {accelerators:g} accelerators has {', '.join(f'{n}={fixed[n]:g}' for n in fixed)}")

    logits_share = 2 * d_model * vocab / forward_flops_per_token
    again = {
        0.0: 1.0,
        1.0: 1 + c.elementwise + attention_flops_share / 3,
        2.0: 1 + c.elementwise + (1 - logits_share) / 3,
    }
    if "recompute" in fixed:
        again = {fixed["recompute"]: again.get(fixed["recompute"], 1.0)}
    state_bytes = bytes_per_weight * weight_copies + bytes_per_gradient + bytes_per_optimizer_state
    hopeless = params * state_bytes / total + memory_overhead > usable_memory
    if hopeless and "recompute" not in fixed:
        again = {2.0: again[2.0]}
    dense = matmul_params + unembedding_params
    exposed = c.exposed_data * network(total) * params / dense / 6
    best: tuple[float, float, tuple[float, ...]] = (math.inf, math.inf, ())  # overhead where it fits, bytes, layout

    for split in sorted(splits):
        overhead, tp, pp, cp, ep, dp, v, micro, m = split
        if overhead >= best[0]:
            break
        one = dp * cp == 1
        stages = (
            [fixed["zero_stage"]] if "zero_stage" in fixed else [0.0] if one else [3.0] if hopeless else [1.0, 2.0, 3.0]
        )
        rank_tokens = batch_tokens / (dp * cp)
        keeping = {
            stage: 1
            + (0.0 if one else exposed * _traffic(stage, m, bytes_per_weight, bytes_per_gradient) / rank_tokens)
            for stage in stages
        }
        options = sorted((keeping[s] * again[r], s, r) for s in keeping for r in again)
        state: dict[float, float] = {}
        held: dict[float, float] = {}
        for factor, stage, recompute in options:
            if overhead * factor >= best[0]:
                break
            if stage not in state:
                state[stage] = state_memory_per_accelerator(
                    params, shape_params, routed_params, embedding_params, unembedding_params, layers, moe_layers,
                    tp, pp, cp, ep, dp, stage, bytes_per_weight, bytes_per_gradient, bytes_per_optimizer_state,
                    weight_copies,
                )  # fmt: skip
            if recompute not in held:
                held[recompute] = activations_memory_per_accelerator(
                    layers, layer_activations, layer_activations_selective, d_model, vocab, seq_len,
                    bytes_per_activation, tp, pp, cp, v, micro, m, recompute,
                )  # fmt: skip
            memory = state[stage] + held[recompute] + memory_overhead
            layout = (tp, pp, cp, ep, dp, v, stage, micro, recompute)
            if memory <= usable_memory:
                best = (overhead * factor, memory, layout)
                break
            if best[0] == math.inf and memory < best[1]:
                best = (math.inf, memory, layout)
    return tuple(float(value) for value in best[2])


def _traffic(stage: float, micro_batches: float, weight: float, gradient: float) -> float:
    """Bytes per parameter that one rank sends in a step: gradients reduced, weights gathered."""
    if stage > 2:
        return micro_batches * (2 * weight + gradient)
    return (micro_batches if stage > 1 else 1) * gradient + weight


def _powers(most: float) -> list[float]:
    return [2.0**i for i in range(int(math.log2(max(most, 1.0)) + 1e-9) + 1)]


def _splits(
    total: float,
    domain: float,
    layers: float,
    heads: float,
    seq_len: float,
    batch_tokens: float,
    fixed: Mapping[str, float],
    c: Overheads,
) -> list[tuple[float, float, float]]:
    tps = [fixed["tp"]] if "tp" in fixed else [t for t in _powers(min(domain, heads, total)) if heads % t == 0]
    pps = [fixed["pp"]] if "pp" in fixed else _powers(min(layers, total))
    scarce = batch_tokens / seq_len * tps[-1] * 16 < total
    least = c.scarce_context_tokens if scarce else c.context_tokens
    cps = [fixed["cp"]] if "cp" in fixed else _powers(min(max(seq_len / least, 1.0), total))
    each = fixed.get("dp", 1.0)
    return [(t, p, n) for t in tps for p in pps for n in cps if t * p * n * each <= total]


def _expert_splits(experts: float, ranks: float, fixed: Mapping[str, float]) -> list[float]:
    if "ep" in fixed:
        return [fixed["ep"]]
    return [e for e in _powers(min(max(experts, 1.0), ranks)) if experts % e == 0] or [1.0]


def _micro_batch_sizes(seq_len: float, batch_tokens: float, dp: float, fixed: Mapping[str, float]) -> list[float]:
    if "micro_batch" in fixed:
        return [fixed["micro_batch"]]
    return _powers(min(4096 / seq_len, batch_tokens / (seq_len * dp), 64.0))
