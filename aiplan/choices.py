"""Choices made into numbers: each accelerator, model, site, precision, law ... becomes quantities with an origin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiplan import calibration
from aiplan.graph import Given
from aiplan.quantities.memory import RECIPES
from aiplan.quantities.scaling import LAWS, Law

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.specs.accelerator import Accelerator
    from aiplan.specs.question import Question

# Above this many accelerators one failure that stops them all leaves no time to work, so runs recover in parts.
GLOBAL_RECOVERY_LIMIT = 100_000

# Achieved MFU where no measurement of the chip is in the catalogue: median, p10, p90.
PRIOR_MFU = {
    "recent": (0.40, 0.32, 0.45, "published bf16 runs on accelerators of the H100 and B200 class"),
    "fp8": (0.30, 0.25, 0.35, "published FP8 runs on H100 and B200, of the FP8 peak"),
    "fp4": (0.21, 0.17, 0.25, "NVFP4 runs 1.35-1.41 times as fast as FP8 on GB300 for twice the peak"),
    "other": (0.358, 0.227, 0.565, "Epoch AI, 62 published training runs, median and deciles"),
}

DEFAULTS = {
    "accelerator": ("gb200", "default where none is named"),
    "site": ("us", "default where none is named"),
    "law": ("besiroglu_2024", "default law: the corrected fit of Hoffmann's data"),
    "sparsity": ("none", "dense peaks"),
    "cost_method": ("owned", "default: hardware bought and amortized"),
}


@dataclass(slots=True)
class Expanded:
    """The choices of one question as graph inputs; `assumed` names those that the user left open, with the reason."""

    given: dict[str, Given] = field(default_factory=dict)
    rivals: set[str] = field(default_factory=set)
    chosen: dict[str, str] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)
    law: Law = LAWS["besiroglu_2024"]
    rumour: str | None = None
    made: dict[str, str] = field(default_factory=dict)
    calibration: calibration.Calibration = calibration.SHIPPED

    def take(self, choice: str, given: dict[str, Given]) -> None:
        """Add what a choice expands into."""
        self.given |= given
        self.made |= dict.fromkeys(given, choice)

    def used(self, names: Iterable[str], rivals: Iterable[str | None]) -> set[str]:
        """The choices that a plan with these quantities and these rival formulas rests on."""
        out = {self.made[name] for name in names if name in self.made}
        form = {self.law.form: "law", self.chosen["recovery"]: "recovery", self.chosen["cost_method"]: "cost_method"}
        out |= {form[rival] for rival in rivals if rival in form}
        return out | ({"precision", "sparsity"} if "peak_flops" in names else set())


def expand(question: Question, catalog: Catalog, defaults: dict[str, Any] | None = None) -> Expanded:
    """All choices in force for a question, expanded into quantities; what the user pinned wins over the catalogue.

    `defaults` are a settings file's own defaults, which win over ours.
    """
    from aiplan import catalog as catalogue

    out = Expanded()
    own = defaults or {}

    def pick(name: str) -> str:
        if name in question.choices:
            return question.choices[name]
        value, reason = DEFAULTS[name]
        if name in own:
            value, reason = str(own[name]), "default of aiplan.yaml"
        out.assumed[name] = reason
        return value

    chip = catalog.find("accelerator", pick("accelerator"))
    site = catalog.find("site", pick("site"))
    sparsity = out.chosen["sparsity"] = pick("sparsity")
    if sparsity == "none":
        out.assumed.pop("sparsity", None)
    precision, pinned = question.choices.get("precision"), "peak_flops" in question.given
    if precision is None:
        own_peak = catalogue.main_precision(chip) or next(iter(chip.unpublished), "bf16")
        precision = own_peak if pinned else catalogue.best_precision(chip)
        out.assumed["precision"] = f"the best-proven training precision that {chip.id} has"
    out.chosen |= {"accelerator": chip.id, "site": site.id, "precision": precision}
    out.take("accelerator", catalogue.expand_accelerator(chip, precision, sparsity, need_peak=not pinned))
    out.take("site", catalogue.expand_site(site))
    if chip.server_spec is not None and chip.server_spec.standalone:
        alone = {"pue": 1.0, "it_overhead": 1.0, "building_cost_per_watt": 0.0}
        why = f"{chip.server_spec.id}: it stands on a desk, without a data center"
        out.take("accelerator", {name: Given(value, "catalog", why) for name, value in alone.items()})
    if "reference_mfu" not in out.given:
        out.take("accelerator", {"reference_mfu": _prior_mfu(chip, precision)})

    if "model" in question.choices:
        model = catalog.find("model", question.choices["model"])
        out.chosen["model"] = model.id
        out.take("model", catalogue.expand_model(model))
        if model.rumour:
            out.rumour = model.id

    tdp, wide = out.given["accelerator_tdp"].value, out.given["peak_flops_bf16"].value
    experts = "experts" in out.given and (out.given["experts"].value or 0) > 0
    if "calibration" in question.choices:
        out.chosen["calibration"] = question.choices["calibration"]
        out.calibration = calibration.read(out.chosen["calibration"])
    fitted = calibration.coefficients(
        chip.id, chip.family, precision, tdp, wide, experts=experts, calibration=out.calibration
    )
    out.take("accelerator", fitted)

    recipe = question.choices.get("recipe")
    if recipe is None:
        recipe = "fp32_adam" if precision in ("fp32", "tf32", "fp64") else "mixed_adam"
        out.assumed["recipe"] = f"the usual optimizer recipe for {precision}"
    out.chosen["recipe"] = recipe
    spec = RECIPES[recipe]
    kept = ("bytes_per_weight", "bytes_per_gradient", "bytes_per_optimizer_state")
    out.take("recipe", {n: Given(getattr(spec, n), "catalog", f"{recipe}: {spec.source}") for n in kept})

    out.chosen["law"] = pick("law")
    out.law = LAWS[out.chosen["law"]]
    source = f"{out.law.name}: {out.law.source}"
    out.take("law", {n: Given(value, "catalog", source) for n, value in out.law.coefficients.items()})

    out.chosen["recovery"] = _recovery(question, out)
    out.chosen["cost_method"] = pick("cost_method")
    out.rivals = {out.law.form, out.chosen["recovery"], out.chosen["cost_method"]}
    out.given |= _own_defaults(own)
    out.given |= {name: Given(value) for name, value in question.given.items()}
    return out


def _own_defaults(own: dict[str, Any]) -> dict[str, Given]:
    """Quantities that a settings file fixes where nobody else does."""
    from aiplan.specs.layout import read_layout
    from aiplan.specs.question import CHOICES, LIMITS, read_value

    if "layout" in own:
        own = {name: value for name, value in own.items() if name != "layout"} | read_layout(own["layout"])
    names = [name for name in own if name not in CHOICES and name not in LIMITS]
    return {n: Given(read_value(n, own[n], where="aiplan.yaml"), "default", "default of aiplan.yaml") for n in names}


def _recovery(question: Question, out: Expanded) -> str:
    if "recovery" in question.choices:
        return question.choices["recovery"]
    if question.given.get("accelerators", GLOBAL_RECOVERY_LIMIT) < GLOBAL_RECOVERY_LIMIT:
        out.assumed["recovery"] = f"one failure restarts the whole job, as usual below {GLOBAL_RECOVERY_LIMIT:,}"
        return "global"
    out.assumed["recovery"] = (
        "only the replica of a failed accelerator stops, as any large fleet must; default where the number is open"
    )
    return "elastic"


def _prior_mfu(chip: Accelerator, precision: str) -> Given:
    recent = chip.vendor == "nvidia" and chip.family in ("hopper", "blackwell") and precision in ("bf16", "fp16")
    value, low, high, source = PRIOR_MFU["recent" if recent else precision if precision in PRIOR_MFU else "other"]
    return Given(value, "default", f"no measured MFU of {chip.id} at {precision}: {source}", spread=(low, high))
