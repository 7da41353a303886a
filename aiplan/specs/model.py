"""A model architecture, published or rumoured: its shape, and the parameters that its makers state."""

from __future__ import annotations

from pydantic import Field

from aiplan.graph import Given
from aiplan.specs.base import Count, Date, Entry

# The names of a shape; those that must be there before anything can be counted come first.
REQUIRED = ("layers", "d_model", "d_ff", "heads", "kv_heads", "head_dim", "vocab")
OPTIONAL = (
    "gated_mlp", "tied_embeddings", "learned_positions", "norms_per_layer", "norm_bias", "qk_norm", "qkv_bias",
    "attention_output_bias", "mlp_bias", "sliding_window", "sliding_layers",
    "experts", "experts_per_token", "shared_experts", "d_ff_expert", "dense_layers", "router_bias",
    "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",
    "other_params",
)  # fmt: skip


class Model(Entry):
    """One decoder-only transformer; a shape that is not published is null, never guessed."""

    vendor: str
    """Who made it, in lower case."""
    released: Date | None = None
    """First publication."""
    rumour: bool = False
    """True where the figures were never published by the maker."""
    params: Count | None = None
    """Parameters as published, or as the shape counts exactly."""
    active_params: Count | None = None
    """Of an expert model: parameters that each token uses, as published."""
    training_tokens: Count | None = None
    """Tokens that it was trained on, as published."""
    seq_len: int | None = Field(default=None, ge=1)
    """Tokens of one training sequence."""

    layers: int | None = Field(default=None, ge=1)
    """Transformer blocks."""
    d_model: int | None = Field(default=None, ge=1)
    """Width of the residual stream."""
    d_ff: int | None = Field(default=None, ge=0)
    """Inner width of the MLP of a dense layer."""
    heads: int | None = Field(default=None, ge=1)
    """Query heads."""
    kv_heads: int | None = Field(default=None, ge=1)
    """Key and value heads."""
    head_dim: int | None = Field(default=None, ge=1)
    """Width of an attention head."""
    vocab: int | None = Field(default=None, ge=1)
    """Rows of the embedding table."""
    gated_mlp: bool = True
    """Three matrices in an MLP (SwiGLU) instead of two."""
    tied_embeddings: bool = False
    """Input and output embeddings are one table."""
    learned_positions: int = Field(default=0, ge=0)
    """Learned position vectors; 0 with rotary or no positions."""
    norms_per_layer: int = Field(default=2, ge=0)
    """Norms of the model's width in one layer."""
    norm_bias: bool = False
    """Norms have a bias (LayerNorm)."""
    qk_norm: bool = False
    """Queries and keys are normalised per head."""
    qk_norm_all: bool = False
    """Queries and keys are normalised over all heads together, as in OLMo 2."""
    qkv_bias: bool = False
    """Query, key and value projections have biases."""
    attention_output_bias: bool = False
    """The attention's output projection has a bias."""
    mlp_bias: bool = False
    """The MLP's projections have biases."""
    sliding_window: int = Field(default=0, ge=0)
    """Tokens that a windowed attention layer looks back; 0 for none."""
    sliding_layers: int = Field(default=0, ge=0)
    """Layers whose attention is windowed."""
    experts: int = Field(default=0, ge=0)
    """Routed experts of an expert layer; 0 where dense."""
    experts_per_token: int = Field(default=0, ge=0)
    """Routed experts that each token uses."""
    shared_experts: int = Field(default=0, ge=0)
    """Experts that every token uses."""
    d_ff_expert: int = Field(default=0, ge=0)
    """Inner width of one expert."""
    dense_layers: int = Field(default=0, ge=0)
    """Layers of an expert model that have a dense MLP."""
    router_bias: bool = False
    """The router has a bias for each expert."""
    q_lora_rank: int = Field(default=0, ge=0)
    """Rank of the compressed queries of latent attention."""
    kv_lora_rank: int = Field(default=0, ge=0)
    """Rank of the compressed keys and values of latent attention."""
    qk_nope_head_dim: int = Field(default=0, ge=0)
    """Width of a latent-attention key without positions."""
    qk_rope_head_dim: int = Field(default=0, ge=0)
    """Width of a latent-attention key with positions."""
    v_head_dim: int = Field(default=0, ge=0)
    """Width of a latent-attention value."""
    other_params: int = Field(default=0, ge=0)
    """Parameters that no other field counts, such as a norm after the embedding or attention sinks."""

    @property
    def shape(self) -> dict[str, float]:
        """The shape by quantity name, or nothing where a part of it is unknown."""
        if any(getattr(self, name) is None for name in REQUIRED):
            return {}
        out: dict[str, float] = {name: int(getattr(self, name)) for name in (*REQUIRED, *OPTIONAL)}
        if self.qk_norm_all:  # one norm over all heads is as wide as theirs together; the formula counts two a layer
            out["qk_norm"] = (out["heads"] + out["kv_heads"]) / 2
        return out


def expand_model(spec: Model) -> dict[str, Given]:
    """The quantities that choosing a model gives: its parameters as published, its shape where that is known."""
    source = spec.origin() + (" (rumoured)" if spec.rumour else "")
    values: dict[str, float | None] = {"params": spec.params}
    if spec.params is None and spec.shape:
        values["params"] = count(spec)[0]
    if spec.active_params is not None:
        values["active_params"] = spec.active_params
    if spec.seq_len is not None:
        values["seq_len"] = spec.seq_len
    values |= spec.shape
    why = f"{spec.id} has no published number of parameters in the catalogue"
    return {
        name: Given(None, "catalog", spec.id, why_null=why) if value is None else Given(float(value), "catalog", source)
        for name, value in values.items()
    }


def count(spec: Model) -> tuple[float, float]:
    """Parameters that the shape counts: all, and those that each token uses."""
    from aiplan.quantities.architecture import count_params

    counted = count_params(**spec.shape)
    return counted.total, counted.active


def doubts(spec: Model) -> list[str]:
    """Where the stated parameters are not what the shape counts, or a source is missing."""
    out: list[str] = []
    if spec.shape:
        total, active = count(spec)
        if spec.params is not None and abs(spec.params / total - 1) > 0.02:
            out.append(f"params is {spec.params:.6g}, but the shape counts {total:.6g}")
        if spec.active_params is not None and abs(spec.active_params / active - 1) > 0.10:
            out.append(f"active_params is {spec.active_params:.6g}, but the shape counts {active:.6g}")
        if spec.heads and spec.kv_heads and spec.heads % spec.kv_heads:
            out.append(f"heads {spec.heads} is not a multiple of kv_heads {spec.kv_heads}")
    elif not spec.rumour:
        unknown = [name for name in REQUIRED if getattr(spec, name) is None]
        out.append(f"the shape is incomplete: {', '.join(unknown)} unknown, so one will be invented")
    if spec.experts and spec.active_params is None:
        out.append("experts are given, but not active_params")
    if spec.experts and not (spec.experts_per_token and spec.d_ff_expert):
        out.append("experts are given, but not experts_per_token and d_ff_expert")
    if not spec.experts and spec.active_params not in (None, spec.params) and spec.shape:
        out.append("active_params differs from params, but there are no experts")
    if spec.params is None and not spec.shape:
        out.append("neither params nor a whole shape is known")
    if not spec.sources:
        out.append("sources is empty: say where the numbers come from, with a date")
    return out
