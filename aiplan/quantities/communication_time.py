"""Time that accelerators wait for each other: tensor, context, expert, pipeline and data parallelism.

A group of ranks sits in scale-up domains joined by the scale-out network. Collectives go through the domain first and
then across, each rank carrying its share; their cost is bytes over bandwidth plus a latency that grows with the group.
Part of it hides behind the work; what is counted is the exposed part.
"""

from __future__ import annotations

from aiplan.calibration import calibrated
from aiplan.graph import default, given, quantity
from aiplan.maths import ceil, log2, maximum, minimum, where

given("scale_up_bandwidth", "B/s", "Bandwidth of the fast local links of one accelerator, one way.")
given("scale_out_bandwidth", "B/s", "Bandwidth of the network between domains for one accelerator, one way.")
calibrated("scale_up_efficiency", "Share of the local links' bandwidth that collectives reach.")
calibrated("scale_out_efficiency", "Share of the network's bandwidth that collectives reach.")
calibrated("link_latency", "Latency of a collective per doubling of its group.", unit="s")
calibrated("exposed_tensor", "Share of tensor-parallel traffic that does not hide behind the work.")
calibrated("exposed_experts", "Share of the experts' traffic that does not hide behind the work.")
default(
    "exposed_context",
    "",
    0.4,
    "Share of context-parallel traffic that does not hide behind the work.",
    source="our judgement: keys and values go round behind the attention; the measurements do not identify it",
)
calibrated("data_overlap", "Share of the last backward pass behind which gradient traffic can hide.")


@quantity("B/s", nullable=("scale_up_bandwidth",), source="links as sold times the share that collectives reach")
def scale_up_rate(scale_up_bandwidth: float | None, scale_up_efficiency: float, *, unknown: float = 25e9) -> float:
    """Bandwidth of collectives over the local links; PCIe 4 where the links are unknown.

        scale_up_bandwidth * scale_up_efficiency

    >>> scale_up_rate(450e9, 0.8)
    360000000000.0
    """
    return (unknown if scale_up_bandwidth is None else scale_up_bandwidth) * scale_up_efficiency


@quantity("B/s", nullable=("scale_out_bandwidth",), source="links as sold times the share that collectives reach")
def scale_out_rate(scale_out_bandwidth: float | None, scale_out_efficiency: float, *, unknown: float = 12.5e9) -> float:
    """Bandwidth of collectives over the network between domains; 100 Gb/s where it is unknown.

        scale_out_bandwidth * scale_out_efficiency

    >>> scale_out_rate(50e9, 0.8)
    40000000000.0
    """
    return (unknown if scale_out_bandwidth is None else scale_out_bandwidth) * scale_out_efficiency


def seconds_per_byte(ranks: float, local: float, up: float, out: float) -> float:
    """Time per byte [s/B] of a ring all-gather, or reduce-scatter, of `ranks` in domains of `local` of them.

        (g - 1) / g / up + (n - 1) / n / (g out), n = ranks / g domains of g = min(local, ranks)

    Reference: hierarchical collectives, Thakur et al. 2005 for each level.
    >>> seconds_per_byte(8.0, 8.0, 7e9, 1e9) * 8e9
    1.0
    """
    g = minimum(maximum(local, 1.0), ranks)
    n = maximum(ranks / g, 1.0)
    time: float = (g - 1.0) / g / up + (n - 1.0) / n / (g * out)
    return time


