"""Time that one accelerator computes on one micro-batch: matrices, attention, what memory bounds, the vocabulary.

All times are seconds per micro-batch on the mean pipeline stage. Work runs at the peak times an achievable share;
what touches every activation once runs at the bandwidth of the memory. Coefficients come from `aiplan calibrate`.
"""

from __future__ import annotations

from aiplan.calibration import calibrated
from aiplan.graph import default, given, quantity
from aiplan.maths import maximum, minimum, where

KEPT_BY_PLAIN_LAYER = 4.0  # residual stream values that every layer keeps: two residuals, two norm outputs

given("accelerator_memory_bandwidth", "B/s", "Peak bandwidth of the memory of one accelerator.")
default(
    "achievable_share",
    "",
    0.78,
    "Share of the 16-bit peak that the largest matrix products reach in a short test.",
    source="as H100, B200 and B300 (ml-engineering, maximum achievable matmul FLOPS)",
    spread=(0.55, 0.86),
)
calibrated("sustained_share", "Share of the achievable speed of matrix products that a training step sustains.")
default(
    "power_headroom",
    "",
    1.0,
    "Rated power per peak FLOP/s of the accelerator, relative to the chip whose achievable share is used.",
    source="the measured chip itself",
)
calibrated("power_exponent", "How the achieved share grows with the power headroom: sustained clocks follow power.")
calibrated("precision_efficiency", "Share of the gain in peak of the run's precision over 16 bits that is achieved.")
calibrated("half_tokens", "Tokens in a matrix product at which it reaches half of its speed on an A100.")
calibrated("half_width", "Width of a matrix on one rank at which it reaches half of its speed on an A100.")
calibrated("expert_efficiency", "Speed of grouped expert products relative to a dense product of the same size.")
calibrated("attention_efficiency", "Speed of fused attention relative to large matrix products, heads of 96 wide.")
default(
    "unfused_attention", "", 0.0, "1 where attention stores its square, 0 where it is fused.", source="FlashAttention"
)
calibrated("unfused_passes", "Times that unfused attention reads or writes its square, forward and backward.")
default("attention_sinks", "", 0.0, "1 where sink attention runs without a fused kernel.", source="fused kernels")
calibrated("sink_passes", "Times that sink attention without a fused kernel reads or writes its window.")
calibrated("activation_passes", "Times that a kept activation is written or read, forward and backward.")
calibrated("casting_passes", "Further times that an activation is read or written to cast it to 8 or 4 bits.")
default(
    "block_scaled",
    "",
    0.0,
    "1 where numbers of 8 or 4 bits have a scale for each block (MXFP8, NVFP4) and NVIDIA's recipes train the model.",
    source="one scale for a tensor",
)
calibrated("permute_passes", "Times that the copies of tokens sent to experts are written or read.")
calibrated("memory_efficiency", "Share of the memory's peak bandwidth that element-wise kernels reach.")
default(
    "sequence_parallel",
    "",
    1.0,
    "1 where norms and residuals are divided among tensor-parallel ranks, 0 where each repeats them.",
    source="Korthikanti et al. 2022, sec. 4.2.2",
)


@quantity("token", source="by definition")
def rank_tokens(micro_batch: float, seq_len: float, cp: float) -> float:
    """Tokens of one micro-batch on one rank.

        micro_batch * seq_len / cp

    >>> rank_tokens(1.0, 8192.0, 2.0)
    4096.0
    """
    return micro_batch * seq_len / cp


@quantity("FLOP/s", nullable=("peak_flops_bf16",), source="by definition")
def peak_flops_wide(peak_flops: float, peak_flops_bf16: float | None) -> float:
    """Dense peak at the precision of attention and the vocabulary, which stay in 16 bits.

        minimum(peak_flops, peak_flops_bf16)

    >>> peak_flops_wide(2e15, 1e15)
    1000000000000000.0
    """
    out: float = peak_flops if peak_flops_bf16 is None else minimum(peak_flops, peak_flops_bf16)
    return out


