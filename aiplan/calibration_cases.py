"""Measurements read into cases: for each row the quantities that fix its step time, and the time that was measured.

A case is what the step-time formulas need: the shape, the layout, the chip, and the traits of the software stack that
ran it. Outcome columns (step time, tokens per second, MFU) are read only into `measured`, never into the inputs.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiplan.errors import UserError
from aiplan.quantities.architecture import OPTIONAL, REQUIRED, count_params
from aiplan.quantities.flops import megatron_flops_per_step

if TYPE_CHECKING:
    from aiplan.catalog import Catalog

NEWEST_RELEASE = 2026 + 8 / 12

# Precision of the matrix work by the spellings of the tables.
PRECISIONS = {"bf16": "bf16", "fp16": "bf16", "bf16/fp16": "bf16", "bf16+sr": "bf16", "bf16+fp32 optimizer": "bf16",
              "fp8": "fp8", "mxfp8": "fp8", "fp8-cs": "fp8", "fp8-mx": "fp8", "nvfp4": "fp4", "fp4": "fp4"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stack:
    """Traits of the software that ran a measurement."""

    name: str
    unfused_attention: float = 0.0
    sequence_parallel: float = 1.0
    gradient_bytes: float = 4.0
    recompute: float = 0.0  # where the row does not say
    zero_stage: float = 0.0  # where the row does not say


CURRENT = Stack("current", zero_stage=1.0)
# Matched in order against the framework column.
STACKS: tuple[tuple[str, Stack], ...] = (
    ("llm-foundry", Stack("composer", zero_stage=3.0)),
    ("megatron-deepspeed", Stack("deepspeed", 1.0, 0.0, 2.0, 2.0, 1.0)),
    ("simumax", Stack("simumax", zero_stage=1.0)),
    ("maxtext", Stack("compiled", recompute=2.0, zero_stage=3.0)),
    ("neuron", Stack("compiled", zero_stage=1.0)),
    ("torchtitan", Stack("current", zero_stage=3.0)),
)
MEGATRON_2021 = Stack("megatron_2021", 1.0, 0.0, 2.0, 2.0, 0.0)


@dataclass(slots=True)
class Case:
    """One measurement: inputs of the step-time formulas, the measured step time [s], and its labels."""

    id: str
    inputs: dict[str, float]
    measured: float | None
    family: str
    precision: str
    stack: str
    model: str
    chip: str
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def group(self) -> tuple[str, str]:
        """Rows of one model on one chip are not independent."""
        return self.model, self.chip

    @property
    def has_experts(self) -> bool:
        """Whether the model has experts."""
        return self.inputs["experts"] > 0


class Refused(Exception):
    """A row that cannot be made a case; its text says why."""


def read_cases(path: Path, catalog: Catalog) -> tuple[list[Case], dict[str, str]]:
    """Cases of a table with the columns of measurements/training-throughput.csv, and why others were refused."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"hardware", "n_chips"} <= rows[0].keys():
        raise UserError(f"{path} is not a table of training throughput: it has no columns hardware and n_chips")
    cases: list[Case] = []
    refused: dict[str, str] = {}
    for number, row in enumerate(rows):
        name = row.get("id") or f"row {number + 1}"
        try:
            cases.append(case_of(row, name, catalog))
        except (Refused, UserError) as why:
            refused[name] = str(why)
    return cases, refused


def _number(row: dict[str, str], *names: str) -> float | None:
    for name in names:
        text = (row.get(name) or "").strip()
        if text:
            try:
                return float(text)
            except ValueError:
                return None
    return None


def _need(row: dict[str, str], *names: str) -> float:
    value = _number(row, *names)
    if value is None:
        raise Refused(f"it has no {' or '.join(names)}")
    return value


def stack_of(row: dict[str, str]) -> Stack:
    """The software stack of a row, by its framework and, for Megatron-LM, its date and precision."""
    framework = (row.get("framework") or "").lower()
    for text, stack in STACKS:
        if text in framework:
            return stack
    if framework == "megatron-lm" and (row.get("precision") or "").lower() == "fp16":
        return MEGATRON_2021
    return CURRENT


