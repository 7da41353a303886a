"""Memory of training: weights, gradients and optimizer state, on one accelerator and in all; what fits."""

from __future__ import annotations

from typing import NamedTuple

from aiplan.graph import default, given, quantity
from aiplan.maths import ceil, maximum, minimum, where


class Recipe(NamedTuple):
    """Bytes per parameter of a training recipe; the optimizer's share includes master weights."""

    bytes_per_weight: float
    bytes_per_gradient: float
    bytes_per_optimizer_state: float
    sentence: str
    source: str

    @property
    def bytes_per_param(self) -> float:
        """Sum of the three, before any sharding [B/param]."""
        return self.bytes_per_weight + self.bytes_per_gradient + self.bytes_per_optimizer_state


RECIPES: dict[str, Recipe] = {
    "mixed_adam": Recipe(
        2, 4, 12, "16-bit weights, fp32 gradients, fp32 master weights and two Adam moments.", "Megatron-LM"
    ),
    "mixed_adam_16": Recipe(
        2, 2, 12, "16-bit weights and gradients, fp32 master weights and two Adam moments.", "ZeRO 2020, sec. 3.1"
    ),
    "fp32_adam": Recipe(4, 4, 8, "Everything in fp32 with two Adam moments.", "ZeRO 2020, sec. 3.1"),
    "bf16_adam": Recipe(2, 2, 4, "Everything in bf16, no master weights.", "by definition"),
    "bf16_adam_8bit": Recipe(
        2, 2, 6, "16-bit weights and gradients, fp32 master weights, 8-bit Adam moments.", "Dettmers et al. 2022"
    ),
    "muon_mixed": Recipe(
        2, 4, 8, "16-bit weights, fp32 gradients, fp32 master weights and one momentum.", "Jordan et al. 2024"
    ),
    "fp8_deepseek": Recipe(
        1, 4, 8, "fp8 weights, fp32 gradients and master weights, bf16 moments.", "DeepSeek-V3 2024 (from memory)"
    ),
}

given("bytes_per_weight", "B/param", "Bytes of one weight as the accelerator multiplies it.")
given("bytes_per_gradient", "B/param", "Bytes of one gradient.")
given("bytes_per_optimizer_state", "B/param", "Bytes of master weights and moments per parameter.")
given("accelerator_memory", "B", "Memory of one accelerator, as sold.")
default(
    "weight_copies", "", 1, "Copies of the weights that are held, such as a frozen reference.", source="pre-training"
)
default("bytes_per_kv_value", "B", 2, "Bytes of one value of the key-value cache.", source="16-bit cache")
default(
    "bytes_per_gradient_copy", "B/param", 0, "Bytes of a second, unsharded copy of each gradient.",
    source="Megatron-LM adds each gradient to one buffer",
)  # fmt: skip
default(
    "memory_factor", "", 1.0, "What training holds over what is counted.",
    source="residuals of 162 measured peaks, each group held out", spread=(0.92, 1.09), bounds=(0.0, None),
)  # fmt: skip
default(
    "memory_overhead", "B", 2e9, "Memory that the runtime and the communication libraries take on one accelerator.",
    source="CUDA context of 1.6 GB on A100 (BigScience 2022) and buffers of NCCL", spread=(1e9, 4e9),
)  # fmt: skip
default(
    "usable_memory_share", "", 1.01, "Memory that training can fill over the memory as stated.",
    source="sold in GB, built in GiB, less what the allocator reserves", spread=(0.97, 1.04), bounds=(0.0, 1.1),
)  # fmt: skip

# -- the whole model once ----------------------------------------------------------------------------------------


@quantity("B", source="by definition")
def weights_memory(params: float, bytes_per_weight: float, weight_copies: float) -> float:
    """Weights of the whole model, once and unsharded.

        params bytes_per_weight weight_copies

    >>> weights_memory(70e9, 2, 1)
    140000000000.0
    """
    return params * bytes_per_weight * weight_copies


@quantity("B", source="by definition")
def gradients_memory(params: float, bytes_per_gradient: float) -> float:
    """Gradients of the whole model, once and unsharded.

        params bytes_per_gradient

    >>> gradients_memory(70e9, 4)
    280000000000.0
    """
    return params * bytes_per_gradient


