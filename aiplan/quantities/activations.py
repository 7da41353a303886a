"""Activations that training keeps for the backward pass: per token and layer, and on one accelerator.

A pipeline runs one forward, one backward, interleaved where it has virtual stages. What differs between software
stacks is a quantity each: `sequence_parallel`, `unfused_attention`, `unfused_mlp`, `bytes_per_logit`.
"""

from __future__ import annotations

from aiplan.graph import NoValue, default, quantity
from aiplan.maths import ceil, maximum, minimum, where

default("bytes_per_activation", "B", 2, "Bytes of one stored activation.", source="16-bit activations")
default(
    "bytes_per_logit", "B", 6, "Bytes that the loss holds for each logit.",
    source="16-bit logit and its fp32 copy, in which softmax and gradient are made in place (Megatron-LM)",
)  # fmt: skip
default(
    "unfused_mlp", "", 0.0, "1 where a gated MLP keeps its activation function's output too, 0 where it is fused.",
    source="fused SwiGLU of Megatron-LM and torch.compile",
)  # fmt: skip


@quantity("B/token", source="Korthikanti et al. 2022, sec. 4.1, without dropout and with FlashAttention")
def layer_activations(
    d_model: float,
    attention_activations: float,
    mlp_activations: float,
    bytes_per_activation: float,
) -> float:
    """Activations that the mean layer keeps per token for its backward pass.

        (4 d_model + attention + mlp) bytes: two residuals and two norm outputs of d_model

    >>> layer_activations(16384, 34816, 159744, 2)
    520192
    """
    return (4 * d_model + attention_activations + mlp_activations) * bytes_per_activation


@quantity("B/token", source="Korthikanti et al. 2022, sec. 5; Megatron-LM's recomputed modules")
def layer_activations_selective(
    layer_activations: float,
    d_model: float,
    attention_output_width: float,
    mlp_recomputable: float,
    bytes_per_activation: float,
) -> float:
    """Activations that the mean layer keeps per token when what is cheap is recomputed.

        layer_activations - (2 norm outputs + attention output + MLP product) bytes

    >>> layer_activations_selective(520192, 16384, 16384, 53248, 2)
    315392
    """
    return layer_activations - (2 * d_model + attention_output_width + mlp_recomputable) * bytes_per_activation


@quantity("", source="by definition")
def attention_output_width(heads: float, head_dim: float, kv_lora_rank: float, v_head_dim: float) -> float:
    """Values per token that an attention layer's heads put out.

        heads head_dim; latent: heads v_head_dim

    >>> attention_output_width(128, 128, 0, 0)
    16384
    """
    out: float = heads * where(kv_lora_rank > 0, v_head_dim, head_dim)
    return out


@quantity("", source="Korthikanti et al. 2022, sec. 4.1; DeepSeek-V2 2024, sec. 2.1")
def attention_activations(
    heads: float,
    kv_heads: float,
    head_dim: float,
    q_lora_rank: float,
    kv_lora_rank: float,
    qk_nope_head_dim: float,
    qk_rope_head_dim: float,
    v_head_dim: float,
) -> float:
    """Values per token that one attention layer keeps: queries, keys, values and their sum.

        grouped: (2 heads + 2 kv_heads) head_dim; latent: heads (2 (nope + rope) + 2 v) + ranks twice + rope

    >>> attention_activations(128, 8, 128, 0, 0, 0, 0, 0)
    34816
    """
    latent = 2 * heads * (qk_nope_head_dim + qk_rope_head_dim + v_head_dim)
    latent = latent + 2 * (q_lora_rank + kv_lora_rank) + qk_rope_head_dim
    out: float = where(kv_lora_rank > 0, latent, 2 * (heads + kv_heads) * head_dim)
    return out


@quantity("", source="by definition")
def mlp_recomputable(
    layers: float, moe_layers: float, d_ff: float, d_ff_expert: float, experts_per_token: float, shared_experts: float
) -> float:
    """Values per token that the mean MLP's activation function puts out.

        d_ff of a dense layer, (k + shared) d_ff_expert of an expert layer, averaged over the layers

    >>> mlp_recomputable(126, 0, 53248, 0, 0, 0)
    53248.0
    """
    moe = (experts_per_token + shared_experts) * d_ff_expert
    return ((layers - moe_layers) * d_ff + moe_layers * moe) / layers


@quantity("", source="Korthikanti et al. 2022, sec. 4.1")
def mlp_activations(
    layers: float,
    moe_layers: float,
    d_model: float,
    gated_mlp: float,
    unfused_mlp: float,
    experts_per_token: float,
    mlp_recomputable: float,
) -> float:
    """Values per token that the mean MLP keeps, experts' copies of their input and output with them.

        (2 + gated_mlp (1 + unfused_mlp)) mlp_recomputable + share of expert layers 2 k d_model

    >>> mlp_activations(126, 0, 16384, 1, 0, 0, 53248)
    159744.0
    """
    values = (2 + gated_mlp * (1 + unfused_mlp)) * mlp_recomputable
    return values + moe_layers / layers * 2 * experts_per_token * d_model


@quantity("", source="Megatron-LM: the ends hold fewer layers where the split is uneven; Llama 3 2024, sec. 3.3.2")
def first_stage_layers(layers: float, pp: float) -> float:
    """Layers on the first pipeline stage, which holds the embedding too.

        min(ceil(layers / pp), ceil((layers + 2) / pp) - 1): an end gives up a layer where none has to take more

    >>> first_stage_layers(126, 16), first_stage_layers(80, 16)
    (7.0, 5.0)
    """
    out: float = minimum(ceil(layers / pp), ceil((layers + 2.0) / pp) - 1.0) * 1.0
    return out