def shape_of(row: dict[str, str], catalog: Catalog) -> dict[str, float]:
    """The shape of a row: the catalogue's where it knows the model, else the row's columns."""
    name = re.sub(r"\s*\(.*\)|-truncated.*", "", row.get("model") or "")
    layers = _number(row, "n_layers")
    active, total = _number(row, "params_active"), _number(row, "params_total")
    known = layers is not None and _number(row, "d_model") is not None and active == total and "deepseek" not in name
    shape = None if known else _published(name, catalog)
    if shape is not None:
        if layers:
            shape["dense_layers"] = min(shape["dense_layers"], max(1.0, layers - 1)) if shape["dense_layers"] else 0.0
            shape["layers"] = layers
        return shape
    if layers is None:
        raise Refused("it has no n_layers and the catalogue does not know its model")
    if active and total and active < total * 0.99:
        raise Refused("its model has experts and is not in the catalogue")
    width = _need(row, "d_model")
    heads = _number(row, "n_heads") or width / 128
    base = dict.fromkeys(OPTIONAL, 0.0) | {n: float(v) for n, v in OPTIONAL.items()}
    base |= {"layers": layers, "d_model": width, "d_ff": _number(row, "d_ff") or 4 * width, "heads": heads,
             "kv_heads": _number(row, "n_kv_heads") or heads, "head_dim": width / heads,
             "vocab": _number(row, "vocab") or 51200.0}  # fmt: skip
    if total:  # gated or plain, tied or not: whichever counts nearest to the stated parameters
        options = [base | {"gated_mlp": g, "tied_embeddings": t} for g in (1.0, 0.0) for t in (0.0, 1.0)]
        return min(options, key=lambda s: abs(math.log(count_params(**s).total / total)))
    return base


def _published(name: str, catalog: Catalog) -> dict[str, float] | None:
    """The shape of a published model, or None."""
    from aiplan.catalog import expand_model

    try:
        given = expand_model(catalog.find("model", name))
    except UserError:
        return None
    if "layers" not in given:
        return None
    shape = {n: float(v) for n, v in OPTIONAL.items()}
    for name in (*REQUIRED, *OPTIONAL):
        value = given[name].value if name in given else None
        if value is not None:
            shape[name] = float(value)
    return shape


def case_of(row: dict[str, str], name: str, catalog: Catalog) -> Case:
    """The case of one row. Raises Refused where it lacks a chip, a count, a shape, a batch or a layout."""
    from aiplan.catalog import expand_accelerator

    task = row.get("task") or "pretrain"
    if not task.startswith("pretrain") or "phase" in task:
        raise Refused(f"{task} is not pre-training of a decoder")
    chip = catalog.find("accelerator", row["hardware"])
    precision = PRECISIONS.get((row.get("precision") or "bf16").lower())
    if precision is None:
        raise Refused(f"the precision {row['precision']} is not modelled")
    stack = stack_of(row)
    hardware = expand_accelerator(chip, precision, "none")
    shape = shape_of(row, catalog)
    count = _need(row, "n_chips")
    # SimuMax's tables leave out 4,096, as their context-parallel cases imply; MaxText's recipes 8,192.
    seq = _number(row, "seq_len") or {"simumax": 4096.0, "compiled": 8192.0}.get(stack.name)
    if seq is None:
        raise Refused("it has no seq_len")
    sequences = _number(row, "global_batch_seqs")
    if sequences is None:
        sequences = _need(row, "global_batch_tokens") / seq
    layout = _layout(row, stack, count, sequences)
    inputs = shape | layout | _traits(row, stack)
    for key in ("peak_flops", "peak_flops_bf16", "accelerator_memory_bandwidth", "scale_up_bandwidth",
                "scale_out_bandwidth", "scale_up_domain", "accelerator_tdp"):  # fmt: skip
        given = hardware.get(key)
        value = given.value if given is not None else None
        inputs[key] = math.nan if value is None else float(value)
    if "bloom" in (row.get("model") or "").lower():
        inputs["scale_out_bandwidth"] = 6.25e9  # Jean Zay: four 100 Gb/s links for eight GPUs, from memory
    inputs |= {"accelerators": count, "seq_len": seq, "batch_tokens": sequences * seq, "bytes_per_weight": 2.0,
               "bytes_per_gradient": stack.gradient_bytes, "params": count_params(**shape).total}  # fmt: skip
    model = re.sub(r"\s*\(.*\)", "", row.get("model") or "")
    labels = {k: row.get(k) or "" for k in ("framework", "date", "confidence", "from_memory", "source")}
    measured = _measured(row, sequences, seq, count, shape, inputs["peak_flops"])
    return Case(name, inputs, measured, chip.family or chip.vendor, precision, stack.name, model, chip.id, labels)


