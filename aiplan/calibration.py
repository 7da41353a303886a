"""Fitted coefficients of the step time: which hold for a chip, a precision and current software.

The shipped values are in calibrated_values.py, which `aiplan calibrate --ship` writes from the record
calibration/shipped.yaml; a file of your own is made by `aiplan calibrate --data FILE --out FILE` and named as the
choice `calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiplan import calibrated_values as shipped
from aiplan.achievable import SOURCE as ACHIEVABLE
from aiplan.achievable import chip_traits
from aiplan.graph import Given, default

# Chips that share a family's coefficients, and hosts with the same processor as the accelerator's module.
FAMILIES = {"blackwell-ultra": "blackwell"}
GRACE = ("gb200-186gb", "gb300-288gb", "gh200-96gb")
CURRENT_SOFTWARE = {"unfused_attention": 0.0, "attention_sinks": 0.0, "sequence_parallel": 1.0}
UNKNOWN_FAMILY = 0.9  # sustained share: as Hopper's and Blackwell's
NEWEST_RELEASE = 2026 + 8 / 12  # of the measured containers, in years
TODAYS_SOFTWARE = 2024  # from this year on runs use fused attention and the kernels of today
BEFORE, SINCE = "before_2024", "since_2024"
OWN = "software_factor.own"  # the constant of a user's cluster


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted coefficients by name, the (p10, p90) of measured over predicted time, and the efficiency of campaigns."""

    source: str
    fitted: Mapping[str, float]
    residuals: Mapping[str, tuple[float, float]]
    campaigns: Mapping[str, tuple[float, float, float]]


SHIPPED = Calibration(f"calibration {shipped.DATE}", shipped.FITTED, shipped.RESIDUALS, shipped.CAMPAIGNS)
SOURCE = SHIPPED.source


def calibrated(name: str, sentence: str, *, unit: str = "") -> None:
    """Declare a coefficient that is fitted to measurements, with its fitted value as the default."""
    value = SHIPPED.fitted.get(name, UNKNOWN_FAMILY if name == "sustained_share" else 1.0)
    default(name, unit, value, sentence, source=SOURCE)


def read(path: str) -> Calibration:
    """A calibration from a file that `aiplan calibrate --out` wrote; what it does not hold is the shipped one's.

    Raises UserError where the file is none.
    """
    from aiplan import yamlio
    from aiplan.errors import UserError, nearest

    made: Any = yamlio.load(Path(path))
    if not isinstance(made, dict) or made.get("calibration") != 1 or not isinstance(made.get("coefficients"), dict):
        raise UserError(f"{path} is not a calibration: it needs `calibration: 1` and `coefficients`")
    known = {*SHIPPED.fitted, OWN}
    fitted = dict(SHIPPED.fitted)
    for name, row in made["coefficients"].items():
        if name not in known:
            raise UserError(f"{path}: there is no coefficient {str(name)!r}{nearest(str(name), sorted(known), most=1)}")
        fitted[name] = _positive(path, name, row.get("value") if isinstance(row, dict) else row)
    residuals = dict(SHIPPED.residuals)
    held_out = made.get("held_out")
    for name, band in ((held_out or {}).get("residuals") or {}).items() if isinstance(held_out, dict) else ():
        if not isinstance(band, list) or len(band) != 2:
            raise UserError(f"{path}: residuals {str(name)!r} is not a pair of p10 and p90")
        low, high = (_positive(path, name, value) for value in band)
        residuals[str(name)] = (low, high)
    campaigns = dict(SHIPPED.campaigns)
    for name, row in (made.get("campaigns") or {}).items():
        if name not in campaigns or not isinstance(row, dict):
            raise UserError(f"{path}: campaigns has {', '.join(campaigns)}, each with value, p10 and p90")
        value = row.get("value")
        value, low, high = (_positive(path, name, row.get(key, value)) for key in ("value", "p10", "p90"))
        campaigns[name] = (value, low, high)
    return Calibration(f"calibration {path} of {made.get('date')}", fitted, residuals, campaigns)


def _positive(path: str, name: object, value: object) -> float:
    from aiplan.errors import UserError

    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UserError(f"{path}: {name} is {value!r}, but must be a number above 0")
    return float(value)


