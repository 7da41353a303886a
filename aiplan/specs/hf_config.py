"""A Hugging Face `config.json` read as a model: the keys of each architecture mapped to the quantities of a shape.

Only what the weights are shaped by is read. A training length is not in such a file, so `seq_len` is left to its
default, or to the longest sequence of the model where that is shorter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from aiplan import yamlio
from aiplan.errors import UserError, nearest
from aiplan.specs.base import first_problem
from aiplan.specs.model import Model, count

MAX_INT = 10**9  # no dimension of a model is larger
MAX_LAYERS = 10_000
MAX_DIGITS = 19
LONG = 8192  # tokens: longer ones are contexts stretched after training, not training sequences

Shape = dict[str, Any]
Reader = Callable[["Config"], Shape]
_READERS: dict[str, Reader] = {}


def read_config(path: Path) -> Model:
    """The model that a config.json describes, its parameters counted from the shape.

    Raises UserError, in one line, for anything that is not such a file or not an architecture that is read here.
    """
    config = Config(path, _load(path))
    kind = config.text("model_type")
    if kind not in _READERS:
        problem = f"model_type {_short(kind)!r} is not read" if kind else "there is no model_type"
        near = nearest(kind, _READERS, most=1) if kind else ""
        raise UserError(f"{path}: {problem}{near}; architectures that are: {', '.join(supported())}")
    shape = {"norms_per_layer": 2, **_READERS[kind](config)}
    longest = config.number("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", default=0, low=0)
    name = path.parent.absolute().name if path.stem == "config" else path.stem
    slug = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:60]
    fields = {
        "id": slug or "config",
        "name": name,
        "vendor": "unknown",
        "seq_len": longest if 0 < longest <= LONG else None,
        "notes": f"Read from a config.json of model_type {kind}.",
        "sources": {"file": f"{path} ({kind})"},
        **shape,
    }
    try:
        model = Model.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{path}: {first_problem(error)[1]}") from None
    _plausible(path, model)
    total, active = count(model)
    return model.model_copy(update={"params": total} | ({"active_params": active} if model.experts else {}))


def supported() -> list[str]:
    """The values of model_type that are read."""
    return sorted(_READERS)


class Config:
    """A checked view of the file: numbers, flags and parts by key, each failure one line that names the key."""

    def __init__(self, path: Path, raw: dict[str, Any], top: dict[str, Any] | None = None) -> None:
        self.path, self.top = path, top or raw
        inner = raw.get("text_config")
        self.raw: dict[str, Any] = raw | inner if isinstance(inner, dict) else raw
        if isinstance(inner, dict) and "tie_word_embeddings" in raw:
            self.raw["tie_word_embeddings"] = raw["tie_word_embeddings"]

    def number(self, *keys: str, default: int | None = None, low: int = 1, high: int = MAX_INT) -> int:
        """A whole number under the first of several spellings of a key."""
        for key in keys:
            value = self.raw.get(key)
            if value is None:
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, int):
                self.fail(key, f"is a whole number, not {_short(value)}")
            if not low <= value <= high:
                self.fail(key, f"is {_short(value)}, but must be between {low} and {high:,}")
            return value
        if default is None:
            self.fail(keys[0], "is missing")
        return default

    def flag(self, key: str, default: bool) -> bool:
        """A flag; null is the default."""
        value = self.raw.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fail(key, f"is true or false, not {_short(value)}")
        return value

    def text(self, key: str) -> str:
        """A text, or nothing where it is absent."""
        value = self.raw.get(key, "")
        if not isinstance(value, str):
            self.fail(key, f"is a text, not {_short(value)}")
        return value

    def items(self, key: str) -> list[Any] | None:
        """A list, or None where it is absent."""
        value = self.raw.get(key)
        if value is not None and not isinstance(value, list):
            self.fail(key, f"is a list, not {_short(value)}")
        return value

    def part(self, key: str) -> Config:
        """A map within the file; empty where it is absent."""
        value = self.raw.get(key) or {}
        if not isinstance(value, dict):
            self.fail(key, f"is a map, not {_short(value)}")
        return Config(self.path, value)

    def fail(self, key: str, problem: str) -> NoReturn:
        """Refuse the file."""
        raise UserError(f"{self.path}: {key} {problem}")


# -- the file --------------------------------------------------------------------------------------------------------


def _load(path: Path) -> dict[str, Any]:
    text = yamlio.read_text(path)

    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise ValueError(f"a number of {len(digits)} digits")
        return int(digits)

    def constant(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number of JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(pairs)
        if len(out) < len(pairs):
            keys = [key for key, _ in pairs]
            raise ValueError(f"key {_short(next(k for k in keys if keys.count(k) > 1))!r} is given twice")
        return out

    try:
        raw = json.loads(text, parse_int=integer, parse_constant=constant, object_pairs_hook=once)
    except RecursionError:
        raise UserError(f"{path}: nested too deep") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(raw, dict):
        raise UserError(f"{path}: a model's config.json is a map of keys such as model_type and hidden_size")
    return raw


def _plausible(path: Path, model: Model) -> None:
    kv, experts = model.kv_heads or 1, model.experts
    if (model.heads or 1) % kv:
        raise UserError(f"{path}: {model.heads} attention heads are no multiple of {kv} key and value heads")
    if model.experts_per_token > experts:
        raise UserError(f"{path}: {model.experts_per_token} experts a token, but there are {experts}")
    if model.dense_layers > (model.layers or 0):
        raise UserError(f"{path}: {model.dense_layers} dense layers, but there are {model.layers} in all")


def _short(value: object) -> str:
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."


# -- architectures ---------------------------------------------------------------------------------------------------


def _reads(*kinds: str) -> Callable[[Reader], Reader]:
    def register(reader: Reader) -> Reader:
        _READERS.update(dict.fromkeys(kinds, reader))
        return reader

    return register


def _llama_like(c: Config, **defaults: int) -> Shape:
    """What most architectures of Llama's kind call by the same names."""
    d, heads = c.number("hidden_size"), c.number("num_attention_heads", default=defaults.get("heads"))
    return {
        "layers": c.number("num_hidden_layers", high=MAX_LAYERS),
        "d_model": d,
        "d_ff": c.number("intermediate_size", low=0),
        "heads": heads,
        "kv_heads": c.number("num_key_value_heads", default=defaults.get("kv_heads", heads)),
        "head_dim": c.number("head_dim", default=defaults.get("head_dim", d // heads)),
        "vocab": c.number("vocab_size", default=defaults.get("vocab")),
        "tied_embeddings": c.flag("tie_word_embeddings", bool(defaults.get("tied", 0))),
        "qkv_bias": c.flag("attention_bias", False),
        "attention_output_bias": c.flag("attention_bias", False),
        "mlp_bias": c.flag("mlp_bias", False),
    }


def _windows(c: Config, layers: int, otherwise: int) -> Shape:
    """Windowed layers: as `layer_types` lists them, else as the architecture has them."""
    window = c.number("sliding_window", default=0, low=0)
    if not window:
        return {}
    types = c.items("layer_types")
    count = otherwise if types is None else sum(t == "sliding_attention" for t in types)
    return {"sliding_window": window, "sliding_layers": min(count, layers)}


def _experts(c: Config, *, experts: str, width: str, shared: int = 0, dense: int = 0) -> Shape:
    return {
        "experts": c.number(experts),
        "experts_per_token": c.number("num_experts_per_tok", "experts_per_token", "moe_top_k"),
        "shared_experts": shared,
        "d_ff_expert": c.number(width),
        "dense_layers": dense,
    }


def _plain(d_ff: int, bias: bool = True, **more: Any) -> Shape:
    """Two matrices in an MLP and norms with a bias, as before Llama; biases everywhere unless told."""
    names = ("qkv_bias", "attention_output_bias", "mlp_bias")
    return {"d_ff": d_ff, "gated_mlp": False, "norm_bias": True, **dict.fromkeys(names, bias), **more}


@_reads("llama", "smollm3", "phi3", "mistral")
def _llama(c: Config) -> Shape:
    out = _llama_like(c, tied=int(c.text("model_type") == "smollm3"))
    if c.text("model_type") in ("mistral", "phi3"):
        out |= _windows(c, out["layers"], out["layers"])
    return out


@_reads("mixtral")
def _mixtral(c: Config) -> Shape:
    out = _llama_like(c)
    experts = _experts(c, experts="num_local_experts", width="intermediate_size")
    return out | experts | _windows(c, out["layers"], out["layers"])


@_reads("llama4", "llama4_text")
def _llama4(c: Config) -> Shape:
    out = _llama_like(c)
    dense = out["layers"] - out["layers"] // c.number("interleave_moe_layer_step", default=1)
    out["d_ff"] = c.number("intermediate_size_mlp", "intermediate_size")
    return out | _experts(c, experts="num_local_experts", width="intermediate_size", shared=1, dense=dense)


@_reads("qwen2", "qwen3")
def _qwen(c: Config) -> Shape:
    three = c.text("model_type") == "qwen3"
    out = _llama_like(c) | {"qk_norm": three}
    if not three:
        out |= {"qkv_bias": True, "attention_output_bias": False}
    if c.flag("use_sliding_window", False):
        full = c.number("max_window_layers", default=out["layers"], low=0)
        out |= _windows(c, out["layers"], max(0, out["layers"] - full))
    return out


@_reads("qwen3_moe")
def _qwen_moe(c: Config) -> Shape:
    out = _qwen(c) | {"qk_norm": True, "qkv_bias": c.flag("attention_bias", False)}
    layers, step = out["layers"], c.number("decoder_sparse_step", default=1)
    without = c.items("mlp_only_layers") or []
    moe = sum((i + 1) % step == 0 and i not in without for i in range(layers))
    return out | _experts(c, experts="num_experts", width="moe_intermediate_size", dense=layers - moe)


@_reads("gemma", "gemma2", "gemma3", "gemma3_text")
def _gemma(c: Config) -> Shape:
    kind = c.text("model_type")
    three = kind.startswith("gemma3")
    vocab = 262_208 if three else 256_000
    out = _llama_like(c, heads=8, kv_heads=4, head_dim=256, vocab=vocab, tied=1) if three else _llama_like(
        c, head_dim=256, vocab=vocab, tied=1
    )  # fmt: skip
    if kind == "gemma":
        return out
    layers, pattern = out["layers"], c.number("sliding_window_pattern", default=6 if three else 2)
    windowed = layers - layers // pattern
    return out | {"norms_per_layer": 4, "qk_norm": three} | _windows(c, layers, windowed)


@_reads("deepseek_v2", "deepseek_v3", "kimi_k2")
def _deepseek(c: Config) -> Shape:
    out = _llama_like(c, head_dim=c.number("qk_nope_head_dim"))
    out |= {k: c.number(k, default=0, low=0) for k in ("q_lora_rank", "kv_lora_rank")}
    out |= {k: c.number(k) for k in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")}
    if not c.raw.get("n_routed_experts"):
        return out
    shared = c.number("n_shared_experts", default=0, low=0)
    dense = c.number("first_k_dense_replace", default=0, low=0)
    # The bias by which experts are balanced came with version 3.
    biased = c.text("model_type") != "deepseek_v2" and c.raw.get("topk_method", "noaux_tc") == "noaux_tc"
    routed = _experts(c, experts="n_routed_experts", width="moe_intermediate_size", shared=shared, dense=dense)
    return out | routed | {"router_bias": biased}


@_reads("gpt_oss")
def _gpt_oss(c: Config) -> Shape:
    out = _llama_like(c) | {"mlp_bias": True, "router_bias": True}
    if "attention_bias" not in c.raw:
        out |= {"qkv_bias": True, "attention_output_bias": True}
    sinks = out["layers"] * out["heads"]
    windows = _windows(c, out["layers"], (out["layers"] + 1) // 2)
    experts = _experts(c, experts="num_local_experts", width="intermediate_size")
    return out | experts | windows | {"other_params": sinks}


@_reads("olmo2", "olmo3")
def _olmo(c: Config) -> Shape:
    out = _llama_like(c) | {"qk_norm_all": True}
    return out | _windows(c, out["layers"], out["layers"] - out["layers"] // 4)


@_reads("gpt2", "gpt_bigcode")
def _gpt2(c: Config) -> Shape:
    d, heads = c.number("n_embd", "hidden_size"), c.number("n_head", "num_attention_heads")
    one = c.text("model_type") == "gpt_bigcode" and c.flag("multi_query", True)
    return {
        "layers": c.number("n_layer", "num_hidden_layers", high=MAX_LAYERS),
        "d_model": d,
        "heads": heads,
        "kv_heads": 1 if one else heads,
        "head_dim": d // heads,
        "vocab": c.number("vocab_size"),
        "tied_embeddings": c.flag("tie_word_embeddings", True),
        "learned_positions": c.number("n_positions", "n_ctx", "max_position_embeddings"),
        **_plain(c.number("n_inner", default=4 * d)),
    }


@_reads("gptj")
def _gptj(c: Config) -> Shape:
    out = _gpt2(c) | {"learned_positions": 0, "tied_embeddings": c.flag("tie_word_embeddings", False)}
    # One norm feeds attention and MLP; attention has no biases, the output layer has one.
    return out | {"norms_per_layer": 1, "qkv_bias": False, "attention_output_bias": False, "other_params": out["vocab"]}


@_reads("gpt_neox")
def _neox(c: Config) -> Shape:
    attention = c.flag("attention_bias", True)
    out = _llama_like(c) | _plain(c.number("intermediate_size"))
    return out | {"qkv_bias": attention, "attention_output_bias": attention}


@_reads("opt")
def _opt(c: Config) -> Shape:
    d, heads = c.number("hidden_size"), c.number("num_attention_heads")
    if c.number("word_embed_proj_dim", default=d) != d:
        c.fail("word_embed_proj_dim", "differs from hidden_size; a projected embedding is not read")
    return {
        "layers": c.number("num_hidden_layers", high=MAX_LAYERS),
        "d_model": d,
        "heads": heads,
        "kv_heads": heads,
        "head_dim": d // heads,
        "vocab": c.number("vocab_size"),
        "tied_embeddings": c.flag("tie_word_embeddings", True),
        "learned_positions": c.number("max_position_embeddings") + 2,  # its table starts at the third row
        **_plain(c.number("ffn_dim"), c.flag("enable_bias", True)),
    }


@_reads("bloom")
def _bloom(c: Config) -> Shape:
    d, heads = c.number("hidden_size", "n_embed"), c.number("n_head", "num_attention_heads")
    return {
        "layers": c.number("n_layer", "num_hidden_layers", high=MAX_LAYERS),
        "d_model": d,
        "heads": heads,
        "kv_heads": heads,
        "head_dim": d // heads,
        "vocab": c.number("vocab_size"),
        "tied_embeddings": c.flag("tie_word_embeddings", True),
        "other_params": 2 * d,  # the norm after the embedding
        **_plain(4 * d),
    }


@_reads("falcon", "RefinedWeb", "RefinedWebModel")
def _falcon(c: Config) -> Shape:
    d, heads = c.number("hidden_size"), c.number("num_attention_heads", "n_head")
    new = c.flag("new_decoder_architecture", "n_head_kv" in c.raw or c.text("model_type") == "RefinedWeb")
    one = c.flag("multi_query", True) and not new
    norms = c.number("num_ln_in_parallel_attn", default=2) if new else 2 - c.flag("parallel_attn", True)
    return {
        "layers": c.number("num_hidden_layers", "n_layer", high=MAX_LAYERS),
        "d_model": d,
        "heads": heads,
        "kv_heads": 1 if one else c.number("num_kv_heads", "n_head_kv", default=heads) if new else heads,
        "head_dim": d // heads,
        "vocab": c.number("vocab_size"),
        "tied_embeddings": c.flag("tie_word_embeddings", True),
        "norms_per_layer": norms,
        **_plain(c.number("ffn_hidden_size", default=4 * d), c.flag("bias", False)),
    }


@_reads("mpt")
def _mpt(c: Config) -> Shape:
    d, heads = c.number("d_model"), c.number("n_heads")
    bias = not c.flag("no_bias", True)
    positions = 0 if c.part("attn_config").flag("alibi", False) else c.number("max_seq_len")
    return {
        "layers": c.number("n_layers", high=MAX_LAYERS),
        "d_model": d,
        "heads": heads,
        "kv_heads": heads,
        "head_dim": d // heads,
        "vocab": c.number("vocab_size"),
        "tied_embeddings": c.flag("tie_word_embeddings", True),
        "learned_positions": positions,
        **_plain(c.number("expansion_ratio", default=4) * d, bias, norm_bias=bias),
    }
