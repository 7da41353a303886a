"""Coefficients of the step time fitted to measurements, and the error on measurements that were held out.

The model is the graph itself, evaluated on arrays of cases. The fit is regularised least squares of log time: each
coefficient has a prior (a centre and a spread, in log space), residuals count by a robust loss, and groups of rows of
one model on one chip count by the root of their size, since such rows are not independent.
"""

from __future__ import annotations

import datetime
import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import aiplan.quantities  # noqa: F401  (fills the graph)
from aiplan import campaigns
from aiplan.calibration import OWN, SHIPPED
from aiplan.calibration_cases import Case
from aiplan.graph import GRAPH, Order

RESIDUAL_SCALE = 0.08  # log; residuals beyond it count by their size, not their square
PRIOR_STRENGTH = 1.5


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One fitted number: the quantity that it sets, for which cases, and what we believed before the fit."""

    name: str
    quantity: str
    prior: float
    spread: float  # standard deviation of its logarithm
    family: str | None = None
    precision: str | None = None
    stack: tuple[str, ...] = ()
    host: str | None = None

    def applies(self, case: Case) -> bool:
        """Whether the coefficient holds for a case."""
        if self.family is not None and case.family not in self.family.split():
            return False
        if self.precision is not None and f"{case.family}:{case.precision}" not in self.precision.split():
            return False
        if self.stack and case.stack not in self.stack:
            return False
        return self.host is None or (self.host == "grace") == case.chip.startswith("gb")


def _c(name: str, prior: float, spread: float, quantity: str | None = None, **where: Any) -> Coefficient:
    return Coefficient(name, quantity or name.partition(".")[0], prior, spread, **where)


OLD = ("deepspeed", "megatron_2021")
COEFFICIENTS: tuple[Coefficient, ...] = (
    _c("sustained_share.ampere", 1.0, 0.12, family="ampere"),
    _c("sustained_share.hopper", 0.9, 0.12, family="hopper"),
    _c("sustained_share.blackwell", 0.9, 0.12, family="blackwell blackwell-ultra"),
    _c("sustained_share.tpu", 0.9, 0.15, family="tpu"),
    _c("sustained_share.trainium", 0.65, 0.25, family="trainium"),
    _c("power_exponent", 0.8, 0.4),
    _c("precision_efficiency.fp8", 0.93, 0.1, precision="hopper:fp8 blackwell:fp8 blackwell-ultra:fp8 tpu:fp8"),
    _c("precision_efficiency.fp4", 0.75, 0.2, precision="blackwell:fp4"),
    _c("precision_efficiency.fp4_ultra", 0.5, 0.2, precision="blackwell-ultra:fp4"),
    _c("half_tokens", 200.0, 0.7),
    _c("half_width", 200.0, 0.7),
    _c("expert_efficiency", 0.75, 0.2),
    _c("attention_efficiency", 0.7, 0.3),
    _c("attention_efficiency.composer", 0.5, 0.3, stack=("composer",)),
    _c("attention_efficiency.composer_hopper", 0.3, 0.3, stack=("composer",), family="hopper"),
    _c("unfused_passes", 10.0, 0.5),
    _c("sink_passes", 9.0, 0.5),
    _c("activation_passes", 3.5, 0.4),
    _c("casting_passes", 3.0, 0.4),
    _c("permute_passes", 12.0, 0.6),
    _c("scale_up_efficiency", 0.75, 0.2),
    _c("scale_out_efficiency", 0.75, 0.25),
    _c("link_latency", 1.2e-5, 0.6),
    _c("exposed_tensor", 0.5, 0.4),
    _c("exposed_tensor.old", 1.0, 0.15, stack=OLD),
    _c("exposed_experts", 0.6, 0.5),
    _c("data_overlap", 0.7, 0.4),
    _c("host_layer_time", 4e-4, 0.5),
    _c("host_layer_time.old", 2.5e-3, 0.4, stack=OLD),
    _c("host_expert_time", 2e-3, 1.0),
    _c("host_product_time", 2e-4, 0.7),
    _c("host_speed.grace", 2.0, 0.5, host="grace"),
    _c("step_overhead", 0.02, 0.7),
    _c("software_factor.composer", 1.1, 0.12, stack=("composer",)),
    _c("software_factor.deepspeed", 1.1, 0.12, stack=("deepspeed",)),
    _c("software_factor.simumax", 1.2, 0.15, stack=("simumax",)),
)  # fmt: skip


class Model:
    """The step time of a set of cases as a function of the coefficients."""

    def __init__(self, cases: Sequence[Case], coefficients: Sequence[Coefficient] = COEFFICIENTS) -> None:
        self.cases, self.coefficients = list(cases), tuple(coefficients)
        names = list(self.cases[0].inputs)
        self.fixed: dict[str, Any] = {n: np.array([c.inputs[n] for c in self.cases]) for n in names}
        self.masks = [np.array([k.applies(c) for c in self.cases]) for k in self.coefficients]
        self.measured = np.log([c.measured for c in self.cases])
        self.prior = np.log([k.prior for k in self.coefficients])
        self.spread = np.array([k.spread for k in self.coefficients])
        given = {**self.fixed, **{k.quantity: 1.0 for k in self.coefficients}}
        self.order: Order = GRAPH.order(("step_time", "micro_batch_time"), given, {"shaped"})

    def values(self, theta: Any) -> dict[str, Any]:
        """All quantities of the cases at coefficients exp(theta)."""
        n = len(self.cases)
        out: dict[str, Any] = {}
        for k, mask, value in zip(self.coefficients, self.masks, np.exp(theta), strict=True):
            start = out.get(k.quantity)
            if start is None:
                start = np.full(n, GRAPH[k.quantity].default)
            out[k.quantity] = np.where(mask, value, start)
        return self.order.evaluate({**self.fixed, **out})[0]

    def log_time(self, theta: Any) -> Any:
        """Logarithm of the predicted step times [s]."""
        return np.log(self.values(theta)["step_time"])

    def subset(self, chosen: Any) -> Model:
        """The same model of some of the cases."""
        return Model([c for c, keep in zip(self.cases, chosen, strict=True) if keep], self.coefficients)


def weights(cases: Sequence[Case]) -> Any:
    """Weight of each case: groups of (model, chip) count by the root of their size."""
    sizes: dict[Any, int] = {}
    for case in cases:
        sizes[case.group] = sizes.get(case.group, 0) + 1
    return np.array([sizes[c.group] ** -0.5 for c in cases])


def fit(model: Model, *, strength: float = PRIOR_STRENGTH, start: Any = None, scale: float = RESIDUAL_SCALE) -> Any:
    """Coefficients (logarithms) that fit the cases best, given their priors."""
    least_squares = importlib.import_module("scipy.optimize").least_squares
    measured = model.measured
    weight = np.sqrt(weights(model.cases))

    def residuals(theta: Any) -> Any:
        data = (model.log_time(theta) - measured) / scale
        # soft l1, written as a residual so that the priors keep their square
        robust = np.sign(data) * np.sqrt(2.0 * (np.sqrt(1.0 + data**2) - 1.0))
        return np.concatenate([weight * robust, strength * (theta - model.prior) / model.spread])

    first = model.prior if start is None else start
    return least_squares(residuals, first, method="trf", x_scale=model.spread, max_nfev=40, xtol=1e-5, ftol=1e-6).x


def folds(cases: Sequence[Case], count: int, seed: int) -> Any:
    """Fold of each case; a group is never divided."""
    groups = sorted({c.group for c in cases})
    order = np.random.default_rng(seed).permutation(len(groups))
    place = {groups[g]: i % count for i, g in enumerate(order)}
    return np.array([place[c.group] for c in cases])


def held_out(model: Model, parts: Any, **how: Any) -> Any:
    """Log of predicted over measured of every case, from a fit that did not see the case's part."""
    out = np.full(len(model.cases), math.nan)
    measured = model.measured
    start = fit(model, **how)
    for part in np.unique(parts):
        if part < 0:
            continue
        test = parts == part
        theta = fit(model.subset(~test), start=(start + model.prior) / 2, **how)
        out[test] = model.subset(test).log_time(theta) - measured[test]
    return out


