"""Measured rows as cases of the fit: what fixes a row's step time, read as `aiplan validate` reads it.

A case holds the inputs of the step-time formulas and the time that was measured. The layout is the row's own; where a
row leaves a member of it open, the member is what the search finds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiplan.measured_chips import Refused
from aiplan.measured_stacks import fitted_stack, stack_of
from aiplan.quantities.architecture import OPTIONAL, REQUIRED
from aiplan.quantities.communication_time import scale_out_rate, scale_up_rate
from aiplan.quantities.compute_time import memory_rate
from aiplan.quantities.layout import GIVES
from aiplan.validate import Answer, Predictor, measured

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.measurements import Row

HARDWARE = (
    "peak_flops peak_flops_bf16 accelerator_memory_bandwidth scale_up_bandwidth scale_out_bandwidth scale_up_domain "
    "achievable_share power_headroom"
).split()
WORK = "accelerators seq_len batch_tokens bytes_per_weight bytes_per_gradient params".split()
TRAITS = "unfused_attention sequence_parallel attention_sinks software_age_years block_scaled".split()
INPUTS = (*REQUIRED, *OPTIONAL, *GIVES, *HARDWARE, *WORK, *TRAITS)


@dataclass(slots=True)
class Case:
    """One measurement: inputs of the step-time formulas, the measured step time [s], and its labels."""

    id: str
    inputs: dict[str, float]
    measured: float
    family: str
    precision: str
    stack: str
    model: str
    chip: str
    table: str = ""

    @property
    def group(self) -> tuple[str, str]:
        """Rows of one model on one chip are not independent."""
        return self.model, self.chip

    @property
    def has_experts(self) -> bool:
        """Whether the model has experts."""
        return self.inputs["experts"] > 0


def cases_of(rows: Iterable[Row], catalog: Catalog) -> tuple[list[Case], dict[str, str]]:
    """Cases of rows of training throughput, and why the others cannot be used."""
    predictor = Predictor("training-throughput", catalog)
    cases: list[Case] = []
    refused: dict[str, str] = {}
    for row in rows:
        try:
            cases.append(_case(row, predictor))
        except Refused as why:
            refused[row.id] = str(why)
    return cases, refused


def _case(row: Row, predictor: Predictor) -> Case:
    """The case of one row. Raises Refused where it is no working step of pre-training on a layout that is known."""
    task = row.inputs.get("task") or "pretrain"
    if not task.startswith("pretrain") or "phase" in task:
        raise Refused(f"{task} is not pre-training of a decoder")
    if row.mark.startswith("the time includes evaluation"):
        raise Refused(row.mark)
    answer = predictor.answer(row)
    case, values = answer.case, answer.values
    if case.invented:
        raise Refused("its shape is not known")
    if "layout" in case.assumed and not stack_of(row.inputs).layout:
        raise Refused("its layout is not known")
    found = measured("training-throughput", answer)
    if found is None or (found[1] and not _megatron(row)):
        raise Refused("its step was not timed")
    known = {**dict.fromkeys(OPTIONAL, 0.0), **values}
    unknown = {  # an unknown rate is what its formula makes of it
        "accelerator_memory_bandwidth": memory_rate(None, 1.0, known["peak_flops_bf16"]),
        "scale_up_bandwidth": scale_up_rate(None, 1.0),
        "scale_out_bandwidth": scale_out_rate(None, 1.0),
    }
    known |= {name: rate for name, rate in unknown.items() if known.get(name) is None}
    missing = [name for name in INPUTS if known.get(name) is None]
    if missing:
        raise Refused(f"{missing[0]} is not known")
    time = found[0] * values["batch_tokens"] / case.accelerators
    inputs = {name: float(known[name]) for name in INPUTS}
    family = predictor.catalog.find("accelerator", case.chip).family or ""
    precision = "bf16" if case.precision == "fp16" else case.precision
    stack = fitted_stack(row.inputs)
    if stack == "current" and stack_of(row.inputs).name == "compiled":
        stack = "compiled"
    return Case(row.id, inputs, time, family, precision, stack, _model(row, answer), case.chip, row.table)


def _megatron(row: Row) -> bool:
    """Whether the row's rate of FLOPs can be turned into a time: Megatron-LM states its formula."""
    return "hfu_pct" in row.outcomes and "Megatron-LM" in row.inputs.get("framework", "")


def _model(row: Row, answer: Answer) -> str:
    return row.inputs.get("model", "").partition(" (")[0] or answer.case.model
