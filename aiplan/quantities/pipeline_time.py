"""Time of a step: micro-batches through the pipeline, then the replicas' exchange and the optimizer.

step = (m * micro_batch_time * (1 + bubble) + data_time + optimizer_time + step_overhead) * stragglers * software
"""

from __future__ import annotations

from aiplan.calibration import calibrated
from aiplan.graph import NoValue, default, given, quantity
from aiplan.maths import maximum, minimum, where

OVERLAP = 3.0  # two things that overlap in part take the norm of this order, between their sum and the longer

calibrated("host_layer_time", "Time in which the host launches one layer's kernels, forward and backward.", unit="s")
calibrated("host_expert_time", "Further time in which the host launches an expert layer.", unit="s")
calibrated("host_product_time", "Time in which the host launches the products of one expert on the rank.", unit="s")
default(
    "contention",
    "",
    0.189,
    "Share of the time that gathering weights behind the work adds to it.",
    source="Lee et al. 2025 (arXiv 2507.03114): mean slowdown of work that overlaps with traffic; 0.4 at most",
)
given("host_bandwidth", "B/s", "Bandwidth of the link between one accelerator and its host, one way.")
default(
    "host_memory_bandwidth",
    "B/s",
    77e9,
    "Bandwidth of the host's memory for one accelerator.",
    source="two sockets of eight DDR5-4800 channels for eight accelerators, at their peak",
    spread=(25e9, 77e9),
)
default("host_speed", "", 1.0, "Speed of the host's launches relative to an x86 server.", source="x86 hosts")
calibrated("step_overhead", "Time of a step that no accelerator shortens: loading, logging, the scaler.", unit="s")
default(
    "straggling",
    "",
    0.005,
    "Slowdown of a step per doubling of the accelerators, which wait for the slowest.",
    source="our judgement: measured rows do not tell it from the links",
    spread=(0.002, 0.01),
)
default(
    "software_factor",
    "",
    1.0,
    "Step time of the software stack relative to current Megatron-Core.",
    source="calibration: current Megatron-Core is the reference",
)
default(
    "software_age_years",
    "",
    0.0,
    "Age of the software release, relative to that of the newest measurements.",
    source="calibration: the newest measured release, 2026-08",
)
default(
    "prediction_factor",
    "",
    1.0,
    "Measured step time relative to the prediction.",
    source="calibration: residuals of held-out measurements",
    spread=(0.88, 1.15),
)


def partly_overlapped(a: float, b: float) -> float:
    """Time of two activities that overlap in part.

        (a ** 3 + b ** 3) ** (1 / 3), between the longer and the sum

    >>> round(partly_overlapped(1.0, 1.0), 3)
    1.26
    """
    out: float = (a**OVERLAP + b**OVERLAP) ** (1.0 / OVERLAP)
    return out


@quantity("s", source="launches of the host, fitted to small models")
def host_time(
    layers: float,
    moe_layers: float,
    pp: float,
    recompute: float,
    host_layer_time: float,
    host_expert_time: float,
    host_speed: float,
    graphed_experts: float,
    experts: float,
    ep: float,
    host_product_time: float,
) -> float:
    """Time in which the host launches the kernels of one micro-batch on one stage.

        (layers host_layer_time (3 + r) / 3 + moe_layers (host_expert_time + experts / ep host_product_time)) / pp
            / host_speed

    Products are launched one by one for each expert on the rank (TransformerEngine's grouped product on several
    streams). A step that is one graph launches none of the expert layers' kernels.

    >>> host_time(10.0, 0.0, 1.0, 0.0, 1e-3, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0)
    0.01
    """
    again = 1.0 + maximum(recompute - 1.0, 0.0) / 3.0
    expert = moe_layers * (host_expert_time + experts / ep * host_product_time) * (1.0 - graphed_experts)
    time: float = (layers * host_layer_time * again + expert) / pp / host_speed
    return time