@quantity("", source="by definition")
def low_precision(peak_flops: float, peak_flops_wide: float) -> float:
    """1 where the matrix work is in 8 bits or fewer, else 0.

        peak_flops > 1.5 * peak_flops_wide

    >>> low_precision(2e15, 1e15)
    1.0
    """
    out: float = where(peak_flops > 1.5 * peak_flops_wide, 1.0, 0.0)
    return out


@quantity("", source="Megatron-Bridge 067f987df0, perf_recipes: full-iteration MXFP8, from the release of June 2026")
def graphed_experts(block_scaled: float, software_age_years: float, *, since: float = 0.25) -> float:
    """1 where the step of a model with experts is one graph, its casts fused into the experts' products.

        block_scaled where the software is younger than a quarter of a year, else 0

    Age is relative to the release of August 2026. Launches are replayed, and the experts' traffic runs behind the
    work of another micro-batch.

    >>> graphed_experts(1.0, 0.0), graphed_experts(1.0, 1.0)
    (1.0, 0.0)
    """
    out: float = where(software_age_years < since, block_scaled, 0.0)
    return out


@quantity("B/s", nullable=("accelerator_memory_bandwidth",), source="measured by copies; where unknown, H100's ratio")
def memory_rate(
    accelerator_memory_bandwidth: float | None,
    memory_efficiency: float,
    peak_flops_wide: float,
    *,
    bytes_per_flop: float = 3.35e12 / 989.4e12,
) -> float:
    """Bandwidth that element-wise kernels get.

        accelerator_memory_bandwidth * memory_efficiency

    >>> memory_rate(4e12, 0.75, 1e15)
    3000000000000.0
    """
    peak = peak_flops_wide * bytes_per_flop if accelerator_memory_bandwidth is None else accelerator_memory_bandwidth
    return peak * memory_efficiency


@quantity("", source="power-limited clocks; fitted to measured throughput")
def matrix_efficiency(
    achievable_share: float, sustained_share: float, power_headroom: float, power_exponent: float
) -> float:
    """Share of the 16-bit peak that large matrix products reach in training on this accelerator.

        achievable_share * sustained_share * power_headroom ** power_exponent

    >>> matrix_efficiency(0.8, 0.5, 1.0, 1.0)
    0.4
    """
    out: float = achievable_share * sustained_share * power_headroom**power_exponent
    return out


def saturation(size: float, half: float) -> float:
    """Share of its final speed that work of a size reaches, one half at `half`.

        size / (size + half)

    >>> saturation(300.0, 100.0)
    0.75
    """
    return size / (size + half)


def size_scale(peak_flops_wide: float, *, reference: float = 312e12, exponent: float = 0.35) -> float:
    """How much larger a product must be on a faster chip for the same share of its peak.

        (peak / 312e12) ** 0.35, relative to an A100

    >>> size_scale(312e12)
    1.0
    """
    out: float = (peak_flops_wide / reference) ** exponent
    return out


@quantity("s", source="roofline of a dense product, efficiency by size fitted to measured throughput")
def matrix_time(
    rank_tokens: float,
    matmul_params: float,
    moe_layers: float,
    experts_per_token: float,
    expert_params: float,
    d_model: float,
    tp: float,
    pp: float,
    recompute: float,
    peak_flops: float,
    peak_flops_wide: float,
    matrix_efficiency: float,
    precision_efficiency: float,
    low_precision: float,
    half_tokens: float,
    half_width: float,
) -> float:
    """Time of the matrix products that every token passes, in one micro-batch on one rank.

        2 tokens P (3 + r) / (tp pp) / (peak * efficiency * tokens / (tokens + half) * width / (width + half))

    P are the parameters in products, routed experts left out; r is 1 with full recomputation; width is the harmonic
    mean 2 d / (1 + tp) of a matrix's two sides, d whole and d / tp divided.

    >>> round(matrix_time(8192.0, 1e9, 0, 0, 0, 4096, 1, 1, 0, 1e15, 1e15, 0.5, 1, 0, 0, 0), 6)
    0.098304
    """
    dense = matmul_params - moe_layers * experts_per_token * expert_params
    passes = 3.0 + maximum(recompute - 1.0, 0.0)
    scale = size_scale(peak_flops_wide)
    width = 2.0 * d_model / (1.0 + tp)
    size = saturation(rank_tokens, half_tokens * scale) * saturation(width, half_width * scale)
    share = matrix_efficiency * where(low_precision > 0, precision_efficiency, 1.0) * size
    out: float = 2.0 * rank_tokens * dense * passes / (tp * pp) / (peak_flops * share)
    return out