@quantity("", source="Megatron-LM: the ends hold fewer layers where the split is uneven; Llama 3 2024, sec. 3.3.2")
def last_stage_layers(layers: float, pp: float) -> float:
    """Layers on the last pipeline stage, which holds the output embedding and the loss too.

        as on the first

    >>> last_stage_layers(126, 16)
    7.0
    """
    return first_stage_layers(layers, pp)


def chunks_in_flight(stage: float, pp: float, virtual_stages: float, micro_batches: float) -> float:
    """Parts of the model times micro-batches whose activations a pipeline stage, counted from 0, holds at most.

        min(m v, 2 (p - 1 - stage) + (v - 1) p + 1); without virtual stages min(m, p - stage)

    Reference: Narayanan et al. 2021, sec. 2.2. For m >> p this is p v times Megatron-LM's 1 + (p - 1) / (p v).
    >>> chunks_in_flight(0, 16, 4, 512) / (16 * 4)
    1.234375
    """
    held = (virtual_stages - 1) * pp + 1 + 2 * (pp - 1 - stage)
    out: float = minimum(micro_batches * virtual_stages, where(virtual_stages > 1, held, pp - stage))
    return out


@quantity("B", rival="shaped", source="Korthikanti et al. 2022, sec. 4; Narayanan et al. 2021, sec. 2.2")
def activations_memory_per_accelerator(
    layers: float,
    first_stage_layers: float,
    last_stage_layers: float,
    layer_activations: float,
    layer_activations_selective: float,
    d_model: float,
    heads: float,
    vocab: float,
    seq_len: float,
    bytes_per_activation: float,
    bytes_per_logit: float,
    unfused_attention: float,
    sequence_parallel: float,
    tp: float,
    pp: float,
    cp: float,
    virtual_stages: float,
    micro_batch: float,
    micro_batches: float,
    recompute: float,
) -> float:
    """Activations on the fullest accelerator.

        (max(in flight on the first, second or last stage, the last with logits) kept + working) tokens on a rank

    Kept per layer is what `recompute` says, divided by tp; without sequence parallelism residuals and norms are not.
    Full recomputation keeps a layer's input. Working: one input gathered over tp with its gradient, and with full
    recomputation a whole layer. Unfused attention keeps its square, 5 bytes a score.
    >>> n = activations_memory_per_accelerator(
    ...     126, 7, 7, 520192, 315392, 16384, 128, 128256, 8192, 2, 6, 0, 1, 8, 16, 1, 8, 1, 16, 0)
    >>> round(n / 1e9, 1)
    68.7
    """
    stream = bytes_per_activation * d_model  # one tensor of the residual stream
    on_rank = stream * (sequence_parallel / tp + 1.0 - sequence_parallel)
    square = unfused_attention * 5.0 * heads * seq_len
    plain = (layer_activations - 4 * stream + square) / tp + 4 * on_rank
    selective = (layer_activations_selective - 2 * stream) / tp + 2 * on_rank
    kept = where(recompute > 1, on_rank, where(recompute > 0, selective, plain)) / virtual_stages
    at = (pp, virtual_stages, micro_batches)
    first = chunks_in_flight(0, *at) * first_stage_layers
    second = where(pp > 2, chunks_in_flight(1, *at) * ceil(layers / pp), 0.0)
    last = chunks_in_flight(pp - 1, *at) * last_stage_layers
    held = maximum(maximum(first, second) * kept, last * kept + bytes_per_logit * vocab / tp)
    working = 2 * (stream - on_rank) + where(recompute > 1, plain, 0.0)
    out: float = (held + working) * micro_batch * seq_len / cp
    return out


@quantity(of="activations_memory_per_accelerator", rival="no_shape")
def activations_without_shape(params: float) -> float:
    """Unknown without a shape.

    Raises NoValue.
    """
    raise NoValue("the model has no shape, so its activations are unknown")


# -- the published forms, with dropout -----------------------------------------------------------------------------


def korthikanti_layer_bytes(
    seq_len: float, micro_batch: float, d_model: float, heads: float, tp: float = 1, *, mode: str = "none"
) -> float:
    """Activations of one GPT layer by Korthikanti et al. [B], with dropout, d_ff = 4 d_model, 16 bits.

        none: s b h (34 + 5 a s / h); tp: s b h (10 + 24 / t + 5 a s / (h t)); tp_sp: none / t
        selective drops the 5 a s / h; full: 2 s b h

    Reference: Korthikanti et al. 2022, table 2 (from memory). Raises ValueError for an unknown `mode`.
    >>> korthikanti_layer_bytes(2048, 1, 12288, 96, 8, mode="tp_sp_selective")
    106954752.0
    """
    size = seq_len * micro_batch * d_model
    square = 5 * heads * seq_len / d_model
    factors = {
        "none": 34 + square,
        "tp": 10 + 24 / tp + square / tp,
        "tp_sp": (34 + square) / tp,
        "tp_selective": 10 + 24 / tp,
        "tp_sp_selective": 34 / tp,
        "full": 2.0,
    }
    if mode not in factors:
        raise ValueError(f"mode is one of {', '.join(factors)}, not {mode!r}")
    return size * factors[mode]


def megatron_layer_bytes(seq_len: float, micro_batch: float, d_model: float, d_ff: float, tp: float) -> float:
    """Activations of one layer by Megatron-LM's estimator [B], with sequence parallelism.

        s b h (18 + 4 d_ff / h) / t

    >>> megatron_layer_bytes(8192, 1, 16384, 53248, 8)
    520093696.0
    """
    return seq_len * micro_batch * d_model * (18 + 4 * d_ff / d_model) / tp