def score(residuals: Any) -> dict[str, float]:
    """Median, mean and 90th percentile of the relative error, and its bias."""
    relative = np.abs(np.exp(residuals) - 1.0)
    return {
        "rows": float(len(residuals)),
        "median": float(np.median(relative)),
        "mean": float(np.mean(relative)),
        "p90": float(np.quantile(relative, 0.9)),
        "bias": float(np.exp(np.median(residuals)) - 1.0),
    }


FAMILY_PARTS = (("ampere",), ("hopper",), ("blackwell", "blackwell-ultra"), ("tpu",))
FRAMEWORKS = ("current", "composer", "deepspeed", "simumax", "compiled", "megatron_2021")


def regimes(cases: Sequence[Case]) -> dict[str, Any]:
    """The sets of cases whose errors are told apart: name -> mask."""
    vtrain = np.array([c.table.startswith("vtrain") for c in cases])
    single = np.array([c.table.endswith("single") for c in cases])
    experts = np.array([c.has_experts for c in cases])
    table = np.array([c.id.startswith("thr-") and 1150 <= int(c.id[4:]) <= 1159 for c in cases])
    return {
        "dense": ~vtrain & ~experts,
        "experts": ~vtrain & experts,
        "vtrain_multi_node": vtrain & ~single,
        "vtrain_single_node": vtrain & single,
        "megatron_2021_table": table,
    }