def coefficients(
    chip: str,
    family: str | None,
    precision: str,
    tdp: float | None,
    peak_bf16: float | None,
    *,
    experts: bool,
    calibration: Calibration = SHIPPED,
) -> dict[str, Given]:
    """All coefficients that hold for a chip at a precision with current software, each with its source.

    `tdp` is the rated power [W], `peak_bf16` the dense 16-bit peak [FLOP/s].
    """
    fitted, source = calibration.fitted, calibration.source
    own = FAMILIES.get(family or "", family or "")
    out = {n: Given(v, "measured", source) for n, v in fitted.items() if "." not in n}
    known = f"sustained_share.{own}" in fitted
    share = fitted.get(f"sustained_share.{own}", UNKNOWN_FAMILY)
    out["sustained_share"] = Given(share, "measured", source if known else f"{source}: no run of {chip} was measured")
    traits = chip_traits(chip, tdp or 0.0, peak_bf16 or 0.0)
    out |= {n: Given(v, "measured", ACHIEVABLE) for n, v in traits.items()}
    out["precision_efficiency"] = Given(precision_efficiency(family, precision, fitted), "measured", source)
    out["host_speed"] = Given(fitted["host_speed.grace"] if chip in GRACE else 1.0, "measured", source)
    out |= {n: Given(v, "measured", "current Megatron-Core") for n, v in CURRENT_SOFTWARE.items()}
    if own == "blackwell" and precision in ("fp8", "fp4"):
        out["block_scaled"] = Given(1.0, "measured", "current Megatron-Core trains it with MXFP8 or NVFP4")
    if OWN in fitted:
        out["software_factor"] = Given(fitted[OWN], "measured", source)
    low, high = calibration.residuals["unseen" if not known else "experts" if experts else "dense"]
    out["prediction_factor"] = Given(1.0, "measured", f"{source}: residuals of held-out rows", spread=(low, high))
    return out


def era_of(date: str) -> str:
    """The era of a run's software by its date; today's where it has none.

    >>> era_of("2023-11"), era_of("2024-04"), era_of("")
    ('before_2024', 'since_2024', 'since_2024')
    """
    year = date.strip()[:4]
    return BEFORE if year.isdigit() and int(year) < TODAYS_SOFTWARE else SINCE


def campaign(era: str = SINCE, *, layout_given: bool = False, calibration: Calibration = SHIPPED) -> Given:
    """Efficiency of a whole run whose steps are predicted, on a layout that is given or that the search found.

    >>> campaign(layout_given=True).value > campaign().value > campaign(BEFORE).value
    True
    """
    value, low, high = calibration.campaigns[era]
    if layout_given:
        scale = calibration.campaigns["known_layout"]
        low, high = value * scale[1], value * scale[2]
        value *= scale[0]
    says = f"{calibration.source}: published runs {era.replace('_', ' ')} beside our steps"
    return Given(value, "measured", says + (" on their layout" if layout_given else ""), spread=(low, high))


# Hours beside a quoted MFU: Llama 3.1 405B, Nemotron-4 15B and 340B and SmolLM3 0.97 to 1, GLM-130B 0.79, OPT 0.6.
QUOTED = Given(1.0, "measured", "speed given; hours of six runs beside their quoted MFU", spread=(0.75, 1.02))


def campaign_of(given: Mapping[str, Given], calibration: Calibration = SHIPPED) -> Given:
    """What published runs delivered of the speed of their steps: of one that we predict, or of one that is given.

    >>> campaign_of({"mfu": Given(0.4)}).value
    1.0
    """
    if given.keys() & {"mfu", "hfu", "mfu_bf16", "step_time"}:
        return QUOTED
    age = given["software_age_years"].value if "software_age_years" in given else None
    era = BEFORE if age and age > NEWEST_RELEASE - TODAYS_SOFTWARE else SINCE
    return campaign(era, layout_given=given.keys() >= {"tp", "pp"}, calibration=calibration)


def stack_coefficients(stack: str, family: str | None) -> dict[str, float]:
    """Coefficients that were fitted for an older or another software stack, where they differ from the current ones.

    `stack` is composer (llm-foundry), deepspeed (Megatron-DeepSpeed of 2022), simumax or megatron_2021.

    >>> sorted(stack_coefficients("simumax", "blackwell"))
    ['software_factor']
    """
    suffixes = [stack, f"{stack}_{family}"] + (["old"] if stack in ("deepspeed", "megatron_2021") else [])
    pairs = (name.split(".") for name in SHIPPED.fitted if "." in name)
    return {quantity: SHIPPED.fitted[f"{quantity}.{suffix}"] for quantity, suffix in pairs if suffix in suffixes}


def precision_efficiency(family: str | None, precision: str, fitted: Mapping[str, float] = SHIPPED.fitted) -> float:
    """Share of the gain in peak of a precision over 16 bits that is achieved.

    >>> precision_efficiency("hopper", "bf16")
    1.0
    """
    if precision in ("fp8", "int8", "fp6"):
        return fitted["precision_efficiency.fp8"]
    if precision == "fp4":
        return fitted["precision_efficiency.fp4_ultra" if family == "blackwell-ultra" else "precision_efficiency.fp4"]
    return 1.0
