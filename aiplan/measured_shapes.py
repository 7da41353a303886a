"""From a measured row's inputs to quantities of the graph: the chip, the precision, the shape and the layout.

What a row leaves open is assumed and named; what no assumption can mend is refused with its reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from aiplan.catalog import fold
from aiplan.measured_chips import Refused, chip_of, precision_of
from aiplan.measured_memory import Measure, measure_of, memory_traits
from aiplan.measured_stacks import stack_of, traits_of
from aiplan.measurements import number_of
from aiplan.quantities.architecture import OPTIONAL, count_params
from aiplan.quantities.memory import RECIPES
from aiplan.quantities.schedule import SCHEDULES

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.specs.accelerator import Accelerator
    from aiplan.specs.model import Model

DENSE_ABOVE = 0.97  # active over total parameters from which a model has no experts
MOST_CORES = 8  # cores in one chip that a layout may count
EXPERT_SHAPE = ("experts", "experts_per_token", "d_ff_expert", "shared_experts")
WHOLE = ("n_chips", "tp", "pp", "vp", "cp", "ep", "dp", "n_layers", "n_heads")
CHIP_TOKENS = 8192.0  # per-chip batch of MaxText recipes, 4 sequences of 2,048 (from memory)
USUAL_DAYS, USUAL_SHARE = 30.0, 0.4  # of a run whose count is not stated: our judgement


@dataclass(slots=True)
class Case:
    """One row as a question to the graph: the values that it fixes, and what had to be assumed.

    `measure` is what its source counts as memory, `held` the values by which its stack holds other things there; its
    speed is calibrated without them.
    """

    chip: str
    precision: str
    accelerators: float
    given: dict[str, float]
    invented: bool
    routed: bool
    adapters: bool
    model: str
    stack: str
    measure: Measure
    held: dict[str, float]
    assumed: dict[str, str] = field(default_factory=dict)


def case_of(inputs: Mapping[str, str], catalog: Catalog) -> Case:
    """The question that a row's inputs ask.

    Raises Refused where the chip, the count or the model is not known.
    """
    assumed: dict[str, str] = {}
    chip = chip_of(inputs, catalog)
    precision, why = precision_of(inputs, chip)
    if why:
        assumed["precision"] = why
    numbers = _numbers(inputs)
    layout = _layout(inputs, numbers, assumed)
    model = model_of(inputs.get("model", ""), catalog)
    shape, invented, params, active = _shape(numbers, model, assumed)
    count = numbers.get("n_chips") or _product(layout) or _count_of_run(numbers, active, chip, precision)
    if not count:
        raise Refused("n_chips is blank, and no layout gives it")
    if "n_chips" not in numbers:
        ranks = "as many as the layout has ranks"
        assumed["accelerators"] = ranks if _product(layout) else f"blank: {count:g}, for about {USUAL_DAYS:g} days"
    layout = _fitting(layout, count, assumed) | _schedule(inputs)
    given = {"accelerators": count, "params": params, **shape, **traits_of(inputs, chip.family), **layout}
    given |= _recipe(inputs)
    routed = active < DENSE_ABOVE * params
    if routed:
        given["active_params"] = active
    _data(numbers, layout, None if _truncated(inputs) else model, given, assumed)
    if stack_of(inputs).layout and {"tp", "pp", "cp"} <= layout.keys():
        if "batch_tokens" not in given:
            given["batch_tokens"] = count * CHIP_TOKENS
            assumed["batch_tokens"] = f"blank: {CHIP_TOKENS:g} tokens a chip, as the recipes of its software have"
        replicas = count / (layout["tp"] * layout["pp"] * layout["cp"])
        given.setdefault("micro_batch", max(1.0, given["batch_tokens"] / given["seq_len"] / replicas))
    task = inputs.get("task", "").lower()
    name = model.id if model is not None and not _truncated(inputs) else inputs.get("model", "a model")
    adapters = "lora" in task or "adapter" in task
    return Case(
        chip.id, precision, count, given, invented, routed, adapters, name, stack_of(inputs).name,
        measure_of(inputs), memory_traits(inputs, shape, layout.get("pp", 1.0)), assumed,
    )  # fmt: skip


def _count_of_run(numbers: dict[str, float], active: float, chip: Accelerator, precision: str) -> float:
    """Chips of a whole run that does not state them: chip-hours hardly depend on the count."""
    work = 6 * active * numbers["training_tokens"] if "training_tokens" in numbers else numbers.get("flops_published")
    if not work:
        return 0.0
    peak = {str(p): rate for p, rate in chip.peak.items()}[precision]
    return float(2 ** max(0, round(math.log2(work / (USUAL_SHARE * peak * USUAL_DAYS * 86400)))))


# -- layout --------------------------------------------------------------------------------------------------------


def zero_stage_of(text: str) -> float | None:
    """The ZeRO stage that a text about FSDP or ZeRO names.

    >>> [zero_stage_of(t) for t in ("distributed-optimizer(zero1)", "fsdp-full(zero3)", "ZeRO-0", "fsdp8", "")]
    [1.0, 3.0, 0.0, 3.0, None]
    """
    low = text.lower()
    stage = re.search(r"zero[\s_\-]*(?:stage)?[\s_\-]*([0-3])", low)
    if stage:
        return float(stage.group(1))
    if "grad-op" in low or "grad_op" in low:
        return 2.0
    if "fsdp" in low or "fully sharded" in low:
        return 3.0
    if "distributed" in low and "optim" in low:
        return 1.0
    return 0.0 if low in ("none", "no", "ddp", "0", "false") else None


def recompute_of(text: str) -> float | None:
    """0, 1 or 2 for what a text says of recomputation.

    >>> [recompute_of(t) for t in ("none", "per-op selective", "full", "")]
    [0.0, 1.0, 2.0, None]
    """
    low = text.lower()
    if low in ("0", "1", "2"):
        return float(low)
    if "selective" in low or "partial" in low:
        return 1.0
    if low in ("no", "false", "off") or low.startswith("no "):
        return 0.0
    return 2.0 if low and "none" not in low else 0.0 if low else None


def _schedule(inputs: Mapping[str, str]) -> dict[str, float]:
    """How the pipeline runs, where the row names its schedule."""
    name = inputs.get("schedule", "").lower()
    if name and name not in SCHEDULES:
        raise Refused(f"schedule {name[:40]!r} is not one of {', '.join(SCHEDULES)}")
    if not name:
        return {}
    own = SCHEDULES[name]
    fixed = {} if own.virtual_stages is None else {"virtual_stages": float(own.virtual_stages)}
    return {"zero_bubble": float(own.number), **fixed}


def _recipe(inputs: Mapping[str, str]) -> dict[str, float]:
    """Bytes of a parameter's weight, gradient and optimizer state, where the row names its recipe."""
    name = inputs.get("recipe", "").lower()
    if name and name not in RECIPES:
        raise Refused(f"recipe {name[:40]!r} is not one of {', '.join(RECIPES)}")
    own = RECIPES[name]._asdict() if name else {}
    return {key: value for key, value in own.items() if key.startswith("bytes_")}


