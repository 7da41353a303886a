"""Collectives over links, how far a batch can be split before links bind, and links between sites.

Pure functions, none registered in the graph. Bytes and bytes per second are one way and per accelerator; the model of
a link is a latency plus bytes over bandwidth.
"""

from __future__ import annotations

from aiplan.maths import sqrt

# -- collectives -----------------------------------------------------------------------------------------------


def allgather_time(size: float, ranks: float, bandwidth: float, *, latency: float = 0.0) -> float:
    """Time [s] of a ring all-gather, or of a ring reduce-scatter, of `size` bytes in all (Thakur et al. 2005).

        (ranks - 1) / ranks * size / bandwidth + (ranks - 1) * latency

    >>> allgather_time(8e9, 8.0, 7e9)
    1.0
    """
    return (ranks - 1.0) / ranks * size / bandwidth + (ranks - 1.0) * latency


def allreduce_time(size: float, ranks: float, bandwidth: float, *, latency: float = 0.0) -> float:
    """Time [s] of a ring all-reduce of `size` bytes: a reduce-scatter, then an all-gather (Thakur et al. 2005).

        2 * (ranks - 1) / ranks * size / bandwidth + 2 * (ranks - 1) * latency

    >>> allreduce_time(8e9, 8.0, 7e9)
    2.0
    """
    return 2.0 * allgather_time(size, ranks, bandwidth, latency=latency)


def alltoall_time(size_per_rank: float, ranks: float, bandwidth: float) -> float:
    """Time [s] of an all-to-all in which each rank holds `size_per_rank` bytes, as for experts.

        (ranks - 1) / ranks * size_per_rank / bandwidth

    >>> alltoall_time(8e9, 8.0, 7e9)
    1.0
    """
    return (ranks - 1.0) / ranks * size_per_rank / bandwidth


def hierarchical_allreduce_time(
    size: float, domain: float, domains: float, inner_bandwidth: float, outer_bandwidth: float
) -> float:
    """Time [s] of an all-reduce within scale-up domains of `domain` ranks and then across `domains` of them.

        2 * (g - 1) / g * size / inner_bandwidth + 2 * (m - 1) / m * (size / g) / outer_bandwidth

    Each rank carries 1/g of the bytes across domains.

    >>> hierarchical_allreduce_time(8e9, 8.0, 1.0, 7e9, 1.0)
    2.0
    """
    return allreduce_time(size, domain, inner_bandwidth) + allreduce_time(size / domain, domains, outer_bandwidth)


# -- pipelines -------------------------------------------------------------------------------------------------


def bubble_share(pipeline_bubble: float) -> float:
    """Idle time of a pipeline as a share of the whole step, from the idle time over the working time.

        pipeline_bubble / (1 + pipeline_bubble)

    >>> bubble_share(1.0)
    0.5
    """
    return pipeline_bubble / (1.0 + pipeline_bubble)


# -- how thin a batch can be spread ----------------------------------------------------------------------------


def fsdp_least_tokens(peak_flops: float, bandwidth: float) -> float:
    """Tokens per accelerator below which sharded data parallelism waits for its links.

        peak_flops / bandwidth

    For 16-bit weights; bandwidth is of the links both ways (Austin et al. 2025, How to Scale Your Model, training).

    >>> fsdp_least_tokens(459e12, 180e9)
    2550.0
    """
    return peak_flops / bandwidth


def tensor_parallel_most(d_ff: float, peak_flops: float, bandwidth: float, *, axes: float = 1.0) -> float:
    """Degree of tensor parallelism above which it waits for its links (Austin et al. 2025, training).

        axes * d_ff * bandwidth / peak_flops

    >>> tensor_parallel_most(25500.0, 459e12, 180e9)
    10.0
    """
    return axes * d_ff * bandwidth / peak_flops


