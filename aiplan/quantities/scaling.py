"""The scaling laws by name: their coefficients, sources, range of fit and, where known, their joint uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.quantities import scaling_params, scaling_tokens  # noqa: F401  (they register the formulas of each form)
from aiplan.quantities.scaling_tokens import FLOPS_PER_PARAM_TOKEN

DEFAULT_LAW = "besiroglu_2024"
TOLERATED = 100.0  # a fit is flagged further than this beyond its range (our judgement)
Z90 = 1.2815515655446004  # standard normal quantile of 0.9

Covariance = tuple[tuple[float, ...], ...]
Span = tuple[float, float]

# Axes of a covariance: these coefficients, the first three by their logarithm.
AXES = ("law_A", "law_B", "law_E", "law_alpha", "law_beta")
LOG_AXES = 3

# Bootstrap of the 240 runs of Hoffmann et al. as extracted by Besiroglu et al. (4,000 resamples, Huber loss 1e-3,
# the five runs of fewest tokens per parameter dropped). ln A and alpha, and ln B and beta, correlate at 0.999:
# never draw them independently.
BESIROGLU_COVARIANCE: Covariance = (
    (0.06388735264296806, -0.026354057306725312, 0.002050898883941045, 0.0038092950754171507, -0.0013219845286304688),
    (-0.026354057306725312, 0.1793109594611336, 0.0037474918374524246, -0.0016394177744205507, 0.008771136259576632),
    (
        0.002050898883941045,
        0.0037474918374524246,
        0.00019947851714203701,
        0.00012104816529141446,
        0.00018263401378859146,
    ),
    (
        0.0038092950754171507,
        -0.0016394177744205507,
        0.00012104816529141446,
        0.00022743831163754894,
        -8.228935056249755e-05,
    ),
    (
        -0.0013219845286304688,
        0.008771136259576632,
        0.00018263401378859146,
        -8.228935056249755e-05,
        0.0004293221449167886,
    ),
)

HOFFMANN_PARAMS: Span = (70e6, 16e9)
HOFFMANN_TOKENS: Span = (5e9, 500e9)


@dataclass(frozen=True, slots=True)
class Law:
    """A scaling law: its form (the rival in the graph) and the coefficients that the form needs."""

    name: str
    form: str
    sentence: str
    source: str
    coefficients: Mapping[str, float] = field(default_factory=dict)
    has_loss: bool = True
    params_range: Span | None = HOFFMANN_PARAMS
    tokens_range: Span | None = HOFFMANN_TOKENS
    covariance: Covariance | None = None
    derived: bool = False
    note: str = ""


def _two_term(E: float, A: float, B: float, alpha: float, beta: float) -> dict[str, float]:
    return {"law_E": E, "law_A": A, "law_B": B, "law_alpha": alpha, "law_beta": beta}


def _power_law(scale: float, exponent: float) -> dict[str, float]:
    return {"law_token_scale": scale, "law_token_exponent": exponent}


LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Law(
            "besiroglu_2024",
            "two_term",
            "Refit of the runs of Hoffmann et al.; about 18 tokens per parameter at Chinchilla's compute.",
            "Besiroglu et al. 2024",
            _two_term(1.8172, 482.01, 2085.43, 0.3478, 0.3658),
            covariance=BESIROGLU_COVARIANCE,
            note="covariance derived by our own bootstrap of the same runs",
        ),
        Law(
            "besiroglu_with_outliers",
            "two_term",
            "The refit with the five outlying runs kept; shows what they do.",
            "Besiroglu et al. 2024, Table 3",
            _two_term(1.89, 463.3, 12530.0, 0.345, 0.452),
            note="its exponents differ so much that tokens per parameter fall from 15 at 1e21 FLOP to 6 at 5.76e23",
        ),
        Law(
            "hoffmann_a1",
            "power_law",
            "Approach 1 of Hoffmann et al.: the lower envelope of their training curves.",
            "Hoffmann et al. 2022, Table 3; fit derived",
            _power_law(1.6960843615009884, 0.5018542648378528),
            has_loss=False,
            derived=True,
            note="least squares of ln(tokens) on ln(compute) over the nine rows of the table",
        ),
        Law(
            "hoffmann_a3_rounded",
            "two_term",
            "Approach 3 of Hoffmann et al. as printed; its rounding inflates the tokens, so only for comparison.",
            "Hoffmann et al. 2022, eq. 10",
            _two_term(1.69, 406.4, 410.7, 0.34, 0.28),
            note="93 tokens per parameter at Chinchilla's compute, which the paper does not mean",
        ),
        Law(
            "hoffmann_a3_tex",
            "two_term",
            "Approach 3 of Hoffmann et al. with the digits of the paper's source text.",
            "Hoffmann et al. 2022, source text, via Besiroglu et al. 2024",
            _two_term(1.6934, 406.4, 410.7, 0.3392, 0.2849),
        ),
        Law(
            "rule_20",
            "fixed_ratio",
            "Twenty tokens per parameter.",
            "rule of thumb from Hoffmann et al. 2022",
            {"law_ratio": 20.0},
            has_loss=False,
        ),
        Law(
            "kaplan_2020",
            "kaplan",
            "The laws of Kaplan et al.; superseded, they favour large models on few tokens.",
            "Kaplan et al. 2020",
            params_range=(768.0, 1.5e9),
            tokens_range=(22e6, 23e9),
            note="parameters without embeddings; compute at small batches, so 6 N D differs from it",
        ),
        Law(
            "llama3",
            "power_law",
            "Tokens by the power of compute that sized Llama 3.",
            "Llama Team 2024, sec. 3.2.1, fig. 3",
            _power_law(0.299, 0.537),
            has_loss=False,
            params_range=(40e6, 16e9),
            tokens_range=None,
            note="pair of figure 3; the pair in the text (0.29, 0.53) does not give the paper's own 16.55T tokens; "
            "range of parameters from memory",
        ),
        Law(
            "muennighoff_c4",
            "two_term",
            "Fit on C4 with equal exponents: about 20 tokens per parameter at every size.",
            "Muennighoff et al. 2023, published code",
            _two_term(math.exp(0.6254804), math.exp(6.255414), math.exp(7.3049974), 0.3526596, 0.3526596),
            params_range=(7e6, 9e9),
            tokens_range=(100e6, 900e9),
            note="lower ends of the ranges from memory",
        ),
    )
}


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
    """The quantity `name` by the direction of a form that takes exactly these values.

    Raises NoValue as the formula does, and LookupError where the form has no such direction.

    >>> law = LAWS["besiroglu_2024"]
    >>> f'{from_law(law.form, "tokens", law.coefficients, effective_params=70e9):.4e}'
    '1.2894e+12'
    """
    for formula in GRAPH[name].formulas:
        wanted = [n for n in formula.inputs if not n.startswith("law_")]
        if formula.rival == form and set(wanted) == set(values):
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


def spread_across_laws(
    params: float | None = None, training_flops: float | None = None, *, k: float = FLOPS_PER_PARAM_TOKEN
) -> list[tuple[str, float, float, float]]:
    """What each law makes of one given: (law, params, tokens, training_flops), dense models at k FLOP per token.

    >>> [(name, round(d / n)) for name, n, d, c in spread_across_laws(training_flops=5.76e23)][:2]
    [('besiroglu_2024', 18), ('besiroglu_with_outliers', 6)]
    """
    rows = []
    for law in LAWS.values():
        if params is not None and training_flops is None:
            n = params
            d = from_law(law.form, "tokens", law.coefficients, effective_params=n)
        elif training_flops is not None and params is None:
            n = from_law(law.form, "params", law.coefficients, training_flops=training_flops)
            d = training_flops / (k * n)
        else:
            raise ValueError("either params or training_flops is given, and not both")
        rows.append((law.name, n, d, k * n * d))
    return rows
