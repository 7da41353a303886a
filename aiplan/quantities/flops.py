"""Floating point operations of training: per token, per step and of the whole run.

A product of matrices m x k and k x n costs 2 m k n FLOP and twice that backward, so training costs three forward
passes. Attention is counted as causal: half of the square. Recomputation is never part of the model's FLOPs.
"""

from __future__ import annotations

from aiplan.graph import NoValue, given, quantity
from aiplan.maths import maximum, minimum, where

TRAIN_PASSES = 3.0  # forward once, backward twice (Kaplan et al. 2020, sec. 2.1)

given("flops_per_sample", "FLOP/sample", "Training FLOP of one sample, forward and backward.")
given("samples", "sample", "Samples that the training run sees.")


@quantity("", source="Brown et al. 2020; DeepSeek-V2 2024, sec. 2.1")
def attention_width(
    heads: float,
    head_dim: float,
    kv_lora_rank: float,
    qk_nope_head_dim: float,
    qk_rope_head_dim: float,
    v_head_dim: float,
) -> float:
    """Widths of keys and of values that one attention layer multiplies with, over all query heads.

        grouped: heads 2 head_dim; latent: heads (nope + rope + v)

    >>> attention_width(32, 128, 0, 0, 0, 0)
    8192
    """
    latent = heads * (qk_nope_head_dim + qk_rope_head_dim + v_head_dim)
    out: float = where(kv_lora_rank > 0, latent, heads * 2 * head_dim)
    return out


@quantity("FLOP/token", source="Korthikanti et al. 2022, App. A; causal half")
def attention_flops_per_token(
    layers: float,
    seq_len: float,
    attention_width: float,
    sliding_window: float,
    sliding_layers: float,
    *,
    causal: float = 0.5,
) -> float:
    """Forward FLOP of the attention's scores and sums, per token.

        2 attention_width (full layers causal seq_len + sliding layers w (1 - (1 - causal) w / seq_len)), w = window

    `causal` is 0.5 for a causal mask, 1 for the older convention of the full square.
    >>> attention_flops_per_token(32, 8192, 8192, 0, 0)
    2147483648.0
    """
    window = minimum(where(sliding_window > 0, sliding_window, seq_len), seq_len)
    full = (layers - sliding_layers) * causal * seq_len
    slid = sliding_layers * window * (1 - (1 - causal) * window / maximum(seq_len, 1.0))
    out: float = 2 * attention_width * (full + slid)
    return out


@quantity("FLOP/token", rival="shaped", source="Korthikanti et al. 2022, App. A; causal half")
def forward_flops_per_token(
    matmul_params: float, attention_flops_per_token: float, d_model: float, vocab: float
) -> float:
    """FLOP of one forward pass per token.

        2 matmul_params + attention + 2 d_model vocab

    >>> forward_flops_per_token(6979321856, 2147483648.0, 4096, 128256)
    17156800512.0
    """
    return 2 * matmul_params + attention_flops_per_token + 2 * d_model * vocab


@quantity(of="forward_flops_per_token", rival="no_shape", source="Kaplan et al. 2020, sec. 2.1")
def forward_flops_without_shape(active_params: float) -> float:
    """FLOP of one forward pass per token where only the size is known.

        2 active_params

    >>> forward_flops_without_shape(8e9)
    16000000000.0
    """
    return 2 * active_params


@quantity("FLOP/token", rival="shaped", source="Kaplan et al. 2020, sec. 2.1")
def flops_per_token(forward_flops_per_token: float) -> float:
    """Model FLOP of training per token, forward and backward, without recomputation.

        3 forward_flops_per_token

    >>> flops_per_token(17156800512.0)
    51470401536.0
    """
    return TRAIN_PASSES * forward_flops_per_token


@quantity(of="flops_per_token", rival="no_shape", source="Kaplan et al. 2020, sec. 2.1")
def flops_per_token_without_shape(active_params: float) -> float:
    """Model FLOP of training per token where only the size is known.

        6 active_params

    >>> flops_per_token_without_shape(8e9)
    48000000000.0
    """
    return 6 * active_params


