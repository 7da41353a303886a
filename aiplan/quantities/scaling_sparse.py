"""The scaling law of Abnar et al. for models with experts, in every direction.

Its two terms of the parameters leave no closed form for them, so they are found by bisection. `active_share` stands
for one minus the sparsity, which the paper counts in experts: 1 is a dense model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiplan.graph import NoValue, quantity
from aiplan.maths import exp, log, where
from aiplan.quantities.scaling_tokens import FLOPS_PER_PARAM_TOKEN, NAN, anywhere, left_over, power, reducible, say

ABNAR = "Abnar et al. 2025, eq. 6, Table 3"
OPTIMUM = f"{ABNAR}; optimum derived"

# Abnar et al. 2025, Table 3: coefficients a, b, c, d, e; exponents of parameters, tokens, share, share, parameters
A, B, C, D, E = 16612.50, 5455.67, 0.4598, 17.26, 0.94
ALPHA, BETA, LAMBDA, DELTA, GAMMA = 0.5962, 0.3954, -0.1666, 0.1603, 0.1595

LARGEST = 92.1  # ln of the largest model that the bisection looks at, 1e40


def bisect(above: Callable[[Any], Any], like: Any) -> Any:
    """The number of parameters up to which `above` holds, between 1 and 1e40, for each point of `like`."""
    low, high = 0.0 * like, 0.0 * like + LARGEST
    for _ in range(60):
        middle = 0.5 * (low + high)
        holds = above(exp(middle))
        low, high = where(holds, middle, low), where(holds, high, middle)
    return exp(0.5 * (low + high))


def floor(active_share: float) -> Any:
    """Loss of an unlimited model on unlimited tokens."""
    return E + power(C, active_share, -LAMBDA)


def params_term(params: float, active_share: float) -> Any:
    """What the size of the model adds to the loss."""
    return power(A, params, -ALPHA) + power(D, active_share, -DELTA) * power(1.0, params, -GAMMA)


def best_tokens(params: float, active_share: float) -> Any:
    """Tokens at which parameters and tokens lower the loss equally per e-fold."""
    pull = ALPHA * power(A, params, -ALPHA) + GAMMA * power(D, active_share, -DELTA) * power(1.0, params, -GAMMA)
    return exp((log(BETA * B) - log(pull)) / BETA)


def _above_floor(loss: float, active_share: float) -> Any:
    return reducible(loss, floor(active_share))


@quantity(rival="abnar", of="tokens", source=f"{ABNAR}, solved for the tokens")
def tokens_abnar_iso_loss(loss: float, params: float, active_params: float) -> float:
    """Tokens with which a model of this size reaches the loss, by the fit of Abnar et al.

        tokens = (b / (loss - e - c share^-lambda - a/params^alpha - d/(share^delta params^gamma)))^(1/beta)

    share = active_params / params. Raises NoValue where the model is too small for the loss.

    >>> f"{tokens_abnar_iso_loss(2.0, 1e12, 50e9):.2e}"
    '2.26e+10'
    """
    share = active_params / params
    above = _above_floor(loss, share)
    rest = above - params_term(params, share)
    if not anywhere(rest > 0.0):
        least = bisect(lambda n: params_term(n, share) > above, above)
        rest = left_over(rest, loss, "parameters", params, least, "tokens")
    value: float = exp((log(B) - log(where(rest > 0.0, rest, NAN))) / BETA)
    return value


@quantity(rival="abnar", of="tokens", source=OPTIMUM)
def tokens_abnar(params: float, active_params: float) -> float:
    """Tokens with which a model of this size has the lowest loss for its compute, by the fit of Abnar et al.

        beta b / tokens^beta = alpha a / params^alpha + gamma d / (share^delta params^gamma)

    Minimises the loss at a given C = 6 active_params tokens with share = active_params / params held.

    >>> f"{tokens_abnar(1e12, 50e9):.2e}"
    '4.16e+11'
    """
    value: float = best_tokens(params, active_params / params)
    return value


@quantity("", rival="abnar", of="loss", source=ABNAR)
def loss_abnar(params: float, active_params: float, tokens: float) -> float:
    """Pre-training loss in nats per token by the fit of Abnar et al.

        loss = e + a/params^alpha + b/tokens^beta + c share^-lambda + d/(share^delta params^gamma)

    share = active_params / params, one minus the sparsity.

    >>> round(loss_abnar(1e10, 1e9, 2e11), 6)
    2.091338
    """
    share = active_params / params
    value: float = floor(share) + params_term(params, share) + power(B, tokens, -BETA)
    return value


@quantity(rival="abnar", of="params", source=f"{ABNAR}, solved for the parameters")
def params_abnar_iso_loss(loss: float, tokens: float, active_share: float) -> float:
    """Parameters, experts included, of the smallest model that reaches the loss on these tokens.

        params solves loss = loss_abnar(params, active_share params, tokens)

    Raises NoValue where the tokens are too few for the loss.

    >>> f"{params_abnar_iso_loss(2.0, 2.26e10, 0.05):.1e}"
    '1.0e+12'
    """
    above = _above_floor(loss, active_share)
    least = exp((log(B) - log(above)) / BETA)
    rest = left_over(above - power(B, tokens, -BETA), loss, "tokens", tokens, least, "parameters")
    value: float = bisect(lambda n: params_term(n, active_share) > rest, rest)
    return value


@quantity(rival="abnar", of="params", source=OPTIMUM)
def params_abnar(training_flops: float, active_share: float, *, k: float = FLOPS_PER_PARAM_TOKEN) -> float:
    """Parameters, experts included, with the lowest loss for this compute, by the fit of Abnar et al.

        params solves training_flops = k active_share params tokens_abnar(params)

    >>> f"{params_abnar(1.248e23, 0.05):.2e}"
    '1.00e+12'
    """
    value: float = bisect(
        lambda n: k * active_share * n * best_tokens(n, active_share) < training_flops, training_flops * active_share
    )
    return value


@quantity(rival="abnar", of="params", source=OPTIMUM)
def params_abnar_from_tokens(tokens: float, active_share: float) -> float:
    """Parameters, experts included, of the model for which these tokens are compute-optimal.

        params solves tokens = tokens_abnar(params)

    >>> f"{params_abnar_from_tokens(4.16e11, 0.05):.2e}"
    '1.00e+12'
    """
    value: float = bisect(lambda n: best_tokens(n, active_share) < tokens, tokens * active_share)
    return value


@quantity(rival="abnar", of="params", source=OPTIMUM)
def params_abnar_from_loss(loss: float, active_share: float) -> float:
    """Parameters, experts included, of the model that reaches the loss with the least compute.

        params solves loss = loss_abnar(params, active_share params, tokens_abnar(params))

    Raises NoValue where the loss is below what unlimited parameters and tokens reach.

    >>> f"{params_abnar_from_loss(1.8, 0.05):.2e}"
    '3.11e+11'
    """
    above = _above_floor(loss, active_share)

    def too_small(n: Any) -> Any:
        return params_term(n, active_share) + power(B, best_tokens(n, active_share), -BETA) > above

    value: float = bisect(too_small, above)
    return value


def abnar_loss(params: float, tokens: float, sparsity: float) -> float:
    """Loss by the sparsity, the share of experts that a token does not use.

        loss = loss_abnar(params, (1 - sparsity) params, tokens)

    Reference: Abnar et al. 2025, eq. 6.

    >>> round(abnar_loss(1e10, 2e11, 0.9), 6)
    2.091338
    """
    if not anywhere(sparsity < 1.0):
        raise NoValue(f"a sparsity of {say(sparsity)} leaves no active parameters")
    return loss_abnar(params, (1.0 - sparsity) * params, tokens)