@quantity("B", source="by definition")
def optimizer_memory(params: float, bytes_per_optimizer_state: float) -> float:
    """Master weights and optimizer moments of the whole model, once and unsharded.

        params bytes_per_optimizer_state

    >>> optimizer_memory(70e9, 12)
    840000000000.0
    """
    return params * bytes_per_optimizer_state


@quantity("B", source="by definition")
def checkpoint_bytes(params: float, bytes_per_weight: float, bytes_per_optimizer_state: float) -> float:
    """Size of a checkpoint that training can go on from.

        params (bytes_per_weight + bytes_per_optimizer_state)

    >>> checkpoint_bytes(100e12, 2, 12)
    1400000000000000.0
    """
    return params * (bytes_per_weight + bytes_per_optimizer_state)


@quantity("B/token", source="Ainslie et al. 2023; DeepSeek-V2 2024, sec. 2.1")
def kv_cache_per_token(
    layers: float,
    kv_heads: float,
    head_dim: float,
    kv_lora_rank: float,
    qk_rope_head_dim: float,
    bytes_per_kv_value: float,
) -> float:
    """Keys and values that serving keeps per token of context.

        layers 2 kv_heads head_dim bytes; latent: layers (kv_lora_rank + qk_rope_head_dim) bytes

    >>> kv_cache_per_token(80, 8, 128, 0, 0, 2)
    327680
    """
    width: float = where(kv_lora_rank > 0, kv_lora_rank + qk_rope_head_dim, 2 * kv_heads * head_dim)
    return layers * width * bytes_per_kv_value


# -- state on one accelerator ------------------------------------------------------------------------------------


def sharded_bytes(
    params: float, shards: float, zero_stage: float, weight: float, gradient: float, optimizer: float
) -> float:
    """Bytes of the state of `params` parameters where `shards` data-parallel ranks share it.

        P (w / (n if stage > 2) + g / (n if stage > 1) + o / (n if stage > 0))

    Reference: Rajbhandari et al. 2020 (ZeRO), fig. 1; stage 1 is Megatron-LM's distributed optimizer.
    >>> [round(sharded_bytes(7.5e9, 64, stage, 2, 2, 12) / 1e9, 1) for stage in (0, 1, 2, 3)]
    [120.0, 31.4, 16.6, 1.9]
    """
    w = weight / where(zero_stage > 2, shards, 1.0)
    g = gradient / where(zero_stage > 1, shards, 1.0)
    o = optimizer / where(zero_stage > 0, shards, 1.0)
    out: float = params * (w + g + o)
    return out


@quantity("B", rival="shaped", source="Rajbhandari et al. 2020 (ZeRO); Megatron-LM")
def state_memory_per_accelerator(
    params: float,
    shape_params: float,
    routed_params: float,
    embedding_params: float,
    unembedding_params: float,
    layers: float,
    first_stage_layers: float,
    last_stage_layers: float,
    moe_layers: float,
    tp: float,
    pp: float,
    cp: float,
    ep: float,
    dp: float,
    zero_stage: float,
    bytes_per_weight: float,
    bytes_per_gradient: float,
    bytes_per_gradient_copy: float,
    bytes_per_optimizer_state: float,
    weight_copies: float,
) -> float:
    """Weights, gradients and optimizer state on the fullest accelerator.

        sharded_bytes(dense of stage / tp, dp cp) + sharded_bytes(experts of stage / ep, tp cp dp / ep) + buffers

    The fullest stage is the first with its embedding, the last with its own (a copy of the first where they are
    tied), or one between them. Buffers: one layer's gradient as its products leave it; with stage 2 one layer's whole
    gradient, with stage 3 two layers' whole weights too. The parts of the shape are scaled to `params`.
    >>> b = (2, 4, 0, 12, 1)
    >>> state_memory_per_accelerator(1e9, 1e9, 0, 0, 0, 10, 10, 10, 0, 1, 1, 1, 1, 1, 0, *b)
    18200000000.0
    """
    scale = params / shape_params
    weight = bytes_per_weight * weight_copies
    tables = embedding_params + unembedding_params
    block = (shape_params - routed_params - tables) / layers
    between = ceil(layers / pp)
    experts_layers = maximum(moe_layers, 1.0)
    table = maximum(embedding_params, unembedding_params)
    ends = block * maximum(first_stage_layers, last_stage_layers) + where(pp > 1, table, tables)
    dense = maximum(block * between, ends) / tp
    routed = routed_params * minimum(between, experts_layers) / experts_layers / ep
    dense_shards = dp * cp
    routed_shards = maximum(tp * cp * dp / ep, 1.0)
    bytes_each = (zero_stage, weight, bytes_per_gradient, bytes_per_optimizer_state)
    state = sharded_bytes(dense, dense_shards, *bytes_each) + sharded_bytes(routed, routed_shards, *bytes_each)
    state = (
        state + bytes_per_gradient_copy * (dense + routed) + minimum(bytes_per_weight, bytes_per_gradient) * block / tp
    )
    unit = maximum(block, table) / tp * where(dense_shards > 1, 1.0, 0.0)
    unit = unit + routed_params / experts_layers / ep * where(routed_shards > 1, 1.0, 0.0)
    gathered = where(zero_stage > 1, bytes_per_gradient, 0.0) + where(zero_stage > 2, 2 * weight, 0.0)
    out: float = scale * (state + unit * gathered)
    return out