@quantity("s", source="roofline of grouped products, efficiency fitted to measured throughput")
def expert_matrix_time(
    rank_tokens: float,
    moe_layers: float,
    experts: float,
    experts_per_token: float,
    expert_params: float,
    d_ff_expert: float,
    tp: float,
    pp: float,
    ep: float,
    recompute: float,
    peak_flops: float,
    peak_flops_wide: float,
    matrix_efficiency: float,
    precision_efficiency: float,
    low_precision: float,
    expert_efficiency: float,
    half_tokens: float,
    half_width: float,
) -> float:
    """Time of the routed experts' products in one micro-batch on one rank.

        2 tokens k P_expert (3 + r) layers / (tp pp) / (peak * efficiency * expert_efficiency * saturation)

    The tokens of one product are those that reach one expert: tokens k ep / experts.

    >>> expert_matrix_time(8192.0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1e15, 1e15, 0.5, 1, 0, 0.7, 100, 100)
    0.0
    """
    passes = 3.0 + maximum(recompute - 1.0, 0.0)
    scale = size_scale(peak_flops_wide)
    each = maximum(rank_tokens * experts_per_token * ep / maximum(experts, 1.0), 1.0)
    size = saturation(each, half_tokens * scale) * saturation(maximum(d_ff_expert, 1.0), half_width * scale)
    share = matrix_efficiency * where(low_precision > 0, precision_efficiency, 1.0) * expert_efficiency * size
    work = 2.0 * rank_tokens * experts_per_token * expert_params * moe_layers * passes
    out: float = work / (tp * pp) / (peak_flops * share)
    return out


@quantity("s", source="Dao 2023 (FlashAttention-2), sec. 4.1; unfused: Korthikanti et al. 2022, sec. 4.1")
def attention_time(
    rank_tokens: float,
    attention_flops_per_token: float,
    layers: float,
    heads: float,
    attention_width: float,
    seq_len: float,
    sliding_window: float,
    tp: float,
    pp: float,
    recompute: float,
    peak_flops_wide: float,
    matrix_efficiency: float,
    attention_efficiency: float,
    memory_rate: float,
    unfused_attention: float,
    unfused_passes: float,
    attention_sinks: float,
    sink_passes: float,
) -> float:
    """Time of the attention's scores and sums in one micro-batch on one rank.

        fused: causal FLOPs (3.5 + r) / (peak * efficiency * attention_efficiency * head_dim / (head_dim + 32) * 4/3)
        unfused: the whole square (3 + r) at the efficiency of products, and its 16-bit values read `passes` times

    The fused backward computes the scores again, 2.5 times the forward; r is 1 where they are recomputed besides.

    >>> round(attention_time(8192.0, 1e9, 32, 32, 8192, 8192, 0, 1, 1, 0, 1e15, 0.5, 0.5, 1e12, 0, 0, 0, 0), 4)
    0.1075
    """
    again = where(recompute > 0, 1.0, 0.0)
    flops = rank_tokens * attention_flops_per_token / (tp * pp)
    rate = peak_flops_wide * matrix_efficiency
    width = attention_width / (2.0 * heads)
    fused = flops * (3.5 + again) / (rate * attention_efficiency * saturation(width, 32.0) * 4.0 / 3.0)
    square = rank_tokens * seq_len * heads * layers * 2.0 / (tp * pp) / memory_rate
    unfused = 2.0 * flops * (3.0 + again) / rate + unfused_passes * (1.0 + again / 3.0) * square
    span = minimum(where(sliding_window > 0, (sliding_window + seq_len) / 2.0, seq_len), seq_len)
    sinks = attention_sinks * sink_passes * square * span / seq_len
    out: float = where(unfused_attention > 0, unfused, fused) + sinks
    return out