def _numbers(inputs: Mapping[str, str]) -> dict[str, float]:
    """The columns that are numbers; a cell that is text where a number belongs refuses the row."""
    words = "model task hardware precision schedule fsdp_or_zero zero_or_fsdp recompute recipe framework date".split()
    out = {}
    for name, text in inputs.items():
        if name in words:
            continue
        value = number_of(text)
        if value is None:
            raise Refused(f"{name} is {text[:40]!r}, not a number of at least 0")
        if value > 0:
            out[name] = value
    for name in WHOLE:
        if out.get(name, 1.0) % 1:
            raise Refused(f"{name} is {out[name]:g}, not a whole number")
    return out


def _layout(inputs: Mapping[str, str], numbers: dict[str, float], assumed: dict[str, str]) -> dict[str, float]:
    """The parts of the layout that the row fixes, and those that follow where it fixes any."""
    names = {"tp": "tp", "pp": "pp", "cp": "cp", "ep": "ep", "dp": "dp", "vp": "virtual_stages"}
    layout = {ours: numbers[theirs] for theirs, ours in names.items() if theirs in numbers}
    stated = "tp" in layout or "pp" in layout or "dp" in layout
    zero = zero_stage_of(inputs.get("fsdp_or_zero") or inputs.get("zero_or_fsdp", ""))
    if zero is not None:
        layout["zero_stage"] = zero
    if "micro_batch_seqs" in numbers:
        layout["micro_batch"] = numbers["micro_batch_seqs"]
    again = recompute_of(inputs.get("recompute", ""))
    if again is not None:
        layout["recompute"] = again
    stack = stack_of(inputs)
    if not stated and stack.layout:
        assumed["layout"] = "blank: whole replicas with all state sharded, as its software does"
        return {"recompute": stack.recompute, **stack.layout, **layout}
    if not stated:
        assumed["layout"] = "blank: found by our search"
        return layout
    for name in ("tp", "pp", "cp"):
        if name not in layout:
            layout[name] = 1.0
            assumed[name] = "blank: 1"
    if not inputs.get("framework"):
        return layout  # nobody says what its software leaves out: the search fills the blanks
    if "virtual_stages" not in layout:
        layout["virtual_stages"] = 1.0
        if layout["pp"] > 1:
            assumed["virtual_stages"] = "blank: 1"
    if again is None:
        layout["recompute"] = stack.recompute
        assumed["recompute"] = f"blank: {'full, as its stack does' if layout['recompute'] else 'none'}"
    if "zero_stage" not in layout and stack.zero_stage is not None:
        layout["zero_stage"] = stack.zero_stage
        assumed["zero_stage"] = f"blank: {stack.zero_stage:g}, as its stack does"
    return layout


