"""A transformer's shape made up from its number of parameters, by stated rules.

The rules, from the shapes of published models:

- width and depth: d_model / layers is 128 from 8e9 parameters on, below that 128 (N / 8e9)^(1/6), not under 8
  (published: Llama 3.1 8B 128, 405B 130, DeepSeek-V3 117, Llama 3.2 1B 128, GPT-2 64); and no deeper than twice
  the depth that Levine et al. 2020 find best for the width, ln d_model = 5.039 + 0.0555 layers, which keeps
  100T at some 266 layers;
- heads of 128 from d_model 1024 on, of 64 from 512 on, of 32 from 128 on, else of 16, halved until they divide it;
  from 12 heads on 8 or 4 key-value heads, whichever divides them, else as many as heads;
- gated MLP of 3.5 d_model, then widened or narrowed until the parameters are met;
- vocabulary of 128,256 (Llama 3) with two tables; one (tied) table where two would be over 20% of the parameters
  (as in Llama 3.2 1B and 3B); a smaller vocabulary where one would still be over 40%;
- with experts: 8 of many per token and 1 shared (DeepSeek-V3), whose widths together are 2.7 d_model; the number
  of experts follows from the active share (5% gives 224). Where that is over 2,048 or under 9, fewer or more per
  token. All layers have experts.

Depths from 32 on are multiples of 4; widths are multiples of 16, 64, 256 ... 8,192 as they grow
(WIDTH_GRAINS), so that parallel layouts divide them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from aiplan.graph import NoValue, quantity
from aiplan.quantities.architecture import count_params

GIVES = (
    "layers",
    "d_model",
    "d_ff",
    "heads",
    "kv_heads",
    "head_dim",
    "vocab",
    "tied_embeddings",
    "experts",
    "experts_per_token",
    "shared_experts",
    "d_ff_expert",
    "dense_layers",
)
LLAMA_VOCAB = 128_256.0  # Llama 3 herd of models 2024, sec. 3.2
EXPERTS_PER_TOKEN = (8, 16, 32, 64, 4, 2, 1)  # in the order of preference
# Widths from the first on are multiples of the second, so that tensor parallelism divides the heads.
WIDTH_GRAINS = (
    (65536, 8192),
    (32768, 4096),
    (16384, 2048),
    (4096, 1024),
    (2048, 512),
    (1024, 256),
    (256, 64),
    (16, 16),
)
TIED_ABOVE, SMALLER_ABOVE = 0.20, 0.40  # of the parameters that each token uses


def levine_depth(d_model: float, *, intercept: float = 5.039, slope: float = 0.0555) -> float:
    """Depth that Levine et al. find best for a width.

        (ln d_model - 5.039) / 0.0555

    Reference: Levine et al. 2020, eq. 9 (constants from memory).
    >>> round(levine_depth(12288), 1)
    78.9
    """
    return (math.log(d_model) - intercept) / slope


@lru_cache(maxsize=512)
def levine_width(params: float, *, per_square: float = 12.0, depths: float = 1.0) -> float:
    """Width at which `depths` times Levine's depth makes `params` parameters of per_square layers d_model^2.

    >>> round(levine_width(100e12))
    250155
    """
    low, high = math.log(200.0), 60.0
    for _ in range(80):
        middle = (low + high) / 2
        short = per_square * depths * levine_depth(math.exp(middle)) * math.exp(2 * middle) < params
        low, high = (middle, high) if short else (low, middle)
    return math.exp(low)


def aspect_depth(params: float, aspect: float, *, per_square: float = 12.0) -> float:
    """Depth of a model of `params` = per_square layers d_model^2 whose d_model is `aspect` times its layers.

        (params / (per_square aspect^2))^(1/3)

    >>> round(aspect_depth(1e12, 128))
    172
    """
    depth: float = (params / (per_square * aspect**2)) ** (1 / 3)
    return depth


@quantity(
    gives=GIVES,
    rival="invented",
    search=True,
    source="rules from published shapes: Llama 3 2024, DeepSeek-V3 2024, Levine et al. 2020",
)
def invent_shape(
    params: float, active_params: float, gated_mlp: float, *, pinned: Mapping[str, float] | None = None
) -> tuple[float, ...]:
    """Shape made up from the number of parameters, by stated rules.

        layers d_model^2 (2 + 2 kv_heads / heads + (2 + gated_mlp) d_ff / d_model) + tables = params

    `pinned` are parts of the shape that are fixed. The rules stand at the top of the module.
    Raises NoValue where there is not even one parameter.
    >>> dict(zip(GIVES, invent_shape(8e9, 8e9, 1)))["d_model"]
    4096.0
    """
    if not params >= 1 or not active_params > 0:
        raise NoValue(f"no transformer has {params:g} parameters, {active_params:g} of them active")
    fixed = dict(pinned or {})
    active = min(params, active_params)
    routed = fixed.get("experts", 1.0 if active < 0.995 * params else 0.0) > 0
    k = experts = 0.0
    shared = fixed.get("shared_experts", 1.0 if routed else 0.0)

    shape = dict.fromkeys(GIVES, 0.0) | {"gated_mlp": gated_mlp}
    tables = 0.0
    for _ in range(6):  # width, vocabulary and experts depend on each other
        body = max(active - tables, 0.05 * active)
        if routed:
            k, experts = _experts(params - active, body, fixed)
            body -= (k + shared) * (params - active) / max(experts - k, 1.0)  # the attention's share
            body = max(body, 0.02 * active)
        width = _width(body, 2.25 if routed else 12.75, max(params if not routed else active, 1.0), fixed)
        heads, kv_heads, head_dim = _heads(width, fixed)
        tied, vocab = _tables(active, width, fixed)
        tables = vocab * width * (2 - tied)
    shape.update(
        d_model=width, heads=heads, kv_heads=kv_heads, head_dim=head_dim, vocab=vocab, tied_embeddings=tied,
        experts=experts, experts_per_token=k, shared_experts=shared, layers=1.0,
    )  # fmt: skip
    shape |= fixed
    # One layer without its MLP, then as many layers as the aimed MLP width leaves room for.
    bare = count_params(**{**shape, "d_ff": 0.0, "d_ff_expert": 0.0, "layers": 0.0})
    attention = count_params(**{**shape, "d_ff": 0.0, "d_ff_expert": 0.0}).active - bare.active
    if routed:
        depth = max(active - bare.active - (k + shared) * (params - active) / max(experts - k, 1.0), 0.0) / attention
    else:
        depth = (params - bare.total) / (attention + (2 + gated_mlp) * width * fixed.get("d_ff", 3.5 * width))
    shape["layers"] = fixed.get("layers", _whole_depth(depth))

    name = "d_ff_expert" if routed else "d_ff"
    if name not in fixed:
        none = count_params(**{**shape, "d_ff": 0.0, "d_ff_expert": 0.0}).total
        one = count_params(**{**shape, "d_ff": 0.0, "d_ff_expert": 0.0, name: 1.0}).total - none
        grain = 2.0 ** min(8, max(0, math.floor(math.log2(max((params - none) / one, 1.0) / 64))))
        shape[name] = max(1.0, round((params - none) / one / grain) * grain)
    if routed and "d_ff" not in fixed:
        shape["d_ff"] = (shape["experts_per_token"] + shape["shared_experts"]) * shape["d_ff_expert"]
    return tuple(float(shape[each]) for each in GIVES)


def _experts(idle: float, body: float, fixed: Mapping[str, float]) -> tuple[float, float]:
    """Experts per token and experts, such that the experts' widths together come to about 2.7 d_model.

    `idle` are the parameters of the experts that a token does not use, `body` those of the blocks that it uses.
    """
    share = 0.79  # of `body` in experts: 3 * 2.7 / (2.2 + 3 * 2.7)
    best = (math.inf, 8.0, 256.0)
    for rank, k in enumerate([fixed["experts_per_token"]] if "experts_per_token" in fixed else EXPERTS_PER_TOKEN):
        ideal = k + idle * (k + 1) / (share * body)
        grain = 64 if ideal >= 1024 else 32 if ideal >= 96 else 8 if ideal >= 24 else 1
        experts = fixed.get("experts", max(k + 1.0, round(ideal / grain) * grain))
        off = abs(math.log((experts - k) / max(ideal - k, 1e-9))) if experts > k else 9.0
        odd = max(0.0, off - 0.1) * 20 + (20 if experts > 2048 else 0) + rank
        best = min(best, (odd, float(k), float(experts)))
    return best[1], best[2]


def _width(body: float, per_square: float, size: float, fixed: Mapping[str, float]) -> float:
    """Width of the residual stream for `body` parameters of per_square layers d_model^2."""
    if "d_model" in fixed:
        return fixed["d_model"]
    if "layers" in fixed:
        width = math.sqrt(body / (per_square * fixed["layers"]))
    else:
        aspect = min(128.0, max(8.0, 128 * (size / 8e9) ** (1 / 6)))
        width = aspect * aspect_depth(body, aspect, per_square=per_square)
        if width > 200 and width / aspect > 2 * levine_depth(width):
            width = levine_width(body, per_square=per_square, depths=2)
    grain = next((g for least, g in WIDTH_GRAINS if width >= least), 1)
    return float(max(1, round(width / grain)) * grain)


def _heads(width: float, fixed: Mapping[str, float]) -> tuple[float, float, float]:
    """Heads, key-value heads and the width of a head."""
    usual = 128.0 if width >= 1024 else 64.0 if width >= 512 else 32.0 if width >= 128 else 16.0
    while width % usual and usual > 1:
        usual /= 2
    head_dim = fixed.get("head_dim", usual)
    heads = fixed.get("heads", max(1.0, round(width / head_dim)))
    grouped = next((g for g in (8.0, 4.0) if heads >= 12 and heads % g == 0), heads)
    return heads, fixed.get("kv_heads", grouped), head_dim


def _tables(active: float, width: float, fixed: Mapping[str, float]) -> tuple[float, float]:
    """Whether the embeddings are tied, and the vocabulary."""
    vocab = fixed.get("vocab", LLAMA_VOCAB)
    tied = fixed.get("tied_embeddings", 1.0 if 2 * vocab * width > TIED_ABOVE * active else 0.0)
    most = SMALLER_ABOVE * active / width / (2 - tied)
    if "vocab" not in fixed and vocab > most:
        vocab = max(1.0, math.floor(most / 64) * 64.0 if most >= 128 else math.floor(most))
    return tied, vocab


def _whole_depth(depth: float) -> float:
    grain = 4 if depth >= 32 else 1
    return float(max(1, round(depth / grain) * grain))