@quantity("s", source="Korthikanti et al. 2022, sec. 4.2.2: four all-reduces a layer; exposed share fitted")
def tensor_time(
    rank_tokens: float,
    layers: float,
    moe_layers: float,
    d_model: float,
    tp: float,
    pp: float,
    recompute: float,
    scale_up_domain: float,
    scale_up_rate: float,
    scale_out_rate: float,
    link_latency: float,
    exposed_tensor: float,
    low_precision: float,
    *,
    value_bytes: float = 2.0,
    gathered_bytes: float = 1.0,
) -> float:
    """Time that a micro-batch waits for tensor-parallel traffic on one rank.

        (4 + 2 r) all-reduces a layer of 2 (tp - 1) / tp tokens d_model 2 B, exposed, and 2 hops of latency each

    Expert layers have half of them. Hops are tp - 1 of a ring, or 1 + 2 log2(tp) of a tree where that is fewer. With
    8 bits the gathered half of each is cast before it is sent (TransformerEngine, layernorm_linear.py): 1.5 for 2 B.

    >>> tensor_time(8192.0, 32, 0, 4096, 1, 1, 0, 8, 3.6e11, 4e10, 1e-5, 0.5, 0)
    0.0
    """
    again = maximum(recompute - 1.0, 0.0)
    reductions = (layers - 0.5 * moe_layers) * (4.0 + 2.0 * again) / pp
    size = (2.0 * value_bytes - (value_bytes - gathered_bytes) * low_precision) * rank_tokens * d_model
    each = size * seconds_per_byte(tp, scale_up_domain, scale_up_rate, scale_out_rate)
    hops = minimum(tp - 1.0, 1.0 + 2.0 * log2(tp))
    time: float = reductions * (each * exposed_tensor + 2.0 * hops * link_latency)
    return time


def domains_reached(experts_per_token: float, domains: float) -> float:
    """Domains, on average, that hold at least one of a token's experts, which are anywhere with equal chance.

        n (1 - (1 - 1 / n) ** k) of n domains

    Reference: the occupancy problem, Feller 1968, sec. IV.2.
    >>> domains_reached(8.0, 1.0), domains_reached(1.0, 8.0)
    (1.0, 1.0)
    """
    out: float = domains * (1.0 - (1.0 - 1.0 / domains) ** experts_per_token)
    return out


@quantity("s", source="DeepSeek-AI 2024 (DeepSeek-V3), sec. 3.2; exposed share fitted")
def expert_time(
    rank_tokens: float,
    moe_layers: float,
    d_model: float,
    experts_per_token: float,
    tp: float,
    pp: float,
    ep: float,
    recompute: float,
    scale_up_domain: float,
    scale_up_rate: float,
    scale_out_rate: float,
    link_latency: float,
    exposed_experts: float,
    graphed_experts: float,
    zero_bubble: float,
    *,
    value_bytes: float = 2.0,
) -> float:
    """Time that a micro-batch waits for tokens to travel to experts and back on one rank.

        (4 + 2 r) k tokens / tp d_model 2 B, within the domain over links, across over the network, exposed

    A token crosses the network once for each domain that it reaches, not once for each expert. DualPipe, and a step
    that is one graph, run it behind the work of another micro-batch.

    >>> expert_time(8192.0, 32, 4096, 8, 1, 1, 1, 0, 8, 3.6e11, 4e10, 1e-5, 0.5, 0, 0)
    0.0
    """
    again = maximum(recompute - 1.0, 0.0)
    domains = maximum(ep / scale_up_domain, 1.0)
    remote = (1.0 - 1.0 / domains) * domains_reached(experts_per_token, domains)
    local = (1.0 - 1.0 / minimum(ep, scale_up_domain)) * experts_per_token
    each = rank_tokens / tp * d_model * value_bytes * (local / scale_up_rate + remote / scale_out_rate)
    waits = where(zero_bubble > 2, 0.0, 1.0 - graphed_experts) * (each * exposed_experts + link_latency * log2(ep))
    time: float = moe_layers / pp * (4.0 + 2.0 * again) * waits
    return time


@quantity("s", source="Liu et al. 2023 (Ring Attention); Llama 3 2024, sec. 3.3.2; exposed share our judgement")
def context_time(
    rank_tokens: float,
    kv_cache_per_token: float,
    tp: float,
    pp: float,
    cp: float,
    recompute: float,
    scale_up_domain: float,
    scale_up_rate: float,
    scale_out_rate: float,
    exposed_context: float,
) -> float:
    """Time that a micro-batch waits for keys and values of other ranks' tokens.

        (3 + r) keys and values of tokens (cp - 1) / (tp pp), exposed

    >>> context_time(8192.0, 131072.0, 1, 1, 1, 0, 8, 3.6e11, 4e10, 0.5)
    0.0
    """
    passes = 3.0 + maximum(recompute - 1.0, 0.0)
    whole = rank_tokens * cp * kv_cache_per_token / (tp * pp)
    local = scale_up_domain / tp
    time: float = passes * whole * seconds_per_byte(cp, local, scale_up_rate, scale_out_rate) * exposed_context
    return time


