"""The scaling laws at work: by name, side by side, with intervals from their joint uncertainty, within their range."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH, NoValue
from aiplan.quantities import (  # noqa: F401  (they register the formulas of each form)
    scaling_experts,
    scaling_params,
    scaling_sparse,
    scaling_tokens,
)
from aiplan.quantities.scaling_laws import BESIROGLU_COVARIANCE, LAWS, Covariance, Law, Span
from aiplan.quantities.scaling_tokens import FLOPS_PER_PARAM_TOKEN

__all__ = [
    "AXES",
    "BESIROGLU_COVARIANCE",
    "DEFAULT_LAW",
    "LAWS",
    "Covariance",
    "Law",
    "LawAnswer",
    "Span",
    "compare_laws",
    "from_law",
    "in_range",
    "law_direction",
    "law_named",
    "spread_across_laws",
]

DEFAULT_LAW = "besiroglu_2024"
TOLERATED = 100.0  # a fit is flagged further than this beyond its range (our judgement)
Z90 = 1.2815515655446004  # standard normal quantile of 0.9

# Axes of a covariance: these coefficients, the first three by their logarithm.
AXES = ("law_A", "law_B", "law_E", "law_alpha", "law_beta")
LOG_AXES = 3

# Forms that count all parameters of a model with experts themselves; the others see its effective size.
OF_ALL_PARAMS = frozenset(("krajewski", "abnar", "clark"))
SHARES = frozenset(("active_params", "active_share"))  # a direction may use them or not


class LawAnswer(NamedTuple):
    """What one law makes of a question; where it has no tokens, `why_null` says why.

    `p10` and `p90` are of the tokens, where the uncertainty of the law is known; `note` says what is beyond its range.
    """

    law: Law
    params: float | None
    active_params: float | None
    tokens: float | None
    training_flops: float | None
    loss: float | None = None
    p10: float | None = None
    p90: float | None = None
    why_null: str | None = None
    note: str | None = None


def law_named(name: str) -> Law:
    """The law of that name; an unknown one is an error with the nearest names.

    >>> law_named("rule_20").coefficients
    {'law_ratio': 20.0}
    """
    try:
        return LAWS[name]
    except KeyError:
        raise UserError(
            f"there is no scaling law {name!r}{nearest(name, LAWS) or '; one of ' + ', '.join(LAWS)}"
        ) from None


def from_law(form: str, name: str, coefficients: Mapping[str, float], **values: float) -> Any:
    """The quantity `name` by the direction of a form that takes exactly these values, `active_...` if it needs them.

    Raises NoValue as the formula does, and LookupError where the form has no such direction.

    >>> law = LAWS["besiroglu_2024"]
    >>> f'{from_law(law.form, "tokens", law.coefficients, effective_params=70e9):.4e}'
    '1.2894e+12'
    """
    told = set(values)
    for formula in GRAPH[name].formulas:
        wanted = {n for n in formula.inputs if not n.startswith("law_")}
        if formula.rival == form and wanted <= told and wanted - SHARES == told - SHARES:
            return formula.function(*(values[n] if n in values else coefficients[n] for n in formula.inputs))
    raise LookupError(f"{form} does not give {name} from {', '.join(values)}")


def in_range(law: Law, params: float | None, tokens: float | None) -> str | None:
    """Why a point is too far from what the law was fitted on to be trusted, or None where it is not.

    Too far is more than 100 times beyond the smallest or largest of the fit, in parameters or tokens.

    >>> in_range(LAWS["besiroglu_2024"], 1e14, 1e12)
    '1e+14 parameters are 6,250 times above the largest (1.6e+10) that besiroglu_2024 was fitted on'
    >>> in_range(LAWS["besiroglu_2024"], 70e9, 1.4e12)
    """
    reasons = []
    for what, amount, span in (("parameters", params, law.params_range), ("tokens", tokens, law.tokens_range)):
        if amount is None or span is None:
            continue
        low, high = span
        if amount > high * TOLERATED:
            reasons.append(f"{amount:.4g} {what} are {amount / high:,.0f} times above the largest ({high:.4g})")
        elif amount < low / TOLERATED:
            reasons.append(f"{amount:.4g} {what} are {low / amount:,.0f} times below the smallest ({low:.4g})")
    return f"{' and '.join(reasons)} that {law.name} was fitted on" if reasons else None


def law_direction(
    coefficients: Mapping[str, float],
    covariance: Sequence[Sequence[float]],
    what: Callable[[dict[str, float]], float],
    *,
    z: float = Z90,
) -> tuple[dict[str, float], dict[str, float]]:
    """Two sets of coefficients at which `what` is at its p10 and p90 by the joint covariance of the coefficients.

        x -/+ z S g / sqrt(g' S g); x = (ln A, ln B, ln E, alpha, beta), g = gradient of ln(what)

    To first order the most likely coefficients on each of the two quantiles; errors are never taken as independent.
    Coefficients off the axes are kept. `what` takes a set of coefficients and must be positive.

    >>> from aiplan.quantities.frontier import optimal_tokens_per_param
    >>> law = LAWS["besiroglu_2024"]
    >>> ratio = lambda c: optimal_tokens_per_param(5.76e23, c)
    >>> [round(ratio(c), 1) for c in law_direction(law.coefficients, law.covariance, ratio)]
    [10.9, 31.3]
    """
    centre = [math.log(coefficients[a]) if i < LOG_AXES else coefficients[a] for i, a in enumerate(AXES)]

    def at(point: Sequence[float]) -> dict[str, float]:
        moved = {a: math.exp(x) if i < LOG_AXES else x for i, (a, x) in enumerate(zip(AXES, point, strict=True))}
        return {**coefficients, **moved}

    gradient = []
    for i in range(len(AXES)):
        step = 1e-3 * math.sqrt(covariance[i][i])
        ahead = [x + step * (i == j) for j, x in enumerate(centre)]
        behind = [x - step * (i == j) for j, x in enumerate(centre)]
        gradient.append((math.log(what(at(ahead))) - math.log(what(at(behind)))) / (2.0 * step))
    along = [sum(s * g for s, g in zip(row, gradient, strict=True)) for row in covariance]
    deviation = math.sqrt(sum(a * g for a, g in zip(along, gradient, strict=True)))
    if deviation == 0.0:  # it does not depend on the law
        return dict(coefficients), dict(coefficients)
    steps = [z * a / deviation for a in along]
    return at([x - s for x, s in zip(centre, steps, strict=True)]), at(
        [x + s for x, s in zip(centre, steps, strict=True)]
    )


def _solve(
    law: Law,
    coefficients: Mapping[str, float],
    params: float | None,
    training_flops: float | None,
    loss: float | None,
    share: float,
) -> tuple[float, float, float]:
    """(params, tokens, training_flops) by one law from one of the three givens; raises NoValue as the law does."""
    size, scale = ("params", 1.0) if law.form in OF_ALL_PARAMS else ("effective_params", math.sqrt(share))
    per_token = FLOPS_PER_PARAM_TOKEN * share

    def ask(name: str, **values: float) -> float:
        return float(from_law(law.form, name, coefficients, **values))

    if params is not None:
        tokens = ask("tokens", **{size: params * scale}, active_params=params * share)
    elif training_flops is not None:
        # a law of the effective size knows 6 N D of that size, which is dearer than that of the active parameters
        params = ask("params", training_flops=training_flops / scale, active_share=share) / scale
        return params, training_flops / (per_token * params), training_flops
    else:
        assert loss is not None
        params = ask("params", loss=loss, active_share=share) / scale
        tokens = ask("tokens", loss=loss, **{size: params * scale}, active_params=params * share)
    return params, tokens, per_token * params * tokens


def _loss(law: Law, params: float, tokens: float, share: float) -> float | None:
    """Loss where the law has one that needs no more than sizes and tokens."""
    size, scale = ("params", 1.0) if law.form in OF_ALL_PARAMS else ("effective_params", math.sqrt(share))
    sizes = {size: params * scale, "active_params": params * share}
    try:
        return float(from_law(law.form, "loss", law.coefficients, tokens=tokens, **sizes))
    except (NoValue, LookupError):
        return None


def compare_laws(
    params: float | None = None,
    training_flops: float | None = None,
    loss: float | None = None,
    *,
    active_share: float = 1.0,
) -> list[LawAnswer]:
    """What every law makes of one given: the tokens for this size, or the best model for this compute or this loss.

    Compute is 6 FLOP per active parameter and token; `active_share` is the share of the parameters that a token uses.
    Losses of different laws are of different data and cannot be compared with each other.

    >>> [(a.law.name, round(a.tokens / a.params), round(a.p90 / a.p10, 1)) for a in compare_laws(70e9)[:1]]
    [('besiroglu_2024', 18, 2.8)]
    """
    if sum(given is not None for given in (params, training_flops, loss)) != 1:
        raise ValueError("one of params, training_flops and loss is given")
    return [_compared(law, params, training_flops, loss, active_share) for law in LAWS.values()]


def _compared(
    law: Law, params: float | None, training_flops: float | None, loss: float | None, share: float
) -> LawAnswer:
    try:
        n, d, c = _solve(law, law.coefficients, params, training_flops, loss, share)
    except NoValue as no:
        active = None if params is None else params * share
        return LawAnswer(law, params, active, None, training_flops, loss, why_null=str(no))
    p10 = p90 = None
    if law.covariance is not None:

        def tokens(coefficients: dict[str, float]) -> float:
            return _solve(law, coefficients, params, training_flops, loss, share)[1]

        with suppress(NoValue):  # the loss asked may be too near to the law's limit for an interval
            p10, p90 = map(tokens, law_direction(law.coefficients, law.covariance, tokens))
    seen = n if law.form in OF_ALL_PARAMS else n * math.sqrt(share)
    reached = loss if loss is not None else _loss(law, n, d, share)
    return LawAnswer(law, n, n * share, d, c, reached, p10, p90, None, in_range(law, seen, d))


def spread_across_laws(
    params: float | None = None,
    training_flops: float | None = None,
    *,
    active_share: float = 1.0,
    everything: bool = False,
) -> list[tuple[str, float, float, float]]:
    """What each law makes of one given: (law, params, tokens, training_flops) at 6 FLOP per active parameter and token.

    Laws without an answer are left out, and, unless `everything` is asked, doubtful laws and variants.

    >>> [(name, round(d / n)) for name, n, d, c in spread_across_laws(training_flops=5.76e23)][:2]
    [('besiroglu_2024', 18), ('hoffmann_a1', 21)]
    """
    if (params is None) == (training_flops is None):
        raise ValueError("either params or training_flops is given, and not both")
    rows = []
    for law in LAWS.values():
        if not everything and (law.doubtful or law.variant):
            continue
        try:
            rows.append((law.name, *_solve(law, law.coefficients, params, training_flops, None, active_share)))
        except NoValue:
            continue
    return rows
