"""Tokens and loss by each form of scaling law, in every direction (the parameters are in scaling_params.py).

A law is a form (`rival`) and its coefficients (`law_...`; see scaling.py). Formulas stand in the order of
preference: what uses a given loss comes first, then the arithmetic of compute, then what the law holds best.
Where an array of points has some without an answer, those are nan; where no point has one, NoValue says why.
"""

from __future__ import annotations

from typing import Any

from aiplan.graph import NoValue, given, quantity
from aiplan.maths import exp, log, sqrt, where

FLOPS_PER_PARAM_TOKEN = 6.0  # forward 2, backward 4 (Kaplan et al. 2020, sec. 2.1)
PF_DAY = 8.64e19  # FLOP
NAN = float("nan")

# Kaplan et al. 2020: eq. 1.5 and Table 2; eq. 1.3 [PF-days]; sec. 6.1 per PF-day (KAPLAN_D1 from memory)
KAPLAN_NC, KAPLAN_DC, KAPLAN_AN, KAPLAN_AD = 6.4e13, 1.8e13, 0.076, 0.103
KAPLAN_CC, KAPLAN_AC = 3.1e8, 0.050
KAPLAN_N1, KAPLAN_N_EXPONENT, KAPLAN_D1, KAPLAN_D_EXPONENT = 1.3e9, 0.73, 2e10, 0.27

HOFFMANN = "Hoffmann et al. 2022, eq. 10; algebra derived"
RATIO = "Hoffmann et al. 2022; 20 tokens per parameter is its rule of thumb"
KAPLAN_OPTIMUM = "Kaplan et al. 2020, sec. 6.1 (prefactor of the tokens from memory)"
POWER = "Llama Team 2024, sec. 3.2.1; algebra derived"

LOSSLESS = {
    "fixed_ratio": "a fixed ratio of tokens to parameters",
    "power_law": "a power law from compute to tokens",
}

# declared ahead of their formulas, so that the sentence is of the quantity and not of one direction
given("tokens", "token", "Tokens that the model is trained on, repeated ones counted each time.")
given("params", "param", "Parameters of the model, embeddings and all experts included.")

given("law_E", "", "Irreducible loss of a two-term law, in nats per token.")
given("law_A", "", "Coefficient of the parameters' term of a two-term law.")
given("law_B", "", "Coefficient of the tokens' term of a two-term law.")
given("law_alpha", "", "Exponent of the parameters in a two-term law.")
given("law_beta", "", "Exponent of the tokens in a two-term law.")
given("law_ratio", "", "Tokens per parameter of a law with a fixed ratio.")
given("law_token_scale", "", "Coefficient of the power of compute that gives the tokens.")
given("law_token_exponent", "", "Exponent of the power of compute that gives the tokens.")


def anywhere(condition: Any) -> bool:
    """Whether a condition holds anywhere, of a float or of an array."""
    return bool(condition.any()) if hasattr(condition, "any") else bool(condition)


def say(x: Any) -> str:
    """A number for a message; of an array its range."""
    return f"{x.min():.6g} to {x.max():.6g}" if getattr(x, "ndim", 0) else f"{x:.6g}"


def power(scale: float, x: float, exponent: float) -> Any:
    """scale * x**exponent in log space."""
    return exp(log(scale) + exponent * log(x))


def reducible(loss: float, law_E: float) -> Any:
    """Loss above the irreducible; NoValue where there is none."""
    above = loss - law_E
    if not anywhere(above > 0.0):
        raise NoValue(f"loss {say(loss)} is at or below the law's irreducible {say(law_E)}")
    return where(above > 0.0, above, NAN)


def left_over(rest: Any, loss: float, what: str, amount: float, least: Any, other: str) -> Any:
    """What one term of the loss leaves for the other; NoValue where nothing is left."""
    if not anywhere(rest > 0.0):
        raise NoValue(
            f"{say(amount)} {what} are too few for loss {say(loss)}: "
            f"even with unlimited {other} it takes more than {say(least)}"
        )
    return where(rest > 0.0, rest, NAN)