@quantity("", rival="shaped", source="by definition", bounds=(0.0, 1.0))
def attention_flops_share(attention_flops_per_token: float, forward_flops_per_token: float) -> float:
    """Share of the attention's scores and sums in the model FLOPs.

        attention_flops_per_token / forward_flops_per_token

    >>> round(attention_flops_share(2147483648.0, 17156800512.0), 4)
    0.1252
    """
    return attention_flops_per_token / forward_flops_per_token


@quantity(of="attention_flops_share", rival="no_shape")
def attention_share_without_shape(active_params: float) -> float:
    """Unknown without a shape.

    Raises NoValue.
    """
    raise NoValue("the model has no shape, so its attention is unknown")


@quantity("FLOP/token", rival="shaped", source="Korthikanti et al. 2022, sec. 5")
def recompute_flops_per_token(
    recompute: float, forward_flops_per_token: float, attention_flops_per_token: float, d_model: float, vocab: float
) -> float:
    """FLOP per token that are done twice to save memory.

        0 for none; attention for selective (1); forward - 2 d_model vocab for full (2)

    >>> recompute_flops_per_token(2, 17156800512.0, 2147483648.0, 4096, 128256)
    16106127360.0
    """
    blocks = forward_flops_per_token - 2 * d_model * vocab
    out: float = where(recompute > 1, blocks, where(recompute > 0, attention_flops_per_token, 0.0))
    return out


@quantity(of="recompute_flops_per_token", rival="no_shape", source="Chen et al. 2016, sec. 4")
def recompute_flops_without_shape(recompute: float, forward_flops_per_token: float) -> float:
    """FLOP per token that are done twice, where only the size is known.

        forward_flops_per_token for full (2), else 0

    >>> recompute_flops_without_shape(0, 16e9)
    0.0
    """
    out: float = where(recompute > 1, forward_flops_per_token, 0.0)
    return out


@quantity("FLOP/token", source="Chowdhery et al. 2022, App. B")
def hardware_flops_per_token(flops_per_token: float, recompute_flops_per_token: float) -> float:
    """FLOP per token that the accelerators execute.

        flops_per_token + recompute_flops_per_token

    >>> hardware_flops_per_token(51470401536.0, 16106127360.0)
    67576528896.0
    """
    return flops_per_token + recompute_flops_per_token


@quantity("FLOP", of="training_flops", source="by definition")
def training_flops_of_samples(flops_per_sample: float, samples: float) -> float:
    """Model FLOP of the whole training run.

        flops_per_sample samples

    >>> training_flops_of_samples(1e9, 1e6)
    1000000000000000.0
    """
    return flops_per_sample * samples


@quantity("FLOP", source="Kaplan et al. 2020, sec. 2.1")
def training_flops(flops_per_token: float, tokens: float) -> float:
    """Model FLOP of the whole training run.

        flops_per_token tokens

    >>> training_flops(6e9, 20e9)
    1.2e+20
    """
    return flops_per_token * tokens


@quantity("FLOP", of="flops_per_step", source="by definition")
def flops_per_step_of_samples(flops_per_sample: float, batch_samples: float) -> float:
    """Model FLOP of one optimizer step.

        flops_per_sample batch_samples

    >>> flops_per_step_of_samples(1e9, 256)
    256000000000.0
    """
    return flops_per_sample * batch_samples


@quantity("FLOP", source="by definition")
def flops_per_step(flops_per_token: float, batch_tokens: float) -> float:
    """Model FLOP of one optimizer step.

        flops_per_token batch_tokens

    >>> flops_per_step(6e9, 4e6)
    2.4e+16
    """
    return flops_per_token * batch_tokens


# -- conventions and workloads outside the graph -----------------------------------------------------------------