@quantity("s", source="every kept activation is written once and read a few times; passes fitted")
def elementwise_time(
    rank_tokens: float,
    layers: float,
    moe_layers: float,
    d_model: float,
    experts_per_token: float,
    d_ff_expert: float,
    layer_activations: float,
    bytes_per_activation: float,
    tp: float,
    pp: float,
    recompute: float,
    low_precision: float,
    graphed_experts: float,
    sequence_parallel: float,
    activation_passes: float,
    casting_passes: float,
    permute_passes: float,
    memory_rate: float,
) -> float:
    """Time of what memory bounds: norms, residuals, activation functions, casts, moving tokens to experts.

        tokens layers / pp * (activations * passes + copies for experts * permute_passes) / tp / memory_rate

    Without sequence parallelism the residual stream is not divided by tp. Casts add `casting_passes`, but none where
    they are fused into the experts' products, of k (2 d_model + 3 d_ff_expert) values a token.

    >>> elementwise_time(1000.0, 10, 0, 100, 0, 0, 1000.0, 2, 1, 1, 0, 0, 0, 1, 3.0, 0, 0, 3e12)
    1e-05
    """
    again = 1.0 + maximum(recompute - 1.0, 0.0) / 3.0
    stream = KEPT_BY_PLAIN_LAYER * d_model * bytes_per_activation
    repeated = (1.0 - sequence_parallel) * stream * (1.0 - 1.0 / tp)
    kept = layer_activations / tp + repeated
    routed = moe_layers * experts_per_token * bytes_per_activation / tp
    cast = layers * kept - graphed_experts * routed * (2.0 * d_model + 3.0 * d_ff_expert)
    moved = layers * kept * activation_passes + low_precision * cast * casting_passes
    moved = moved + routed * d_model * permute_passes
    time: float = rank_tokens / pp * moved * again / memory_rate
    return time


@quantity("s", source="roofline: product in 16 bits, logits and their gradients in memory")
def vocabulary_time(
    rank_tokens: float,
    d_model: float,
    vocab: float,
    tp: float,
    pp: float,
    virtual_stages: float,
    peak_flops_wide: float,
    matrix_efficiency: float,
    half_tokens: float,
    half_width: float,
    memory_rate: float,
    *,
    bytes_per_logit: float = 16.0,
    unbalanced: float = 0.5,
) -> float:
    """Time that the output vocabulary adds to a micro-batch on the stage that all others wait for.

        (6 tokens V h / (peak * efficiency) + 16 B tokens V / memory_rate) / tp * (1 / pp + 0.5 (1 - 1 / pp) / v)

    `unbalanced` is the share of its weight that fewer layers on the last stage do not make up for.

    >>> round(vocabulary_time(1000.0, 1000, 1e5, 1, 1, 1, 1e15, 0.5, 0, 0, 1e12), 6)
    0.0028
    """
    scale = size_scale(peak_flops_wide)
    size = saturation(rank_tokens, half_tokens * scale) * saturation(d_model, half_width * scale)
    product = 6.0 * rank_tokens * vocab * d_model / (peak_flops_wide * matrix_efficiency * size)
    logits = bytes_per_logit * rank_tokens * vocab / memory_rate
    weight = 1.0 / pp + unbalanced * (1.0 - 1.0 / pp) / virtual_stages
    return (product + logits) / tp * weight
