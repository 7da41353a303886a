"""Scaling laws of models with experts: Clark, Krajewski, Abnar, and the usual rules for their tokens side by side.

The laws count parameters in their own way: Clark by the active ones and the number of experts, Krajewski and Abnar
by all of them. The compute is always 6 FLOP per active parameter and token. With active = share * params the share
is a constant factor of the compute, so the tokens that are best for a model do not depend on it in Krajewski's law.
"""

from __future__ import annotations

from typing import Any

from aiplan.graph import NoValue, quantity
from aiplan.maths import exp, log, maximum, sqrt, where
from aiplan.quantities.scaling_params import (
    params_two_term,
    params_two_term_from_loss,
    params_two_term_from_tokens,
    params_two_term_iso_loss,
)
from aiplan.quantities.scaling_tokens import (
    FLOPS_PER_PARAM_TOKEN,
    anywhere,
    loss_two_term,
    say,
    tokens_two_term,
    tokens_two_term_iso_loss,
)

CLARK = "Clark et al. 2022, eq. 1, Table 3 (S-BASE)"
KRAJEWSKI = "Krajewski et al. 2024, Table 1; optimum derived"
LN10 = 2.302585092994046

# Clark et al. 2022, Table 3: a, b, c, d, E_start, E_max of the three ways to route a token
CLARK_FITS = {
    "s_base": (-0.082, -0.108, 0.009, 1.104, 1.847, 314.478),
    "rl_r": (-0.083, -0.126, 0.012, 1.111, 1.880, 469.982),
    "hash": (-0.087, -0.136, 0.012, 1.157, 4.175, 477.741),
}
CLARK_TOKENS = 130e9  # all its runs (sec. 3)
CLARK_PARAMS = (15e6, 1.3e9)  # of the dense base, from memory

# Krajewski et al. 2024, Table 1: a, g and gamma of the parameters' term; all its runs have 64-fold experts
KRAJEWSKI_A, KRAJEWSKI_G, KRAJEWSKI_GAMMA = 18.1, 2.1, 0.58
# of a layer's 4 d^2 attention and 64 * 8 d^2 experts, 4 d^2 + 8 d^2 are active
KRAJEWSKI_SHARE = 12.0 / 516.0


# -- Clark et al. 2022 -----------------------------------------------------------------------------------------


def clark_experts(experts: float, start: float, most: float) -> float:
    """Experts as Clark et al. count them: saturating for few and for many.

        1/E' = 1/(E - 1 + (1/E_start - 1/E_max)^-1) + 1/E_max

    >>> round(clark_experts(64.0, 1.847, 314.478), 2)
    53.77
    """
    return 1.0 / (1.0 / (experts - 1.0 + 1.0 / (1.0 / start - 1.0 / most)) + 1.0 / most)


def clark_loss(active_params: float, experts: float, routing: str = "s_base") -> float:
    """Loss after 130B tokens of a model with experts, by its active parameters and the number of experts.

        log10 L = a log10 N + b log10 E' + c log10 N log10 E' + d

    Reference: Clark et al. 2022, eq. 1, Table 3.

    >>> round(clark_loss(1.3e9, 64.0), 4)
    2.0498
    """
    a, b, c, d, start, most = CLARK_FITS[routing]
    n, e = log(active_params) / LN10, log(clark_experts(experts, start, most)) / LN10
    value: float = exp(LN10 * (a * n + b * e + c * n * e + d))
    return value


@quantity("param", source="Clark et al. 2022, eq. 11, Table 3 (S-BASE)")
def expert_effective_params(active_params: float, experts: float, experts_per_token: float) -> float:
    """Parameters of the dense model that is as good as this one with experts, by the fit of Clark et al.

        N_eff solves L(N_eff, 1) = L(active_params, experts / experts_per_token), no less than active_params

    The fit has one active expert per token; several fine ones are counted as one (our reading). It says that
    experts cease to help at 10^(-b/c), about 1e12 active parameters.

    >>> f"{expert_effective_params(5e6, 128.0, 1.0):.3e}"
    '5.183e+07'
    """
    a, b, c, _, start, most = CLARK_FITS["s_base"]
    many = maximum(experts / maximum(experts_per_token, 1.0), 1.0)
    n, e, one = log(active_params) / LN10, log(clark_experts(many, start, most)) / LN10, log(start) / LN10
    value: float = maximum(exp(LN10 * (n * (a + c * e) + b * (e - one)) / (a + c * one)), active_params)
    return value