def mixed_least_tokens(
    d_ff: float, peak_flops: float, bandwidth: float, *, data_axes: float = 2.0, tensor_axes: float = 1.0
) -> float:
    """Tokens per accelerator below which sharded data and tensor parallelism together wait (Austin et al. 2025).

        4 * (peak_flops / bandwidth) ** 2 / (data_axes * tensor_axes * d_ff)

    >>> round(mixed_least_tokens(28672.0, 459e12, 180e9))
    454
    """
    return 4.0 * fsdp_least_tokens(peak_flops, bandwidth) ** 2 / (data_axes * tensor_axes * d_ff)


def mixed_data_degree(
    batch_tokens: float, d_ff: float, accelerators: float, *, data_axes: float = 2.0, tensor_axes: float = 1.0
) -> float:
    """Degree of sharded data parallelism that moves least, the rest being tensor parallel (Austin et al. 2025).

        sqrt(batch_tokens / d_ff * data_axes / tensor_axes * accelerators)

    >>> mixed_data_degree(8e6, 4e4, 100.0, tensor_axes=2.0, data_axes=2.0)
    141.4213562373095
    """
    degree: float = sqrt(batch_tokens / d_ff * data_axes / tensor_axes * accelerators)
    return degree


def accelerators_most(batch_tokens: float, least_tokens: float, *, stages: float = 1.0) -> float:
    """Accelerators above which a batch is too thin for the links, each pipeline stage seeing the whole batch.

        batch_tokens * stages / least_tokens

    >>> accelerators_most(16e6, 450.0, stages=9.0)
    320000.0
    """
    return batch_tokens * stages / least_tokens


# -- the latency wall ------------------------------------------------------------------------------------------


def latency_days(tokens: float, batch_tokens: float, layers: float, *, layer_time: float = 2e-5) -> float:
    """Days that latency alone costs, whatever the number of accelerators.

        tokens / batch_tokens * layers * layer_time * 3 / 86400

    Each layer is passed once forward and twice backward. The default of 20 us a layer [s] is our reading of the
    "tens of us" over several network hops in Grattafiori et al. 2024; the bound follows the idea of Erdil and
    Schneider-Joseph 2024 (arXiv 2411.01137), with our own constants.

    >>> latency_days(86400e6, 1e6, 100.0, layer_time=0.01)
    3.0
    """
    return tokens / batch_tokens * layers * layer_time * 3.0 / 86400.0


def latency_flops(
    days: float, batch_tokens: float, layers: float, *, layer_time: float = 2e-5, tokens_per_param: float = 20.0
) -> float:
    """Compute [FLOP] of the largest dense run that latency lets end within some days.

        6 * N * D, D = batch_tokens * days * 86400 / (3 * layers * layer_time), N = D / tokens_per_param

    >>> f"{latency_flops(90.0, 16e6, 160.0):.2e}"
    '5.04e+31'
    """
    tokens = batch_tokens * days / latency_days(1.0, 1.0, layers, layer_time=layer_time)
    return 6.0 * tokens**2 / tokens_per_param


# -- between sites ---------------------------------------------------------------------------------------------


def sync_bytes(params: float, sites: float, *, bytes_per_param: float = 2.0) -> float:
    """Bytes that each site sends in one exchange of gradients, or of DiLoCo's outer gradients, among all sites.

        2 * (sites - 1) / sites * params * bytes_per_param

    >>> sync_bytes(1e12, 8.0, bytes_per_param=0.5)
    875000000000.0
    """
    return 2.0 * (sites - 1.0) / sites * params * bytes_per_param


def site_bandwidth(
    params: float, sites: float, step_time: float, *, bytes_per_param: float = 2.0, steps_between: float = 1.0
) -> float:
    """Bandwidth [B/s] that each site needs on average to keep in step with the others.

        sync_bytes / (steps_between * step_time)

    `steps_between` 1 is ordinary data parallelism; a hundred or so is DiLoCo (Douillard et al. 2023,
    arXiv 2311.08105), whose 4-bit outer gradients are 0.5 bytes a parameter (arXiv 2501.18512).

    >>> site_bandwidth(1e12, 8.0, 10.0, bytes_per_param=0.5, steps_between=100.0)
    875000000.0
    """
    return sync_bytes(params, sites, bytes_per_param=bytes_per_param) / (steps_between * step_time)