def palm_flops_per_token(params: float, layers: float, heads: float, head_dim: float, seq_len: float) -> float:
    """Training FLOP per token by PaLM's convention, which counts attention without the causal half.

        6 N + 12 layers heads head_dim seq_len

    Reference: Chowdhery et al. 2022, App. B (from memory).
    >>> palm_flops_per_token(8030261248, 32, 32, 128, 8192)
    61066469376
    """
    return 6 * params + 12 * layers * heads * head_dim * seq_len


def megatron_flops_per_step(
    batch: float, seq_len: float, layers: float, d_model: float, vocab: float, *, recompute: bool = True
) -> float:
    """FLOP of one step by Megatron-LM's convention: no causal half, full recomputation of the blocks.

        96 B s l h^2 (1 + s / 6h + V / 16 l h); 72 and V / 12 l h without recomputation

    Reference: Narayanan et al. 2021, eq. 3 (from memory).
    >>> f"{megatron_flops_per_step(1536, 2048, 96, 12288, 51200):.4e}"
    '4.5110e+18'
    """
    passes = 96 if recompute else 72
    logits = vocab / ((16 if recompute else 12) * layers * d_model)
    return passes * batch * seq_len * layers * d_model**2 * (1 + seq_len / (6 * d_model) + logits)


def megatron_days(tokens: float, params: float, accelerators: float, achieved: float) -> float:
    """Days of training by Megatron-LM's rule, with `achieved` FLOP/s per accelerator and full recomputation.

        8 T P / (n X) / 86400

    Reference: Narayanan et al. 2021, eq. 4.
    >>> round(megatron_days(300e9, 175e9, 1024, 140e12), 1)
    33.9
    """
    return 8 * tokens * params / (accelerators * achieved) / 86400


def full_tuning_flops(params: float, tokens: float) -> float:
    """FLOP of fine-tuning all parameters.

        6 N T

    >>> full_tuning_flops(8.03e9, 1e9)
    4.818e+19
    """
    return 6 * params * tokens


def lora_tuning_flops(params: float, tokens: float, adapter_params: float) -> float:
    """FLOP of fine-tuning adapters of a frozen model: no weight gradients of the base.

        4 N T + 6 N_adapter T

    >>> lora_tuning_flops(8.03e9, 1e9, 20e6)
    3.224e+19
    """
    return (4 * params + 6 * adapter_params) * tokens


def frozen_tuning_flops(params: float, tokens: float, frozen_share: float) -> float:
    """FLOP of fine-tuning with the first layers frozen: no backward pass through them.

        2 N T + 4 (1 - f) N T

    >>> frozen_tuning_flops(8.03e9, 1e9, 0.75)
    2.409e+19
    """
    return (2 + 4 * (1 - frozen_share)) * params * tokens


def grpo_flops(
    params: float,
    prompts: float,
    group: float,
    prompt_len: float,
    output_len: float,
    *,
    passes: tuple[float, float, float, float] = (2, 2, 2, 6),
) -> tuple[float, float, float, float]:
    """FLOP of group-relative policy optimisation: rollout, reference, old log-probabilities, training.

        passes N prompts G (prompt_len + output_len)

    Decoding is bound by memory, so the rollout's time follows from tokens per second and not from its FLOP.
    >>> grpo_flops(7e9, 10e3, 16, 500, 4000)
    (1.008e+19, 1.008e+19, 1.008e+19, 3.024e+19)
    """
    tokens = prompts * group * (prompt_len + output_len)
    rollout, reference, old, train = (each * params * tokens for each in passes)
    return rollout, reference, old, train


def distill_flops(student_params: float, teacher_params: float, tokens: float) -> float:
    """FLOP of training a student on a teacher's logits, computed as it goes.

        (6 N_student + 2 N_teacher) D

    Reference: Busbridge et al. 2025, eq. 9.
    >>> distill_flops(8e9, 405e9, 1e12)
    8.58e+23
    """
    return (6 * student_params + 2 * teacher_params) * tokens
