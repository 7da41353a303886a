"""Candidate layouts: all ways to divide the accelerators that can be built, put in order by a rough overhead."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

MOST_VIRTUAL_STAGES = 8.0
MOST_MICRO_BATCH = 16.0
MOST_DIVIDED = 10**8  # whose divisors are sought one by one


class Overheads(NamedTuple):
    """Coefficients by which layouts are put in order before they are timed; shares are our judgement."""

    uneven_stages: float = 0.01  # for each doubling of the pipeline
    lost_to_failures: float = 3.3e-6  # per accelerator of a replica: 4.7e-4 failures a day * 600 s to restart
    headroom: float = 0.05  # of the usable memory, which a layout leaves free where one can
    context_tokens: float = 4096.0  # least tokens of a sequence on one rank
    scarce_context_tokens: float = 256.0  # the same where the batch has too few sequences for the accelerators
    timed: int = 20  # layouts that fit and are timed, of those with the least overhead
    timed_with_experts: int = 25  # the same for models with experts, whose overhead is rougher
    alike: int = 3  # most of them with the same number of stages
    starts: int = 4  # of them, with different numbers of stages, from which the search goes on step by step


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

    grouping = routed_share * small_work_tokens * experts / max(experts_per_token, 1.0)
    splits: list[Split] = []
    for tp, pp, cp in _splits(total, domain, layers, heads, seq_len, batch_tokens, fixed, c):
        v = fixed.get("virtual_stages", most_virtual_stages(layers, pp))
        shared = (
            (1 + exposed_tensor * 16 * d_model * (tp - 1) * per_link_byte / work)
            * (1 + exposed_context * 3 * cached * (cp - 1) * network(tp * cp) / work)
            * (1 + c.uneven_stages * math.log2(pp))
            * (1 + c.lost_to_failures * tp * pp * cp)
        )
        for ep in expert_splits(experts, fixed):
            dp = fixed.get("dp", replicas(total, tp, pp, cp, ep))
            if dp < 1 or ("ep" not in fixed and ep > tp * cp * dp):
                continue
            domains = max(ep / domain, 1.0)
            sent = experts_per_token * (1 - 1 / min(ep, domain)) * per_link_byte
            sent += min(experts_per_token, domains) * (1 - 1 / domains) * per_network_byte
            routing = 1 + exposed_experts * 8 * routed * d_model * sent / work
            wasted = shared * total / (tp * pp * cp * dp)
            for micro in _micro_batch_sizes(seq_len, batch_tokens, dp, fixed):
                m = max(1.0, batch_tokens / (seq_len * dp * micro))
                bubble = (min(pp, m) - 1) / (v * m) + max(pp - m, 0.0) / m
                tokens = micro * seq_len / cp
                host = (1 + (host_tokens * tp / tokens) ** 3) ** (1 / 3)
                alone = (1 + bubble) * (1 + small_work_tokens / tokens) * host
                idle = max(dp * micro * seq_len / batch_tokens, 1.0)
                score = wasted * alone * idle * (routing + grouping / (tokens * ep))
                splits.append(Split(score, tp, pp, cp, ep, dp, v, micro, m))
    splits.sort()
    return splits


def _powers(most: float) -> list[float]:
    return [2.0**i for i in range(int(math.log2(max(most, 1.0)) + 1e-9) + 1)]


def layout_axes(
    total: float,
    domain: float,
    layers: float,
    heads: float,
    experts: float,
    seq_len: float,
    batch_tokens: float,
    fixed: Mapping[str, float],
    c: Overheads,
    *,
    uneven: bool = False,
) -> dict[str, Sequence[float]]:
    """What each member may be, those that the user fixed being that alone.

    Stages are powers of two, so that the step changes smoothly with the accelerators; `uneven` adds the divisors of
    the layers.
    """
    out: dict[str, Sequence[float]] = {
        "tp": [t for t in _powers(min(domain, heads, total)) if heads % t == 0],
        "pp": sorted({*_powers(min(layers, total)), *(p for p in divisors(layers) if uneven and p <= total)}),
        "cp": [n for n in divisors(seq_len) if n <= min(max(seq_len / c.scarce_context_tokens, 1.0), total)],
        "ep": divisors(max(experts, 1.0)),
        "micro_batch": _powers(min(batch_tokens / seq_len, MOST_MICRO_BATCH)),
    }
    return out | {name: [fixed[name]] for name in out if name in fixed}


def neighbours(
    layout: Sequence[float],
    axes: Mapping[str, Sequence[float]],
    total: float,
    layers: float,
    sequences: float,
    fixed: Mapping[str, float],
) -> Iterator[Split]:
    """Splits one step from a layout (tp, pp, cp, ep, dp, ...) in one member or in two."""
    tp, pp, cp, ep, _, v, _, micro, _ = layout
    here = {"tp": tp, "pp": pp, "cp": cp, "ep": ep, "micro_batch": micro}
    steps = {name: _beside(axes[name], here[name]) for name in axes}
    far = steps | {name: [n for n in axes[name] if n != here[name]] for name in ("ep", "micro_batch")}
    moves = [{name: value} for name, values in far.items() for value in values]
    pairs = (*combinations(("tp", "pp", "cp", "ep"), 2), ("cp", "micro_batch"), ("pp", "micro_batch"))
    moves += [{a: x, b: y} for a, b in pairs for x in steps[a] for y in steps[b]]
    if pp > 1 and "virtual_stages" not in fixed:
        moves += [{"virtual_stages": n} for n in (v - 1, v + 1) if 1 <= n <= most_virtual_stages(layers, pp)]
    for move in moves:
        new = here | move
        dp = fixed.get("dp", replicas(total, new["tp"], new["pp"], new["cp"], new["ep"]))
        ranks = new["tp"] * new["cp"] * dp
        if dp < 1 or new["tp"] * new["pp"] * new["cp"] * dp > total or ("ep" not in fixed and new["ep"] > ranks):
            continue
        if "micro_batch" not in fixed and new["micro_batch"] > 1 and dp * new["micro_batch"] > sequences:
            continue
        kept = v if new["pp"] == pp else most_virtual_stages(layers, new["pp"])
        v_new = fixed.get("virtual_stages", move.get("virtual_stages", kept))
        m = max(1.0, sequences / (dp * new["micro_batch"]))
        yield Split(0.0, new["tp"], new["pp"], new["cp"], new["ep"], dp, v_new, new["micro_batch"], m)


def _beside(values: Sequence[float], here: float) -> list[float]:
    """The values next below and above."""
    below, above = [v for v in values if v < here], [v for v in values if v > here]
    return [*below[-1:], *above[:1]]


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


@cache
def divisors(number: float) -> tuple[float, ...]:
    """Whole numbers that divide a whole number, in order: all of them, of a number beyond reason the powers of two.

    >>> divisors(160.0)[:6]
    (1.0, 2.0, 4.0, 5.0, 8.0, 10.0)
    """
    whole = int(number)
    if whole > MOST_DIVIDED:
        return tuple(2.0**k for k in range(whole.bit_length()) if whole % 2**k == 0)
    low = [d for d in range(1, math.isqrt(whole) + 1) if whole % d == 0]
    return tuple(float(d) for d in sorted({*low, *(whole // d for d in low)}))


def expert_splits(experts: float, fixed: Mapping[str, float]) -> tuple[float, ...]:
    """Sizes of expert parallelism: all that divide the experts."""
    return (fixed["ep"],) if "ep" in fixed else divisors(max(experts, 1.0))


def replicas(total: float, tp: float, pp: float, cp: float, ep: float) -> float:
    """Most replicas whose ranks the experts divide, on no more accelerators than there are.

    >>> replicas(1000.0, 8.0, 1.0, 1.0, 64.0)
    120.0
    """
    each = ep // math.gcd(int(ep), int(tp * cp))
    return float(total // (tp * pp * cp) // each * each)


def most_virtual_stages(layers: float, pp: float) -> float:
    """Most parts that a stage can interleave; 1 where there is one stage."""
    return min(MOST_VIRTUAL_STAGES, float(math.ceil(layers / pp))) if pp > 1 else 1.0


def _micro_batch_sizes(seq_len: float, batch_tokens: float, dp: float, fixed: Mapping[str, float]) -> list[float]:
    if "micro_batch" in fixed:
        return [fixed["micro_batch"]]
    return _powers(min(4096 / seq_len, batch_tokens / (seq_len * dp), 64.0))
