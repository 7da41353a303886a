"""Fitted coefficients of the step time: which hold for a chip, a precision and current software.

The values are in calibrated_values.py, which `aiplan calibrate --ship` writes from the record calibration/shipped.yaml.
"""

from __future__ import annotations

from aiplan.achievable import SOURCE as ACHIEVABLE
from aiplan.achievable import chip_traits
from aiplan.calibrated_values import DATE, FITTED, RESIDUALS
from aiplan.graph import Given, default

SOURCE = f"calibration {DATE}"
# Chips that share a family's coefficients, and hosts with the same processor as the accelerator's module.
FAMILIES = {"blackwell-ultra": "blackwell"}
GRACE = ("gb200-186gb", "gb300-288gb", "gh200-96gb")
CURRENT_SOFTWARE = {"unfused_attention": 0.0, "attention_sinks": 0.0, "sequence_parallel": 1.0}
UNKNOWN_FAMILY = 0.9  # sustained share: as Hopper's and Blackwell's


def calibrated(name: str, sentence: str, *, unit: str = "") -> None:
    """Declare a coefficient that is fitted to measurements, with its fitted value as the default."""
    value = FITTED.get(name, UNKNOWN_FAMILY if name == "sustained_share" else 1.0)
    default(name, unit, value, sentence, source=SOURCE)


def coefficients(
    chip: str, family: str | None, precision: str, tdp: float | None, peak_bf16: float | None, *, experts: bool
) -> dict[str, Given]:
    """All coefficients that hold for a chip at a precision with current software, each with its source.

    `tdp` is the rated power [W], `peak_bf16` the dense 16-bit peak [FLOP/s].
    """
    own = FAMILIES.get(family or "", family or "")
    out = {n: Given(v, "measured", SOURCE) for n, v in FITTED.items() if "." not in n}
    known = f"sustained_share.{own}" in FITTED
    share = FITTED.get(f"sustained_share.{own}", UNKNOWN_FAMILY)
    out["sustained_share"] = Given(share, "measured", SOURCE if known else f"{SOURCE}: no run of {chip} was measured")
    traits = chip_traits(chip, tdp or 0.0, peak_bf16 or 0.0)
    out |= {n: Given(v, "measured", ACHIEVABLE) for n, v in traits.items()}
    out["precision_efficiency"] = Given(precision_efficiency(family, precision), "measured", SOURCE)
    out["host_speed"] = Given(FITTED["host_speed.grace"] if chip in GRACE else 1.0, "measured", SOURCE)
    out |= {n: Given(v, "measured", "current Megatron-Core") for n, v in CURRENT_SOFTWARE.items()}
    low, high = RESIDUALS["unseen" if not known else "experts" if experts else "dense"]
    out["prediction_factor"] = Given(1.0, "measured", f"{SOURCE}: residuals of held-out rows", spread=(low, high))
    return out


def stack_coefficients(stack: str, family: str | None) -> dict[str, float]:
    """Coefficients that were fitted for an older or another software stack, where they differ from the current ones.

    `stack` is composer (llm-foundry), deepspeed (Megatron-DeepSpeed of 2022), simumax or megatron_2021.

    >>> sorted(stack_coefficients("simumax", "blackwell"))
    ['software_factor']
    """
    suffixes = [stack, f"{stack}_{family}"] + (["old"] if stack in ("deepspeed", "megatron_2021") else [])
    pairs = (name.split(".") for name in FITTED if "." in name)
    return {quantity: FITTED[f"{quantity}.{suffix}"] for quantity, suffix in pairs if suffix in suffixes}


def precision_efficiency(family: str | None, precision: str) -> float:
    """Share of the gain in peak of a precision over 16 bits that is achieved.

    >>> precision_efficiency("hopper", "bf16")
    1.0
    """
    if precision in ("fp8", "int8", "fp6"):
        return FITTED["precision_efficiency.fp8"]
    if precision == "fp4":
        return FITTED["precision_efficiency.fp4_ultra" if family == "blackwell-ultra" else "precision_efficiency.fp4"]
    return 1.0
