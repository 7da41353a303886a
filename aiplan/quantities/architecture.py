"""The shape of a decoder-only transformer and its exact parameter counts.

A model of the catalogue pins every name in SHAPE (those in OPTIONAL where they differ from the Llama-like value);
for a model that is known only by its number of parameters `invent_shape` makes one up by stated rules.
Matrices, vectors (norms, biases) and embedding tables are counted apart, since only matrices cost FLOPs
and only tables sit on the first and last pipeline stage.
"""

from __future__ import annotations

from typing import NamedTuple

from aiplan.graph import default, given, quantity
from aiplan.maths import where

_LLAMA = "Llama 3 herd of models 2024, Table 3 (Llama-like value)"

default(
    "active_share", "", 1.0, "Share of the parameters that each token uses.", source="dense model", bounds=(0.0, 1.0)
)
default("seq_len", "", 8192, "Tokens of one training sequence.", source="Llama 3 herd of models 2024, sec. 3.4")
default("gated_mlp", "", 1, "1 where the MLP is gated (SwiGLU, three matrices), 0 where plain (two).", source=_LLAMA)
default("norms_per_layer", "", 2, "Norms of the model's width in one layer.", source=_LLAMA)
default("norm_bias", "", 0, "1 where norms have a bias (LayerNorm), 0 where only a scale (RMSNorm).", source=_LLAMA)
default("qk_norm", "", 0, "1 where queries and keys are normalised per head.", source=_LLAMA)
default("qkv_bias", "", 0, "1 where the query, key and value projections have biases.", source=_LLAMA)
default("attention_output_bias", "", 0, "1 where the attention's output projection has a bias.", source=_LLAMA)
default("mlp_bias", "", 0, "1 where the MLP's projections have biases.", source=_LLAMA)
default("router_bias", "", 0, "1 where the expert router has a bias per expert.", source=_LLAMA)
default("learned_positions", "", 0, "Learned position vectors; 0 with rotary positions.", source=_LLAMA)
default("sliding_window", "", 0, "Tokens that a windowed attention layer looks back; 0 for none.", source=_LLAMA)
default("sliding_layers", "", 0, "Layers whose attention is windowed.", source=_LLAMA)
default("q_lora_rank", "", 0, "Rank of the compressed queries of latent attention; 0 for none.", source=_LLAMA)
default("kv_lora_rank", "", 0, "Rank of the compressed keys and values of latent attention; 0 for none.", source=_LLAMA)
default("qk_nope_head_dim", "", 0, "Width of a latent-attention key without positions.", source=_LLAMA)
default(
    "qk_rope_head_dim", "", 0, "Width of a latent-attention key with positions, shared by the heads.", source=_LLAMA
)
default("v_head_dim", "", 0, "Width of a latent-attention value.", source=_LLAMA)

default("other_params", "param", 0, "Parameters that no other part of the shape counts.", source=_LLAMA)

given("layers", "", "Transformer blocks.")
given("d_model", "", "Width of the residual stream.")
given("d_ff", "", "Inner width of the MLP of a dense layer.")
given("heads", "", "Query heads of the attention.")
given("kv_heads", "", "Key and value heads of the attention.")
given("head_dim", "", "Width of an attention head.")
given("vocab", "", "Tokens of the vocabulary.")
given("tied_embeddings", "", "1 where input and output embeddings are one table.", bounds=(0.0, 1.0))
given("experts", "", "Routed experts of an expert layer; 0 where the model is dense.")
given("experts_per_token", "", "Routed experts that each token uses.")
given("shared_experts", "", "Experts that every token uses, in widths of a routed expert.")
given("d_ff_expert", "", "Inner width of one expert.")
given("dense_layers", "", "Layers of an expert model that have a dense MLP.")

# What a model's file must state, and what it may leave out (the value that holds then).
REQUIRED = ("layers", "d_model", "d_ff", "heads", "kv_heads", "head_dim", "vocab")
OPTIONAL: dict[str, float] = {
    "tied_embeddings": 0,
    "experts": 0,
    "experts_per_token": 0,
    "shared_experts": 0,
    "d_ff_expert": 0,
    "dense_layers": 0,
    "gated_mlp": 1,
    "norms_per_layer": 2,
    "norm_bias": 0,
    "qk_norm": 0,
    "qkv_bias": 0,
    "attention_output_bias": 0,
    "mlp_bias": 0,
    "router_bias": 0,
    "learned_positions": 0,
    "sliding_window": 0,
    "sliding_layers": 0,
    "q_lora_rank": 0,
    "kv_lora_rank": 0,
    "qk_nope_head_dim": 0,
    "qk_rope_head_dim": 0,
    "v_head_dim": 0,
    "other_params": 0,
}
SHAPE = (*REQUIRED, *OPTIONAL)


@quantity("param", source="by definition")
def active_params(params: float, active_share: float) -> float:
    """Parameters that each token uses.

        active_params = params * active_share

    >>> active_params(671e9, 0.055)
    36905000000.0
    """
    return params * active_share