@quantity("", rival="clark", of="loss", source=CLARK)
def loss_clark(active_params: float, experts: float, experts_per_token: float, tokens: float) -> float:
    """Loss of a model with experts after 130B tokens, in nats per token.

        log10 loss = a log10 N + b log10 E' + c log10 N log10 E' + d; N = active_params

    E' is of experts / experts_per_token. Raises NoValue for other tokens than the 130B of its runs, within 10%.

    >>> round(loss_clark(1.3e9, 64.0, 1.0, 130e9), 4)
    2.0498
    """
    near = abs(log(tokens / CLARK_TOKENS)) < 0.1
    if not anywhere(near):
        raise NoValue(f"clark_moe is of 130B tokens, so it gives no loss for {say(tokens)}")
    many = maximum(experts / maximum(experts_per_token, 1.0), 1.0)
    value: float = where(near, clark_loss(active_params, many), float("nan"))
    return value


@quantity(rival="clark", of="tokens", source=CLARK)
def tokens_clark(params: float) -> float:
    """Tokens, under a law of one number of tokens.

    Raises NoValue always.
    """
    raise NoValue("clark_moe was fitted at 130B tokens only, so it gives no tokens")


@quantity(rival="clark", of="params", source=CLARK)
def params_clark(training_flops: float) -> float:
    """Parameters for this compute, under a law of one number of tokens.

    Raises NoValue always.
    """
    raise NoValue("clark_moe was fitted at 130B tokens only, so it gives no parameters for compute")


@quantity(rival="clark", of="params", source=CLARK)
def params_clark_from_loss(loss: float) -> float:
    """Parameters for a loss, under a law of one number of tokens.

    Raises NoValue always.
    """
    raise NoValue("clark_moe was fitted at 130B tokens only, so it gives no parameters for a loss")


# -- Krajewski et al. 2024 -------------------------------------------------------------------------------------


def krajewski_scale(granularity: float) -> float:
    """Coefficient of the parameters' term at a granularity: how many experts are as wide as a feed-forward layer.

        A = 18.1 + 2.1 / G^0.58

    Reference: Krajewski et al. 2024, eq. 8, Table 1; fitted on granularities 1 to 16.

    >>> round(krajewski_scale(16.0), 3)
    18.521
    """
    value: float = KRAJEWSKI_A + KRAJEWSKI_G * exp(-KRAJEWSKI_GAMMA * log(granularity))
    return value


def _experts_only(active_share: Any) -> None:
    """A law of experts says nothing of a dense model."""
    if not anywhere(active_share < 1.0 - 1e-9):
        raise NoValue("krajewski_moe is of models with experts: give active_params or active_share")


@quantity(rival="krajewski", of="tokens", source=KRAJEWSKI)
def tokens_krajewski_iso_loss(
    loss: float,
    params: float,
    active_params: float,
    law_E: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
) -> float:
    """Tokens with which a model with experts of this size reaches the loss.

        tokens = (B / (loss - E - A params^-alpha))^(1/beta)

    Raises NoValue for a dense model, or where the model is too small for the loss.

    >>> f"{tokens_krajewski_iso_loss(2.0, 1e12, 25e9, 0.47, 18.73, 30.8, 0.115, 0.147):.2e}"
    '9.53e+10'
    """
    _experts_only(active_params / params)
    return tokens_two_term_iso_loss(loss, params, law_E, law_A, law_B, law_alpha, law_beta)


@quantity(rival="krajewski", of="tokens", source=KRAJEWSKI)
def tokens_krajewski(
    params: float, active_params: float, law_A: float, law_B: float, law_alpha: float, law_beta: float
) -> float:
    """Tokens with which a model with experts of this size has the lowest loss for its compute.

        tokens = (beta B / (alpha A))^(1/beta) params^(alpha/beta)

    Minimises the loss at a given C = 6 active_params tokens, all parameters changing with the active ones at a
    constant share; the share cancels. The extra compute of choosing experts is left out.
    Raises NoValue for a dense model.

    >>> f"{tokens_krajewski(43e9, 1e9, 18.521, 30.8, 0.115, 0.147):.2e}"
    '3.52e+10'
    """
    _experts_only(active_params / params)
    return tokens_two_term(params, law_A, law_B, law_alpha, law_beta)


@quantity("", rival="krajewski", of="loss", source="Krajewski et al. 2024, eq. 8, Table 1")
def loss_krajewski(
    params: float,
    active_params: float,
    tokens: float,
    law_E: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
) -> float:
    """Loss of a model with 64-fold experts, in nats per token.

        loss = E + (a + g/G^gamma) / params^alpha + B / tokens^beta

    Raises NoValue for a dense model.

    >>> round(loss_krajewski(1e9, 2.3e7, 20e9, 0.47, 20.2, 30.8, 0.115, 0.147), 6)
    3.276133
    """
    _experts_only(active_params / params)
    return loss_two_term(params, tokens, law_E, law_A, law_B, law_alpha, law_beta)