@quantity("s", source="Narayanan et al. 2021, sec. 4.1; Megatron-Bridge 067f987df0, comm_overlap.py")
def point_to_point_time(
    rank_tokens: float,
    d_model: float,
    tp: float,
    pp: float,
    cp: float,
    dp: float,
    virtual_stages: float,
    micro_batches: float,
    scale_up_domain: float,
    scale_up_rate: float,
    scale_out_rate: float,
    *,
    value_bytes: float = 2.0,
) -> float:
    """Time that a micro-batch waits between pipeline stages.

        2 v tokens d_model 2 B / tp / bandwidth, exposed; nothing where there is one stage

    All wait for the slowest hop, which crosses domains where all stages do not share one. With virtual stages the
    sends run behind the work but while the pipeline fills and drains, (p - 1) / (v m) of them; without they do not.

    >>> point_to_point_time(8192.0, 4096, 1, 1, 1, 1, 1, 16, 8, 3.6e11, 4e10)
    0.0
    """
    rate = where(tp * cp * dp * pp <= scale_up_domain, scale_up_rate, scale_out_rate)
    sent = 2.0 * virtual_stages * rank_tokens * d_model * value_bytes / tp
    exposed = where(virtual_stages > 1, minimum((pp - 1.0) / (virtual_stages * micro_batches), 1.0), 1.0)
    out: float = where(pp > 1, exposed * sent / rate, 0.0)
    return out


@quantity("param", source="by definition")
def rank_params(shape_params: float, routed_params: float, layers: float, tp: float, pp: float, ep: float) -> float:
    """Parameters that one rank holds or, when sharded over replicas, works with.

        (shape_params - routed_params) / (tp pp) + routed_params / (ep pp)

    >>> rank_params(8e9, 0.0, 32, 2.0, 2.0, 1.0)
    2000000000.0
    """
    return (shape_params - routed_params) / (tp * pp) + routed_params / (ep * pp)


@quantity("s", source="Rajbhandari et al. 2020 (ZeRO), sec. 7; Zhao et al. 2023 (FSDP)")
def gather_time(
    shape_params: float,
    routed_params: float,
    tp: float,
    pp: float,
    cp: float,
    ep: float,
    dp: float,
    zero_stage: float,
    bytes_per_weight: float,
    scale_up_domain: float,
    scale_up_rate: float,
    scale_out_rate: float,
    *,
    traversals: float = 3.0,
) -> float:
    """Traffic of fully sharded weights in one micro-batch: gathered forward and backward, gradients scattered.

        3 bytes_per_weight params of the rank at the rate of its replicas' group; 0 unless the weights are sharded

    >>> gather_time(8e9, 0.0, 1, 1, 1, 1, 8, 1, 2, 8, 3.6e11, 4e10)
    0.0
    """
    ranks, experts_ranks = dp * cp, maximum(dp * cp * tp / ep, 1.0)
    dense = (shape_params - routed_params) / (tp * pp)
    routed = routed_params / (ep * pp)
    dense_rate = seconds_per_byte(ranks, scale_up_domain / tp, scale_up_rate, scale_out_rate)
    routed_rate = seconds_per_byte(experts_ranks, scale_up_domain / ep, scale_up_rate, scale_out_rate)
    moved = traversals * bytes_per_weight * (dense * dense_rate + routed * routed_rate)
    out: float = where(zero_stage > 2, moved, 0.0)
    return out