@quantity("param", source="Llama 3 herd of models 2024, Table 3; DeepSeek-V3 2024, sec. 2.1.1")
def attention_params(
    d_model: float,
    heads: float,
    kv_heads: float,
    head_dim: float,
    q_lora_rank: float,
    kv_lora_rank: float,
    qk_nope_head_dim: float,
    qk_rope_head_dim: float,
    v_head_dim: float,
) -> float:
    """Parameters of the matrices of one attention layer.

        grouped: 2 d heads head_dim + 2 d kv_heads head_dim
        latent: d q_rank + q_rank heads (nope + rope) + d (kv_rank + rope) + kv_rank heads (nope + v) + heads v d

    >>> attention_params(4096, 32, 8, 128, 0, 0, 0, 0, 0)
    41943040
    """
    grouped = 2 * d_model * head_dim * (heads + kv_heads)
    qk = qk_nope_head_dim + qk_rope_head_dim
    queries = where(q_lora_rank > 0, q_lora_rank * (d_model + heads * qk), d_model * heads * qk)
    keys = d_model * (kv_lora_rank + qk_rope_head_dim) + kv_lora_rank * heads * (qk_nope_head_dim + v_head_dim)
    out: float = where(kv_lora_rank > 0, queries + keys + heads * v_head_dim * d_model, grouped)
    return out


@quantity("param", source="Llama 3 herd of models 2024, Table 3")
def mlp_params(d_model: float, d_ff: float, gated_mlp: float) -> float:
    """Parameters of the matrices of one dense MLP.

        mlp_params = (2 + gated_mlp) d_model d_ff

    >>> mlp_params(4096, 14336, 1)
    176160768
    """
    return (2 + gated_mlp) * d_model * d_ff


@quantity("param", source="DeepSeek-V3 2024, sec. 2.1.2")
def expert_params(d_model: float, d_ff_expert: float, gated_mlp: float) -> float:
    """Parameters of the matrices of one expert.

        expert_params = (2 + gated_mlp) d_model d_ff_expert

    >>> expert_params(7168, 2048, 1)
    44040192
    """
    return (2 + gated_mlp) * d_model * d_ff_expert


@quantity("", source="by definition")
def moe_layers(layers: float, experts: float, dense_layers: float) -> float:
    """Layers that have experts.

        moe_layers = layers - dense_layers where there are experts

    >>> moe_layers(61, 256, 3)
    58
    """
    out: float = where(experts > 0, layers - dense_layers, 0 * layers)
    return out


@quantity("param", source="DeepSeek-V3 2024, sec. 2.1.2")
def routed_params(moe_layers: float, experts: float, expert_params: float) -> float:
    """Parameters of all routed experts.

        routed_params = moe_layers experts expert_params

    >>> routed_params(58, 256, 44040192)
    653908770816
    """
    return moe_layers * experts * expert_params


@quantity("param", source="Llama 3 herd of models 2024, Table 3")
def matmul_params(
    layers: float,
    moe_layers: float,
    d_model: float,
    attention_params: float,
    mlp_params: float,
    expert_params: float,
    experts: float,
    experts_per_token: float,
    shared_experts: float,
) -> float:
    """Parameters of the matrices in the blocks that each token is multiplied with.

        layers attention + dense layers mlp + moe layers ((k + shared) expert + d experts)

    >>> matmul_params(32, 0, 4096, 41943040, 176160768, 0, 0, 0, 0)
    6979321856
    """
    moe = (experts_per_token + shared_experts) * expert_params + d_model * experts
    return layers * attention_params + (layers - moe_layers) * mlp_params + moe_layers * moe


@quantity("param", source="Brown et al. 2020, Table 2.1; Llama 3 herd of models 2024, Table 3")
def vector_params(
    layers: float,
    moe_layers: float,
    d_model: float,
    d_ff: float,
    heads: float,
    kv_heads: float,
    head_dim: float,
    q_lora_rank: float,
    kv_lora_rank: float,
    experts_per_token: float,
    shared_experts: float,
    experts: float,
    d_ff_expert: float,
    gated_mlp: float,
    norms_per_layer: float,
    norm_bias: float,
    qk_norm: float,
    qkv_bias: float,
    attention_output_bias: float,
    mlp_bias: float,
    router_bias: float,
    other_params: float,
) -> float:
    """Parameters of norms and biases that each token uses, the final norm with them.

        final norm + layers (norms + attention biases) + mlp biases + router biases + other_params

    >>> vector_params(32, 0, 4096, 14336, 32, 8, 128, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0)
    266240
    """
    norm = d_model * (1 + norm_bias)
    attention = (
        qkv_bias * head_dim * (heads + 2 * kv_heads)
        + attention_output_bias * d_model
        + qk_norm * 2 * head_dim
        + q_lora_rank
        + kv_lora_rank
    )
    dense = _mlp_bias(d_model, d_ff, gated_mlp, mlp_bias)
    expert = _mlp_bias(d_model, d_ff_expert, gated_mlp, mlp_bias)
    moe = (experts_per_token + shared_experts) * expert + router_bias * experts
    per_layer = norms_per_layer * norm + attention
    return norm + layers * per_layer + (layers - moe_layers) * dense + moe_layers * moe + other_params