# -- what does not depend on the law ---------------------------------------------------------------------------


@quantity("param", source="heuristic for experts, folklore; exact for dense models")
def effective_params(active_params: float, params: float) -> float:
    """Parameters that a scaling law sees: all of a dense model, fewer than all of a model with experts.

        effective_params = sqrt(active_params params)

    >>> effective_params(37e9, 37e9)
    37000000000.0
    """
    value: float = sqrt(active_params * params)
    return value


@quantity("", source="by definition")
def tokens_per_param(tokens: float, params: float) -> float:
    """Training tokens for each parameter of the model.

        tokens_per_param = tokens / params

    >>> tokens_per_param(1.4e12, 70e9)
    20.0
    """
    return tokens / params


# -- tokens ----------------------------------------------------------------------------------------------------


@quantity(rival="two_term", of="tokens", source=HOFFMANN)
def tokens_two_term_iso_loss(
    loss: float,
    effective_params: float,
    law_E: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
) -> float:
    """Tokens with which a model of this size reaches the loss.

        tokens = (B / (loss - E - A effective_params^-alpha))^(1/beta)

    Raises NoValue where the loss is at or below E, or where the model is too small for it.

    >>> f"{tokens_two_term_iso_loss(2.0, 70e9, 1.8172, 482.01, 2085.43, 0.3478, 0.3658):.3e}"
    '6.196e+11'
    """
    above = reducible(loss, law_E)
    least = exp((log(law_A) - log(above)) / law_alpha)
    rest = above - power(law_A, effective_params, -law_alpha)
    rest = left_over(rest, loss, "parameters", effective_params, least, "tokens")
    value: float = exp((log(law_B) - log(rest)) / law_beta)
    return value


@quantity(rival="kaplan", of="tokens", source="Kaplan et al. 2020, eq. 1.5, solved for the tokens")
def tokens_kaplan_iso_loss(loss: float, effective_params: float) -> float:
    """Tokens with which a model of this size reaches the loss, by the joint fit of Kaplan et al.

        tokens = Dc / (loss^(1/aD) - (Nc/effective_params)^(aN/aD))

    Raises NoValue where the model is too small for the loss.

    >>> f"{tokens_kaplan_iso_loss(2.0, 175e9):.3e}"
    '2.372e+10'
    """
    least = KAPLAN_NC / exp(log(loss) / KAPLAN_AN)
    share = exp((log(KAPLAN_NC) - log(effective_params)) * KAPLAN_AN / KAPLAN_AD)
    rest = exp(log(loss) / KAPLAN_AD) - share
    value: float = KAPLAN_DC / left_over(rest, loss, "parameters", effective_params, least, "tokens")
    return value


for _form, _family in LOSSLESS.items():

    @quantity(rival=_form, of="tokens")
    def tokens_without_loss(loss: float, effective_params: float, *, family: str = _family) -> float:
        """Tokens for a loss, under a law that gives none.

        Raises NoValue always.
        """
        raise NoValue(f"{family} gives no loss, so no tokens for one")


@quantity(of="tokens", source="arithmetic")
def tokens_from_flops(training_flops: float, flops_per_token: float) -> float:
    """Tokens that the compute pays for.

        tokens = training_flops / flops_per_token

    >>> tokens_from_flops(6e23, 6e11)
    1000000000000.0
    """
    return training_flops / flops_per_token


@quantity(rival="two_term", of="tokens", source=HOFFMANN)
def tokens_two_term(effective_params: float, law_A: float, law_B: float, law_alpha: float, law_beta: float) -> float:
    """Compute-optimal tokens for a model of this size.

        tokens = (beta B / (alpha A))^(1/beta) effective_params^(alpha/beta)

    The compute per token cancels, so none is assumed.

    >>> f"{tokens_two_term(70e9, 482.01, 2085.43, 0.3478, 0.3658):.4e}"
    '1.2894e+12'
    """
    log_tokens = (
        log(law_beta) + log(law_B) - log(law_alpha) - log(law_A) + law_alpha * log(effective_params)
    ) / law_beta
    value: float = exp(log_tokens)
    return value