@quantity(rival="krajewski", of="params", source=KRAJEWSKI)
def params_krajewski_iso_loss(
    loss: float,
    tokens: float,
    active_share: float,
    law_E: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
) -> float:
    """Parameters, experts included, of the smallest model that reaches the loss on these tokens.

        params = (A / (loss - E - B tokens^-beta))^(1/alpha)

    Raises NoValue for a dense model, or where the tokens are too few for the loss.

    >>> f"{params_krajewski_iso_loss(2.0, 9.53e10, 0.025, 0.47, 18.73, 30.8, 0.115, 0.147):.2e}"
    '1.00e+12'
    """
    _experts_only(active_share)
    return params_two_term_iso_loss(loss, tokens, law_E, law_A, law_B, law_alpha, law_beta)


@quantity(rival="krajewski", of="params", source=KRAJEWSKI)
def params_krajewski(
    training_flops: float,
    active_share: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
    *,
    k: float = FLOPS_PER_PARAM_TOKEN,
) -> float:
    """Parameters, experts included, with the lowest loss for this compute.

        params = G (training_flops/(k active_share))^(beta/(alpha+beta)); G = (alpha A/(beta B))^(1/(alpha+beta))

    Raises NoValue for a dense model.

    >>> f"{params_krajewski(1.93e20, 12/516, 18.521, 30.8, 0.115, 0.147):.2e}"
    '4.09e+10'
    """
    _experts_only(active_share)
    return params_two_term(training_flops, law_A, law_B, law_alpha, law_beta, k=k * active_share)


@quantity(rival="krajewski", of="params", source=KRAJEWSKI)
def params_krajewski_from_tokens(
    tokens: float, active_share: float, law_A: float, law_B: float, law_alpha: float, law_beta: float
) -> float:
    """Parameters, experts included, of the model for which these tokens are compute-optimal.

        params = (alpha A / (beta B))^(1/alpha) tokens^(beta/alpha)

    Raises NoValue for a dense model.

    >>> f"{params_krajewski_from_tokens(3.52e10, 0.025, 18.521, 30.8, 0.115, 0.147):.1e}"
    '4.3e+10'
    """
    _experts_only(active_share)
    return params_two_term_from_tokens(tokens, law_A, law_B, law_alpha, law_beta)


@quantity(rival="krajewski", of="params", source=KRAJEWSKI)
def params_krajewski_from_loss(
    loss: float, active_share: float, law_E: float, law_A: float, law_alpha: float, law_beta: float
) -> float:
    """Parameters, experts included, of the model that reaches the loss with the least compute.

        params = (A / (share (loss - E)))^(1/alpha); share = beta / (alpha+beta)

    Raises NoValue for a dense model, or where the loss is at or below E.

    >>> f"{params_krajewski_from_loss(2.0, 0.025, 0.47, 18.73, 0.115, 0.147):.1e}"
    '4.4e+11'
    """
    _experts_only(active_share)
    return params_two_term_from_loss(loss, law_E, law_A, law_alpha, law_beta)


# -- side by side ----------------------------------------------------------------------------------------------


def expert_token_rules(
    params: float, active_params: float, *, tokens: float | None = None, granularity: float = 8.0, ratio: float = 20.0
) -> list[tuple[str, float, str]]:
    """Tokens for a model with experts by the usual rules: (rule, tokens, source); the user's own first if given.

        ratio sqrt(active_params params); the optimum of Krajewski et al.; the optimum of Abnar et al.

    The first is a heuristic, the others are laws outside their range for any large model. A dense model has the
    first and the last only.

    >>> [(name, f"{amount:.2e}") for name, amount, _ in expert_token_rules(671e9, 37e9, tokens=14.8e12)]
    [('user', '1.48e+13'), ('rule_20', '3.15e+12'), ('krajewski_moe', '2.80e+11'), ('abnar_moe', '3.66e+11')]
    """
    from aiplan.quantities.scaling_sparse import OPTIMUM, tokens_abnar

    rows = [] if tokens is None else [("user", tokens, "given")]
    heuristic = "heuristic: Hoffmann's ratio of the geometric mean of active and all parameters, folklore"
    rows.append(("rule_20", ratio * sqrt(active_params * params), heuristic))
    if active_params < params:
        law = krajewski_scale(granularity), 30.8, 0.115, 0.147
        rows.append(("krajewski_moe", tokens_krajewski(params, active_params, *law), KRAJEWSKI))
    rows.append(("abnar_moe", tokens_abnar(params, active_params), OPTIMUM))
    return rows
