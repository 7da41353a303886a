"""Candidate layouts: all ways to divide the accelerators that can be built, put in order by a rough overhead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

MOST_VIRTUAL_STAGES = 8.0


class Overheads(NamedTuple):
    """Coefficients by which layouts are put in order before they are timed; shares are our judgement."""

    uneven_stages: float = 0.01  # for each doubling of the pipeline
    elementwise: float = 0.01  # recomputing what costs time but no FLOPs
    exposed_data: float = 0.3
    lost_to_failures: float = 3.3e-6  # per accelerator of a replica: 4.7e-4 failures a day * 600 s to restart
    headroom: float = 0.05  # of the usable memory, which a layout leaves free where one can
    context_tokens: float = 4096.0  # least tokens of a sequence on one rank
    scarce_context_tokens: float = 256.0  # the same where the batch has too few sequences for the accelerators
    timed: int = 40  # layouts that fit and are timed, of those with the least overhead
    timed_with_experts: int = 100  # the same for models with experts, whose overhead is rougher


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


def scored_splits(
    total: float,
    work: float,
    per_link_byte: float,
    per_network_byte: float,
    domain: float,
    layers: float,
    heads: float,
    d_model: float,
    cached: float,
    routed: float,
    experts: float,
    seq_len: float,
    batch_tokens: float,
    small_work_tokens: float,
    exposed_tensor: float,
    exposed_context: float,
    exposed_experts: float,
    host_tokens: float,
    routed_share: float,
    experts_per_token: float,
    fixed: Mapping[str, float],
    c: Overheads,
) -> list[Split]:
    """All ways to divide the accelerators, the one with the least rough overhead first.

    Overheads are traffic over work: `per_link_byte` and `per_network_byte` are the FLOPs done while a byte is sent,
    `host_tokens` the tokens that one accelerator works on while the host launches a layer.
    """

    def network(ranks: float) -> float:
        return per_link_byte if ranks <= domain else per_network_byte

    splits: list[Split] = []
    for tp, pp, cp in _splits(total, domain, layers, heads, seq_len, batch_tokens, fixed, c):
        dp = fixed.get("dp", math.floor(total / (tp * pp * cp)))
        v = fixed.get("virtual_stages", min(MOST_VIRTUAL_STAGES, math.ceil(layers / pp)) if pp > 1 else 1.0)
        shared = (
            (1 + exposed_tensor * 16 * d_model * (tp - 1) * per_link_byte / work)
            * (1 + exposed_context * 3 * cached * (cp - 1) * network(tp * cp) / work)
            * (1 + c.uneven_stages * math.log2(pp))
            * (1 + c.lost_to_failures * tp * pp * cp)
            * total / (tp * pp * cp * dp)
        )  # fmt: skip
        for micro in _micro_batch_sizes(seq_len, batch_tokens, dp, fixed):
            m = max(1.0, batch_tokens / (seq_len * dp * micro))
            bubble = (min(pp, m) - 1) / (v * m) + max(pp - m, 0.0) / m
            tokens = micro * seq_len / cp
            alone = (1 + bubble) * (1 + small_work_tokens / tokens) * (1 + (host_tokens * tp / tokens) ** 3) ** (1 / 3)
            idle = max(dp * micro * seq_len / batch_tokens, 1.0)
            for ep in _expert_splits(experts, tp * cp * dp, fixed):
                domains = max(ep / domain, 1.0)
                sent = experts_per_token * (1 - 1 / min(ep, domain)) * per_link_byte
                sent += min(experts_per_token, domains) * (1 - 1 / domains) * per_network_byte
                routing = 1 + exposed_experts * 8 * routed * d_model * sent / work
                if routed_share:
                    routing += routed_share * small_work_tokens * experts / (tokens * experts_per_token * ep)
                splits.append(Split(shared * alone * idle * routing, tp, pp, cp, ep, dp, v, micro, m))
    splits.sort()
    return splits


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
    scarce = batch_tokens / seq_len * tps[-1] < total
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