def _product(layout: Mapping[str, float]) -> float:
    if not {"tp", "pp", "dp"} <= layout.keys():
        return 0.0
    return layout["tp"] * layout["pp"] * layout.get("cp", 1.0) * layout["dp"]


def _fitting(layout: dict[str, float], count: float, assumed: dict[str, str]) -> dict[str, float]:
    """The layout with as many ranks as there are chips: what is stated wrongly or in cores is put right and named."""
    if "tp" not in layout:
        return layout
    out = dict(layout)
    ranks = out["tp"] * out["pp"] * out["cp"]
    if "dp" in out and ranks * out["dp"] == count:
        return out
    cores = ranks * out.get("dp", 0.0) / count
    if cores in (2.0, 4.0, MOST_CORES) and out["tp"] % cores == 0 and out["tp"] > 8:
        out["tp"] /= cores
        assumed["tp"] = f"the layout counts {cores:g} cores in each chip"
        return out
    if ranks > count and out["cp"] > 1 and count % (out["tp"] * out["pp"]) == 0:
        ranks = out["tp"] * out["pp"]
        out["cp"] = 1.0
        assumed["cp"] = "the stated layout has more ranks than chips"
    if ranks > count:
        raise Refused(f"tp {out['tp']:g} x pp {out['pp']:g} x cp {out['cp']:g} are more ranks than {count:g} chips")
    if "dp" in out:
        assumed["dp"] = f"{out['dp']:g} is stated, which is not {count:g} chips"
    out["dp"] = float(max(1, count // ranks))
    return out


# -- shape ---------------------------------------------------------------------------------------------------------


def model_of(name: str, catalog: Catalog) -> Model | None:
    """The catalogue's model of that name, where there is one; variants in brackets and truncations are the same."""
    found = _model_names(catalog).get(fold(name)) or _model_names(catalog).get(fold(_plain_name(name)))
    return catalog.find("model", found) if found else None


@cache
def _model_names(catalog: Catalog) -> dict[str, str]:
    out = {}
    for entry in catalog.ids("model"):
        for alias in (entry, *catalog.find("model", entry).aliases):
            out[fold(alias)] = entry
    return out


def _plain_name(name: str) -> str:
    """A name without what stands in brackets and without a note of truncation."""
    return re.sub(r"-truncated-\d+L$", "", re.sub(r"\s*\(.*?\)", "", name).strip(), flags=re.I).strip()


def _truncated(inputs: Mapping[str, str]) -> bool:
    return "-truncated-" in inputs.get("model", "").lower()


def _shape(
    numbers: dict[str, float], model: Model | None, assumed: dict[str, str]
) -> tuple[dict[str, float], bool, float, float]:
    """The shape, whether its rest is to be made up, the parameters and those that a token uses."""
    names = {"n_layers": "layers", "d_model": "d_model", "d_ff": "d_ff", "n_heads": "heads", "n_kv_heads": "kv_heads",
             "vocab": "vocab"}  # fmt: skip
    columns = {ours: numbers[theirs] for theirs, ours in names.items() if theirs in numbers}
    columns |= {name: numbers[name] for name in EXPERT_SHAPE if name in numbers}
    params, active = numbers.get("params_total"), numbers.get("params_active")
    if model is not None and model.shape:
        shape = _catalogued(model, columns)
        counted = count_params(**shape)
        truncated = shape["layers"] != model.layers
        params = params or (counted.total if truncated or model.params is None else float(model.params))
        if not shape["experts"]:
            return shape, False, params, params
        published = counted.active if truncated or model.active_params is None else float(model.active_params)
        return shape, False, params, active or published
    if params is None and model is not None and model.params:
        params = float(model.params)
        active = active or (float(model.active_params) if model.active_params else None)
    routed = params is not None and active is not None and active < DENSE_ABOVE * params
    if {"layers", "d_model"} <= columns.keys() and (not routed or columns.keys() >= set(EXPERT_SHAPE[:3])):
        shape = _dense(columns, params, assumed)
        counted = count_params(**shape)
        return shape, False, params or counted.total, active or params or counted.active
    if params is None:
        raise Refused("neither its parameters nor its shape are given, and no model of that name is in the catalogue")
    kept = {k: v for k, v in columns.items() if not (routed and k == "d_ff")}
    assumed["shape"] = f"made up from the parameters{' and ' + ', '.join(kept) if kept else ''}"
    return kept, True, params, active or params


def _catalogued(model: Model, columns: dict[str, float]) -> dict[str, float]:
    """The catalogue's shape with what the row states otherwise, such as fewer layers or a padded vocabulary."""
    shape: dict[str, float] = {name: float(value) for name, value in model.shape.items()}
    for name, value in columns.items():
        if name == "d_ff" and shape["experts"]:
            continue  # tables give the width of an expert or of a dense layer there
        if name == "d_model" and value != shape["d_model"]:
            shape["head_dim"] = value / columns.get("heads", shape["heads"])
        shape[name] = value
    if shape["experts"] and model.layers and shape["layers"] < model.layers:
        kept = round(shape["dense_layers"] * shape["layers"] / model.layers)
        shape["dense_layers"] = float(max(min(shape["dense_layers"], 1.0), kept))
    return shape


def _dense(columns: dict[str, float], params: float | None, assumed: dict[str, str]) -> dict[str, float]:
    """A shape from columns, experts in all layers or none; gated, tied: what counts nearest to the parameters."""
    d_model = columns["d_model"]
    heads = columns.get("heads") or max(1.0, round(d_model / 128))
    shape = {**OPTIONAL, **columns, "heads": heads, "kv_heads": columns.get("kv_heads", heads),
             "head_dim": d_model / heads}  # fmt: skip
    for name, value in (("heads", heads), ("kv_heads", heads), ("vocab", 50304.0)):
        if name not in columns:
            shape[name] = value
            assumed[name] = f"blank: {value:g}"
    if "d_ff" not in columns:
        shape["d_ff"] = 4.0 * d_model
        assumed["d_ff"] = "blank: 4 d_model"
    if params is None:
        shape["gated_mlp"] = 0.0 if shape["d_ff"] == 4 * d_model else 1.0
        return shape
    options = [{**shape, "gated_mlp": gated, "tied_embeddings": tied} for gated in (1.0, 0.0) for tied in (0.0, 1.0)]
    return min(options, key=lambda option: abs(count_params(**option).total - params))


# -- batch and data ------------------------------------------------------------------------------------------------


def _data(
    numbers: dict[str, float],
    layout: dict[str, float],
    model: Model | None,
    given: dict[str, float],
    assumed: dict[str, str],
) -> None:
    """Sequence length, batch and tokens, where the row has them."""
    seq = numbers.get("seq_len")
    batch, sequences = numbers.get("global_batch_tokens"), numbers.get("global_batch_seqs")
    if seq is None and batch and sequences:
        seq = batch / sequences
    if seq is None:
        known = model.seq_len if model is not None else None
        seq = float(known or 4096)
        assumed["seq_len"] = f"blank: {seq:g}{', as the catalogue has for the model' if known else ''}"
    given["seq_len"] = seq
    if batch is None and sequences:
        batch = sequences * seq
    if batch is None and "micro_batch" in layout and "dp" in layout and "grad_accum" in numbers:
        batch = layout["micro_batch"] * layout["dp"] * numbers["grad_accum"] * seq
    if batch is not None:
        given["batch_tokens"] = batch
    else:
        assumed["batch_tokens"] = "blank: the critical batch of the model's usual tokens"
    if "training_tokens" in numbers:
        given["tokens"] = numbers["training_tokens"]
