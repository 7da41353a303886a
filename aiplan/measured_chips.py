"""The chip and the number format of a measured row: as stated, or as its kind of source is known to mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from aiplan.errors import UserError

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.specs.accelerator import Accelerator


class Refused(Exception):
    """A row that cannot be predicted; its text says why."""


def chip_of(inputs: Mapping[str, str], catalog: Catalog) -> Accelerator:
    """The accelerator of a row, by id or alias."""
    name = inputs.get("hardware", "")
    if not name:
        raise Refused("hardware is blank")
    known = _chip_id(catalog, name)
    if known is None:
        mixed = re.search(r"/|\bthen\b|\band\b|\bmix\b|\+", name)
        reason = "is more than one kind of accelerator" if mixed else "is not in the catalogue"
        raise Refused(f"hardware {name[:60]!r} {reason}")
    return catalog.find("accelerator", known)


@cache
def _chip_id(catalog: Catalog, name: str) -> str | None:
    try:
        return catalog.id_of("accelerator", name)
    except UserError:
        return None


def precision_of(inputs: Mapping[str, str], chip: Accelerator) -> tuple[str, str]:
    """The number format of the matrix work, and where it had to be assumed the reason."""
    from aiplan.catalog import best_precision

    text = inputs.get("precision", "")
    has = {str(p) for p in chip.peak}
    if not text:
        if "mlperf" in inputs.get("date", "").lower():
            return _of_mlperf(inputs, chip, has)
        try:
            return best_precision(chip), "blank: the best-proven training precision of the chip"
        except UserError as error:
            raise Refused(str(error)) from None
    precision = normal_precision(text)
    if precision is None:
        raise Refused(f"precision {text!r} is not one that we know")
    if precision in has:
        return precision, ""
    other = {"fp16": "bf16", "bf16": "fp16", "tf32": "fp32", "fp32": "tf32"}.get(precision)
    if other in has:
        return str(other), f"the chip has no {precision} peak, so {other}"
    raise Refused(f"{chip.id} has no peak at {precision}; it has {', '.join(sorted(has)) or 'none'}")


def _of_mlperf(inputs: Mapping[str, str], chip: Accelerator, has: set[str]) -> tuple[str, str]:
    """MLPerf logs do not name the precision; what its submitters said they used (from memory) stands in."""
    software = inputs.get("framework", "").lower()
    if (
        "v5.1" in inputs["date"]
        and "fp4" in has
        and chip.vendor == "nvidia"
        and "nemo" in software
        and "25.09" in software
    ):
        return "fp4", "blank in MLPerf logs: NVIDIA said it used NVFP4 in v5.1, with NeMo 25.09 (from memory)"
    if "int8" in has and chip.vendor == "google":
        return "int8", "blank in MLPerf logs: Google's submissions use int8 (from memory)"
    if "fp8" in has:
        return "fp8", "blank in MLPerf logs: submissions use fp8 where the chip has it (from memory)"
    return "bf16", "blank in MLPerf logs: bf16"


def normal_precision(text: str) -> str | None:
    """The format that a spelling stands for.

    >>> [normal_precision(t) for t in ("FP8-CS", "MXFP8", "NVFP4", "BF16", "bf16/fp16", "int8 (a script)", "x")]
    ['fp8', 'fp8', 'fp4', 'bf16', 'bf16', 'int8', None]
    """
    low = text.lower()
    spelled = {
        "fp4": "fp4", "float4": "fp4", "fp6": "fp6", "fp8": "fp8", "float8": "fp8", "e4m3": "fp8", "int8": "int8",
        "bf16": "bf16", "bfloat16": "bf16", "fp16": "fp16", "float16": "fp16", "half": "fp16", "mixed": "fp16",
        "amp": "fp16", "tf32": "tf32", "fp32": "fp32", "float32": "fp32", "fp64": "fp64",
    }  # fmt: skip
    found = [(low.find(key), precision) for key, precision in spelled.items() if key in low]
    return min(found)[1] if found else None