def _layout(row: dict[str, str], stack: Stack, count: float, sequences: float) -> dict[str, float]:
    tp, pp, cp = (_number(row, n) or 1.0 for n in ("tp", "pp", "cp"))
    if not row.get("tp") and stack.name != "compiled":
        raise Refused("it has no layout")
    dp = _number(row, "dp")
    if dp and abs(tp * pp * cp * dp - 2 * count) < 0.5:  # ranks are the two cores of a chip
        tp = max(tp / 2, 1.0)
    dp = count / (tp * pp * cp)
    if dp < 1:
        raise Refused(f"tp {tp:g}, pp {pp:g} and cp {cp:g} need more than {count:g} accelerators")
    micro = _number(row, "micro_batch_seqs")
    if micro is None:
        micro = max(1.0, sequences / dp) if stack.name == "compiled" else 1.0
    elif sequences / (dp * micro) < 1:
        micro = max(sequences / dp, 1e-3)
    sharding = (row.get("fsdp_or_zero") or "").lower()
    zero = stack.zero_stage
    for text, stage in (("zero1", 1.0), ("zero2", 2.0), ("zero3", 3.0), ("fsdp", 3.0), ("zero0", 0.0)):
        if text in sharding:
            zero = stage
            break
    # torchtitan's selective recomputation is of every second product: half of full recomputation.
    selective = 1.5 if "torchtitan" in (row.get("framework") or "").lower() else 1.0
    recompute = {"full": 2.0, "none": 0.0, "": stack.recompute}.get((row.get("recompute") or "").lower(), selective)
    return {"tp": tp, "pp": pp, "cp": cp, "ep": _number(row, "ep") or 1.0, "dp": dp, "zero_stage": zero,
            "virtual_stages": max(_number(row, "vp") or 1.0, 1.0) if pp > 1 else 1.0, "micro_batch": micro,
            "recompute": recompute}  # fmt: skip


def _traits(row: dict[str, str], stack: Stack) -> dict[str, float]:
    release = re.match(r"(\d\d)\.(\d\d)", row.get("date") or "")
    age = NEWEST_RELEASE - (2000 + int(release[1]) + int(release[2]) / 12) if release else 0.0
    sinks = "oss" in (row.get("model") or "").lower() and release is not None and age > 2.5 / 12
    return {
        "unfused_attention": stack.unfused_attention,
        "sequence_parallel": stack.sequence_parallel,
        "attention_sinks": 1.0 if sinks else 0.0,
        "software_age_years": max(age, 0.0),
    }


def _measured(
    row: dict[str, str], sequences: float, seq: float, count: float, shape: dict[str, float], peak: float
) -> float | None:
    """Measured time of a step [s], from whichever outcome the row has."""
    time = _number(row, "step_time_s")
    if time:
        return time
    rate = _number(row, "tokens_per_s_per_chip")
    if rate:
        return sequences * seq / (rate * count)
    hfu = _number(row, "hfu_pct")
    if hfu and "Megatron-LM" in (row.get("framework") or ""):
        work = megatron_flops_per_step(sequences, seq, shape["layers"], shape["d_model"], shape["vocab"])
        return work / (count * peak * hfu / 100)
    return None