@quantity(rival="fixed_ratio", of="tokens", source=RATIO)
def tokens_fixed_ratio(effective_params: float, law_ratio: float) -> float:
    """Tokens in a fixed ratio to the parameters.

        tokens = ratio effective_params

    >>> tokens_fixed_ratio(70e9, 20.0)
    1400000000000.0
    """
    return law_ratio * effective_params


@quantity(rival="power_law", of="tokens", source=POWER)
def tokens_power_law(
    effective_params: float, law_token_scale: float, law_token_exponent: float, *, k: float = FLOPS_PER_PARAM_TOKEN
) -> float:
    """Tokens for a model of this size where a power of compute gives the tokens.

        tokens = (scale (k effective_params)^exponent)^(1/(1-exponent))

    Solves tokens = scale C^exponent with C = k effective_params tokens; k is in FLOP per parameter and token.

    >>> f"{tokens_power_law(405e9, 0.299, 0.537):.3e}"
    '1.709e+13'
    """
    log_tokens = log(law_token_scale) + law_token_exponent * (log(k) + log(effective_params))
    value: float = exp(log_tokens / (1.0 - law_token_exponent))
    return value


@quantity(rival="kaplan", of="tokens", source=KAPLAN_OPTIMUM)
def tokens_kaplan(effective_params: float) -> float:
    """Tokens for a model of this size by the optimum of Kaplan et al.

        tokens = 2e10 (effective_params / 1.3e9)^(0.27/0.73)

    Through the compute c [PF-days] of which the model is the optimum; that compute is the minimum at small batches,
    so it is not 6 N D. The law counts parameters without embeddings.

    >>> f"{tokens_kaplan(175e9):.3e}"
    '1.226e+11'
    """
    value: float = power(KAPLAN_D1, effective_params / KAPLAN_N1, KAPLAN_D_EXPONENT / KAPLAN_N_EXPONENT)
    return value


# -- loss ------------------------------------------------------------------------------------------------------


@quantity("", rival="two_term", of="loss", source="Hoffmann et al. 2022, eq. 10")
def loss_two_term(
    effective_params: float,
    tokens: float,
    law_E: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
) -> float:
    """Pre-training loss in nats per token, comparable only within one law.

        loss = E + A / effective_params^alpha + B / tokens^beta

    >>> f"{loss_two_term(70e9, 1.4e12, 1.8172, 482.01, 2085.43, 0.3478, 0.3658):.6f}"
    '1.973882'
    """
    value: float = law_E + power(law_A, effective_params, -law_alpha) + power(law_B, tokens, -law_beta)
    return value


@quantity("", rival="kaplan", of="loss", source="Kaplan et al. 2020, eq. 1.5, Table 2")
def loss_kaplan(effective_params: float, tokens: float) -> float:
    """Pre-training loss in nats per token by the joint fit of Kaplan et al.

        loss = ((Nc/effective_params)^(aN/aD) + Dc/tokens)^aD

    >>> f"{loss_kaplan(175e9, 300e9):.6f}"
    '1.660957'
    """
    share = exp((log(KAPLAN_NC) - log(effective_params)) * KAPLAN_AN / KAPLAN_AD)
    value: float = exp(KAPLAN_AD * log(share + KAPLAN_DC / tokens))
    return value


for _form, _family in LOSSLESS.items():

    @quantity("", rival=_form, of="loss")
    def loss_without_loss(effective_params: float, tokens: float, *, family: str = _family) -> float:
        """Loss, under a law that gives none.

        Raises NoValue always.
        """
        raise NoValue(f"{family} gives no loss")