@quantity("s", source="sum of the work and of the traffic that it waits for; launches and gathering overlap in part")
def micro_batch_time(
    matrix_time: float,
    expert_matrix_time: float,
    attention_time: float,
    elementwise_time: float,
    vocabulary_time: float,
    tensor_time: float,
    expert_time: float,
    context_time: float,
    point_to_point_time: float,
    host_time: float,
    gather_time: float,
    contention: float,
) -> float:
    """Time of one micro-batch, forward and backward, on the pipeline stage that all others wait for.

        max(work, gather) + contention min(work, gather), where gathered weights and work run at the same time

    Work is the norm of launches and of matrices + attention + element-wise + vocabulary + exposed traffic.

    >>> round(micro_batch_time(1.0, 0.0, 0.5, 0.3, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2), 6)
    2.0
    """
    device = matrix_time + expert_matrix_time + attention_time + elementwise_time + vocabulary_time
    device = device + tensor_time + expert_time + context_time + point_to_point_time
    work = partly_overlapped(device, host_time)
    out: float = maximum(work, gather_time) + contention * minimum(work, gather_time)
    return out


@quantity("s", source="Narayanan et al. 2021, sec. 2.2.2")
def pipeline_time(
    micro_batch_time: float, micro_batches: float, pipeline_bubble: float, stage_imbalance: float
) -> float:
    """Time of all micro-batches of a step through the pipeline.

        micro_batches * micro_batch_time * stage_imbalance * (1 + pipeline_bubble)

    >>> pipeline_time(0.5, 8.0, 0.25, 1.0)
    5.0
    """
    return micro_batches * micro_batch_time * stage_imbalance * (1.0 + pipeline_bubble)


@quantity("s/param", of="offload_time", source="Ren et al. 2021 (ZeRO-Offload), sec. 3 and 4")
def offload_time_over_link(
    optimizer_offload: float,
    host_bandwidth: float,
    host_memory_bandwidth: float,
    *,
    bytes_sent: float = 4.0,
    bytes_moved: float = 30.0,
) -> float:
    """Time that the host takes to update one parameter, links and all.

        optimizer_offload (4 B / host_bandwidth + 30 B / host_memory_bandwidth)

    16-bit gradients go down, 16-bit weights come back; nothing is taken to hide behind the work.

    >>> offload_time_over_link(1.0, 40e9, 75e9)
    5e-10
    """
    return optimizer_offload * (bytes_sent / host_bandwidth + bytes_moved / host_memory_bandwidth)


@quantity("s/param", source="by definition, where nothing is offloaded")
def offload_time(optimizer_offload: float) -> float:
    """Time that the host takes to update one parameter, links and all.

        0 where nothing is offloaded

    Raises NoValue where something is, since the link to the host is unknown.

    >>> offload_time(0.0)
    0.0
    """
    if optimizer_offload:
        raise NoValue("the link between an accelerator and its host is not in the catalogue: give host_bandwidth")
    return 0.0


@quantity("s", source="master weights and two moments read and written, gradients read, weights written")
def optimizer_time(
    rank_params: float,
    dp: float,
    cp: float,
    zero_stage: float,
    memory_rate: float,
    optimizer_offload: float,
    offload_time: float,
    *,
    bytes_moved: float = 30.0,
) -> float:
    """Time of the optimizer's update on one rank.

        rank_params / shards (30 B (1 - optimizer_offload) / memory_rate + offload_time)

    >>> optimizer_time(1e9, 1.0, 1.0, 0.0, 3e12, 0.0, 0.0)
    0.01
    """
    shards = where(zero_stage > 0, dp * cp, 1.0)
    time: float = rank_params / shards * (bytes_moved * (1.0 - optimizer_offload) / memory_rate + offload_time)
    return time


@quantity("B", source="by definition")
def host_memory_per_accelerator(
    rank_params: float,
    dp: float,
    cp: float,
    zero_stage: float,
    bytes_per_optimizer_state: float,
    optimizer_offload: float,
) -> float:
    """Host's memory that the offloaded optimizer state of one accelerator takes.

        optimizer_offload bytes_per_optimizer_state rank_params / shards

    >>> host_memory_per_accelerator(1e9, 8.0, 1.0, 1.0, 12.0, 1.0)
    1500000000.0
    """
    shards = where(zero_stage > 0, dp * cp, 1.0)
    out: float = optimizer_offload * bytes_per_optimizer_state * rank_params / shards
    return out