def _mlp_bias(d_model: float, d_ff: float, gated_mlp: float, mlp_bias: float) -> float:
    return mlp_bias * ((1 + gated_mlp) * d_ff + d_model)


@quantity("param", source="DeepSeek-V3 2024, sec. 2.1.2")
def idle_expert_params(
    moe_layers: float,
    experts: float,
    experts_per_token: float,
    expert_params: float,
    d_model: float,
    d_ff_expert: float,
    gated_mlp: float,
    mlp_bias: float,
) -> float:
    """Parameters of the experts that a token does not use.

        moe_layers (experts - experts_per_token) (expert_params + biases)

    >>> idle_expert_params(58, 256, 8, 44040192, 7168, 2048, 1, 0)
    633474121728
    """
    one = expert_params + _mlp_bias(d_model, d_ff_expert, gated_mlp, mlp_bias)
    return moe_layers * (experts - experts_per_token) * one


@quantity("param", source="Brown et al. 2020, Table 2.1")
def embedding_params(vocab: float, d_model: float, learned_positions: float) -> float:
    """Parameters of the input embedding and the learned positions.

        (vocab + learned_positions) d_model

    >>> embedding_params(128256, 4096, 0)
    525336576
    """
    return (vocab + learned_positions) * d_model


@quantity("param", source="by definition")
def unembedding_params(vocab: float, d_model: float, tied_embeddings: float) -> float:
    """Parameters of an output embedding of its own.

        vocab d_model (1 - tied_embeddings)

    >>> unembedding_params(50257, 12288, 1)
    0
    """
    return vocab * d_model * (1 - tied_embeddings)


@quantity("param", source="by definition")
def shape_active_params(
    matmul_params: float, vector_params: float, embedding_params: float, unembedding_params: float
) -> float:
    """Parameters of the shape that each token uses, both embeddings counted.

        matmul_params + vector_params + embedding_params + unembedding_params

    >>> shape_active_params(6979321856, 266240, 525336576, 525336576)
    8030261248
    """
    return matmul_params + vector_params + embedding_params + unembedding_params


@quantity("param", source="by definition")
def shape_params(shape_active_params: float, idle_expert_params: float) -> float:
    """Parameters of the shape used, counted exactly.

        shape_active_params + idle_expert_params

    >>> shape_params(8030261248, 0)
    8030261248
    """
    return shape_active_params + idle_expert_params


class ParamCount(NamedTuple):
    """Exact parameter counts of a shape."""

    total: float
    active: float
    matmul: float
    routed: float
    embedding: float
    unembedding: float


def count_params(**shape: float) -> ParamCount:
    """Exact parameter counts of a shape given by the names in SHAPE; those in OPTIONAL may be left out.

    Raises TypeError for a name that is missing or unknown.

    >>> count_params(layers=32, d_model=4096, d_ff=14336, heads=32, kv_heads=8, head_dim=128, vocab=128256).total
    8030261248
    """
    missing, unknown = [n for n in REQUIRED if n not in shape], [n for n in shape if n not in SHAPE]
    if missing or unknown:
        raise TypeError(
            f"a shape lacks {', '.join(missing) or 'nothing'} and does not know {', '.join(unknown) or 'no name'}"
        )
    s = {**OPTIONAL, **shape}
    d, gated, k = s["d_model"], s["gated_mlp"], s["experts_per_token"]
    latent = (s["q_lora_rank"], s["kv_lora_rank"])
    heads = (s["heads"], s["kv_heads"], s["head_dim"])
    moe = moe_layers(s["layers"], s["experts"], s["dense_layers"])
    attention = attention_params(d, *heads, *latent, s["qk_nope_head_dim"], s["qk_rope_head_dim"], s["v_head_dim"])
    expert = expert_params(d, s["d_ff_expert"], gated)
    matmul = matmul_params(
        s["layers"], moe, d, attention, mlp_params(d, s["d_ff"], gated), expert, s["experts"], k, s["shared_experts"]
    )
    vectors = vector_params(
        s["layers"], moe, d, s["d_ff"], *heads, *latent, k, s["shared_experts"], s["experts"], s["d_ff_expert"], gated,
        s["norms_per_layer"], s["norm_bias"], s["qk_norm"], s["qkv_bias"], s["attention_output_bias"], s["mlp_bias"],
        s["router_bias"], s["other_params"],
    )  # fmt: skip
    idle = idle_expert_params(moe, s["experts"], k, expert, d, s["d_ff_expert"], gated, s["mlp_bias"])
    table = embedding_params(s["vocab"], d, s["learned_positions"])
    output = unembedding_params(s["vocab"], d, s["tied_embeddings"])
    active = shape_active_params(matmul, vectors, table, output)
    return ParamCount(
        shape_params(active, idle), active, matmul, routed_params(moe, s["experts"], expert), table, output
    )