@quantity("s", source="Rajbhandari et al. 2020 (ZeRO), sec. 7; overlap fitted")
def data_time(
    shape_params: float,
    routed_params: float,
    tp: float,
    pp: float,
    cp: float,
    ep: float,
    dp: float,
    virtual_stages: float,
    zero_stage: float,
    bytes_per_weight: float,
    bytes_per_gradient: float,
    scale_up_domain: float,
    scale_up_rate: float,
    scale_out_rate: float,
    link_latency: float,
    data_overlap: float,
    micro_batch_time: float,
    micro_batches: float,
    *,
    least_exposed: float = 0.1,
) -> float:
    """Time that a step waits for the replicas' gradients and new weights.

        maximum(0.1 traffic, traffic - data_overlap * micro_batch_time); none where the weights are sharded

    Gradients are scattered and weights gathered over the group of dp cp ranks, experts' over fewer. Where gradients
    are sharded (stage 2) no rank can add them up, so that they are scattered after every micro-batch.

    >>> data_time(8e9, 0.0, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 3.6e11, 4e10, 0, 0.5, 1.0, 4.0)
    0.0
    """
    ranks, experts_ranks = dp * cp, maximum(dp * cp * tp / ep, 1.0)
    dense = (shape_params - routed_params) / (tp * pp)
    routed = routed_params / (ep * pp)
    dense_rate = seconds_per_byte(ranks, scale_up_domain / tp, scale_up_rate, scale_out_rate)
    routed_rate = seconds_per_byte(experts_ranks, scale_up_domain / ep, scale_up_rate, scale_out_rate)
    size, latency = dense * dense_rate + routed * routed_rate, 2.0 * link_latency * log2(ranks)
    traffic = (bytes_per_gradient + bytes_per_weight) * size + latency
    hidden = data_overlap * micro_batch_time
    waits = maximum(least_exposed * traffic, traffic - hidden)
    scattered = bytes_per_gradient * size + latency
    again = (micro_batches - 1.0) * maximum(least_exposed * scattered, scattered - hidden)
    waits = waits + where(zero_stage > 1, again, 0.0)
    out: float = where(zero_stage > 2, latency, waits)
    return out


@quantity("", source="Narayanan et al. 2021, sec. 2.2: all stages wait for the fullest")
def stage_imbalance(layers: float, pp: float, virtual_stages: float, *, made_up: float = 0.5) -> float:
    """Time of the fullest pipeline stage relative to the mean one.

        1 + 0.5 (ceil(layers / (pp v)) pp v / layers - 1)

    Half of the unevenness is made up for by the embeddings, which are given to the stages with fewer layers.

    >>> stage_imbalance(96, 16, 1)
    1.0
    """
    parts = pp * virtual_stages
    out: float = 1.0 + made_up * (ceil(layers / parts) * parts / layers - 1.0)
    return out


given("site_link_bandwidth", "B/s", "Bandwidth between one site and the others, one way.")
default(
    "site_latency",
    "s",
    5e-3,
    "Latency from one site to the next, one way.",
    source="1,000 km of fibre at 5 us a km",
    spread=(1e-3, 20e-3),
)
default(
    "site_sync_steps",
    "",
    1.0,
    "Steps from one exchange among sites to the next.",
    source="1: plain data parallelism; some 100 with DiLoCo (Douillard et al. 2023)",
    bounds=(1.0, None),
)


@quantity("s", of="site_exchange_time", source="ring all-reduce among sites, as hierarchical data parallelism")
def site_exchange_time_over_link(
    sites: float,
    params: float,
    bytes_per_gradient: float,
    site_link_bandwidth: float,
    site_latency: float,
    site_sync_steps: float,
) -> float:
    """Time that a step waits, on average, for the exchange of gradients among sites.

        (2 (1 - 1 / sites) params bytes_per_gradient / bandwidth + 2 (sites - 1) latency) / site_sync_steps

    Nothing is taken to hide behind the work, and every site to hold whole replicas.

    >>> site_exchange_time_over_link(8.0, 1e12, 0.5, 0.875e9, 0.0, 100.0)
    10.0
    """
    sent = 2.0 * (1.0 - 1.0 / sites) * params * bytes_per_gradient / site_link_bandwidth
    return (sent + 2.0 * (sites - 1.0) * site_latency) / site_sync_steps


@quantity("s", source="not timed where the link is not given")
def site_exchange_time(*, unknown: float = 0.0) -> float:
    """Time that a step waits, on average, for the exchange of gradients among sites.

        0 where `site_link_bandwidth` is not given: the sites are taken to be one

    >>> site_exchange_time()
    0.0
    """
    return unknown