@quantity(of="state_memory_per_accelerator", rival="no_shape", source="Rajbhandari et al. 2020 (ZeRO)")
def state_memory_without_shape(
    params: float,
    dp: float,
    zero_stage: float,
    bytes_per_weight: float,
    bytes_per_gradient: float,
    bytes_per_optimizer_state: float,
    weight_copies: float,
) -> float:
    """Weights, gradients and optimizer state on one accelerator of a model without a shape.

        sharded_bytes(params, dp)

    >>> state_memory_without_shape(1e9, 8, 0, 2, 4, 12, 1)
    18000000000.0
    """
    weight = bytes_per_weight * weight_copies
    return sharded_bytes(params, dp, zero_stage, weight, bytes_per_gradient, bytes_per_optimizer_state)


# -- one accelerator and all -------------------------------------------------------------------------------------


@quantity("B", nullable=("activations_memory_per_accelerator",), source="by definition")
def memory_per_accelerator(
    state_memory_per_accelerator: float,
    activations_memory_per_accelerator: float | None,
    memory_factor: float,
    memory_overhead: float,
) -> float:
    """Memory that training takes on the fullest accelerator.

        (state + activations (where known)) memory_factor + memory_overhead

    >>> memory_per_accelerator(18e9, None, 1.0, 2e9)
    20000000000.0
    """
    activations = 0.0 if activations_memory_per_accelerator is None else activations_memory_per_accelerator
    return (state_memory_per_accelerator + activations) * memory_factor + memory_overhead


@quantity("B", source="by definition")
def activations_memory(activations_memory_per_accelerator: float, tp: float, pp: float, cp: float) -> float:
    """Activations of one replica of the model.

        activations_memory_per_accelerator tp pp cp

    >>> activations_memory(1e9, 8, 16, 1)
    128000000000.0
    """
    return activations_memory_per_accelerator * tp * pp * cp


@quantity("B", nullable=("activations_memory",), source="by definition")
def memory_total(
    weights_memory: float, gradients_memory: float, optimizer_memory: float, activations_memory: float | None
) -> float:
    """Weights, gradients, optimizer state and activations of one replica of the model.

        weights_memory + gradients_memory + optimizer_memory + activations_memory (where known)

    >>> memory_total(2e9, 4e9, 12e9, None)
    18000000000.0
    """
    activations = 0.0 if activations_memory is None else activations_memory
    return weights_memory + gradients_memory + optimizer_memory + activations


@quantity("B", source="by definition")
def usable_memory(accelerator_memory: float, usable_memory_share: float) -> float:
    """Memory of one accelerator that training can fill.

        accelerator_memory usable_memory_share

    >>> usable_memory(80e9, 1.01)
    80800000000.0
    """
    return accelerator_memory * usable_memory_share


@quantity("", source="by definition", bounds=(0.0, 1.0))
def fits(memory_per_accelerator: float, usable_memory: float) -> float:
    """1 where training fits into the accelerators' memory, 0 where not.

        memory_per_accelerator <= usable_memory

    >>> fits(20e9, 22.8e9)
    1.0
    """
    out: float = where(memory_per_accelerator <= usable_memory, 1.0, 0.0)
    return out


@quantity("B", source="by definition")
def hbm_total(accelerators: float, accelerator_memory: float) -> float:
    """Memory of all accelerators.

        accelerators accelerator_memory

    >>> hbm_total(16384, 80e9)
    1310720000000000.0
    """
    return accelerators * accelerator_memory