def evaluate(cases: Sequence[Case], *, seeds: int = 5) -> dict[str, Any]:
    """Errors on held-out cases: grouped five-fold by regime, then a family or a framework left out whole.

    Every figure of the folds is the mean over `seeds` divisions into folds.
    """
    model = Model(cases)
    runs = [held_out(model, folds(cases, 5, seed)) for seed in range(seeds)]
    out: dict[str, Any] = {"grouped_5_fold": {}, "left_out_family": {}, "left_out_framework": {}}
    for name, mask in regimes(cases).items():
        if mask.any():
            each = [score(run[mask]) for run in runs]
            out["grouped_5_fold"][name] = {k: float(np.mean([e[k] for e in each])) for k in each[0]}
    unseen: list[Any] = []
    for label, parts in (("family", FAMILY_PARTS), ("framework", tuple((f,) for f in FRAMEWORKS))):
        for part in parts:
            of = np.array([(c.family if label == "family" else c.stack) in part for c in cases])
            if of.any() and not of.all():
                residuals = held_out(model, np.where(of, 0, -1))[of]
                out[f"left_out_{label}"]["+".join(part)] = score(residuals)
                if label == "family":
                    unseen.append(residuals)
    known = regimes(cases)
    out["residuals"] = {
        "dense": _band(np.concatenate([run[known["dense"]] for run in runs])),
        "experts": _band(np.concatenate([run[known["experts"]] for run in runs])) if known["experts"].any() else None,
        "unseen": _band(np.concatenate(unseen)) if unseen else None,
    }
    return out


def _band(residuals: Any) -> tuple[float, float]:
    """The 10th and 90th percentile of measured over predicted."""
    low, high = np.exp(-np.quantile(residuals, [0.9, 0.1]))
    return float(low), float(high)


# -- rows of one's own ---------------------------------------------------------------------------------------------

OWN_SPREAD = 0.3  # of a cluster's own constant, in logarithms
KNOWN_BETTER = 0.25  # spread of a coefficient once all shipped rows have spoken, over the one before
ENOUGH_FOR_A_BAND = 10  # rows from which the held-out errors are taken as the spread of predictions


def own_coefficients() -> tuple[Coefficient, ...]:
    """The coefficients as the shipped rows left them, and one for the cluster that the rows are from."""
    start = [replace(k, prior=SHIPPED.fitted[k.name], spread=KNOWN_BETTER * k.spread) for k in COEFFICIENTS]
    return (*start, Coefficient(OWN, "software_factor", 1.0, OWN_SPREAD))


def refine(cases: Sequence[Case]) -> tuple[Model, Any, dict[str, Any]]:
    """The shipped coefficients refined by a few rows of one cluster, and the error before and on held-out rows.

    A row is predicted from the others of other groups, or where there are fewer than three groups from all others.
    """
    model = Model(cases, own_coefficients())
    theta = fit(model)
    groups = {c.group for c in cases}
    parts = folds(cases, len(groups), 0) if len(groups) >= 3 else np.arange(len(cases))
    errors: dict[str, Any] = {"before": score(model.log_time(model.prior) - model.measured)}
    if len(cases) > 1:
        residuals = held_out(model, parts)
        errors["left_out"] = score(residuals)
        if len(cases) >= ENOUGH_FOR_A_BAND:
            band = _band(residuals)
            errors["residuals"] = {"experts": band} if all(c.has_experts for c in cases) else {"dense": band}
    return model, theta, errors


# -- the record ----------------------------------------------------------------------------------------------------


def record(model: Model, theta: Any, errors: dict[str, Any]) -> dict[str, Any]:
    """What a calibration file says: coefficients with priors, the rows, and the error on held-out rows."""
    fitted, cases = {}, model.cases
    for k, value in zip(model.coefficients, np.exp(theta), strict=True):
        z = (math.log(value) - math.log(k.prior)) / k.spread
        fitted[k.name] = {"value": float(f"{value:.4g}"), "prior": k.prior, "z": round(float(z), 1)}
    return {
        "calibration": 1,
        "date": today(),
        "rows": len(cases),
        "groups": len({c.group for c in cases}),
        "coefficients": fitted,
        "held_out": rounded(errors),
    }


def rounded(value: Any) -> Any:
    """A record's numbers with four digits."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items() if v is not None}
    if isinstance(value, tuple | list):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}")


def today() -> str:
    """The date of a record."""
    return datetime.date.today().isoformat()


def cost_band(made: dict[str, Any]) -> tuple[float, float]:
    """(p10, p90) of a step's predicted over measured time, of a record or else as shipped."""
    low, high = made.get("held_out", {}).get("residuals", {}).get("dense") or SHIPPED.residuals["dense"]
    return 1.0 / high, 1.0 / low


def write_record(path: Path, made: dict[str, Any]) -> None:
    """Write a calibration file."""
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(made, sort_keys=False, width=110), encoding="utf-8")


def module_text(made: dict[str, Any]) -> str:
    """The Python module of a record, which is what a plan reads: no YAML is parsed at start."""
    lines = ['"""Written by `aiplan calibrate --ship` from calibration/shipped.yaml; not edited by hand."""', ""]
    lines += [f'DATE = "{made["date"]}"', "FITTED: dict[str, float] = {"]
    lines += [f'    "{name}": {row["value"]!r},' for name, row in made["coefficients"].items()]
    lines += ["}", "# Measured over predicted time of held-out rows: 10th and 90th percentile."]
    lines += ["RESIDUALS: dict[str, tuple[float, float]] = {"]
    lines += [f'    "{name}": ({low!r}, {high!r}),' for name, (low, high) in made["held_out"]["residuals"].items()]
    return "\n".join([*lines, "}", *campaigns.module_lines(made["campaigns"]), ""])
