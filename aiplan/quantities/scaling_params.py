"""Parameters of the model, in every direction of each form of scaling law.

They are derived as if the model were dense, since its effective size would need the answer. A given loss comes
first, then the arithmetic of compute, then the law from compute, from tokens, and from the loss alone.
"""

from __future__ import annotations

from typing import Any

from aiplan.graph import NoValue, quantity
from aiplan.maths import exp, log, sqrt
from aiplan.quantities.scaling_tokens import (
    FLOPS_PER_PARAM_TOKEN,
    HOFFMANN,
    KAPLAN_AC,
    KAPLAN_AD,
    KAPLAN_AN,
    KAPLAN_CC,
    KAPLAN_D1,
    KAPLAN_D_EXPONENT,
    KAPLAN_DC,
    KAPLAN_N1,
    KAPLAN_N_EXPONENT,
    KAPLAN_NC,
    KAPLAN_OPTIMUM,
    LOSSLESS,
    PF_DAY,
    POWER,
    RATIO,
    left_over,
    power,
    reducible,
)


def log_allocation(law_A: float, law_B: float, law_alpha: float, law_beta: float) -> Any:
    """ln of the allocation constant G = (alpha A / (beta B))^(1/(alpha+beta))."""
    return (log(law_alpha) + log(law_A) - log(law_beta) - log(law_B)) / (law_alpha + law_beta)


@quantity(rival="two_term", of="params", source=HOFFMANN)
def params_two_term_iso_loss(
    loss: float, tokens: float, law_E: float, law_A: float, law_B: float, law_alpha: float, law_beta: float
) -> float:
    """Parameters of the smallest model that reaches the loss on these tokens.

        params = (A / (loss - E - B tokens^-beta))^(1/alpha)

    Raises NoValue where the loss is at or below E, or where the tokens are too few for it.

    >>> f"{params_two_term_iso_loss(2.0, 1e12, 1.8172, 482.01, 2085.43, 0.3478, 0.3658):.3e}"
    '4.148e+10'
    """
    above = reducible(loss, law_E)
    least = exp((log(law_B) - log(above)) / law_beta)
    rest = above - power(law_B, tokens, -law_beta)
    rest = left_over(rest, loss, "tokens", tokens, least, "parameters")
    value: float = exp((log(law_A) - log(rest)) / law_alpha)
    return value


@quantity(rival="kaplan", of="params", source="Kaplan et al. 2020, eq. 1.5, solved for the parameters")
def params_kaplan_iso_loss(loss: float, tokens: float) -> float:
    """Parameters of the smallest model that reaches the loss on these tokens, by the joint fit of Kaplan et al.

        params = Nc / (loss^(1/aD) - Dc/tokens)^(aD/aN)

    Raises NoValue where the tokens are too few for the loss.

    >>> f"{params_kaplan_iso_loss(2.0, 300e9):.3e}"
    '7.746e+09'
    """
    least = KAPLAN_DC / exp(log(loss) / KAPLAN_AD)
    rest = exp(log(loss) / KAPLAN_AD) - KAPLAN_DC / tokens
    rest = left_over(rest, loss, "tokens", tokens, least, "parameters")
    value: float = power(KAPLAN_NC, rest, -KAPLAN_AD / KAPLAN_AN)
    return value


for _form, _family in LOSSLESS.items():

    @quantity(rival=_form, of="params")
    def params_without_loss_tokens(loss: float, tokens: float, *, family: str = _family) -> float:
        """Parameters for a loss on given tokens, under a law that gives no loss.

        Raises NoValue always.
        """
        raise NoValue(f"{family} gives no loss, so no parameters for one")


@quantity(of="params", source="Kaplan et al. 2020, sec. 2.1")
def params_from_tokens(training_flops: float, tokens: float, *, k: float = FLOPS_PER_PARAM_TOKEN) -> float:
    """Parameters of a dense model that spends the compute on these tokens.

        params = training_flops / (k tokens)

    k is in FLOP per parameter and token.

    >>> params_from_tokens(6e23, 1e12)
    100000000000.0
    """
    return training_flops / (k * tokens)


@quantity(rival="two_term", of="params", source=HOFFMANN)
def params_two_term(
    training_flops: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
    *,
    k: float = FLOPS_PER_PARAM_TOKEN,
) -> float:
    """Compute-optimal parameters for this compute.

        params = G (training_flops/k)^(beta/(alpha+beta)); G = (alpha A/(beta B))^(1/(alpha+beta))

    k is in FLOP per parameter and token.

    >>> f"{params_two_term(5.76e23, 482.01, 2085.43, 0.3478, 0.3658):.4e}"
    '7.2249e+10'
    """
    share = law_beta / (law_alpha + law_beta)
    value: float = exp(log_allocation(law_A, law_B, law_alpha, law_beta) + share * (log(training_flops) - log(k)))
    return value


@quantity(rival="fixed_ratio", of="params", source=RATIO)
def params_fixed_ratio(training_flops: float, law_ratio: float, *, k: float = FLOPS_PER_PARAM_TOKEN) -> float:
    """Parameters that spend this compute at a fixed ratio of tokens.

        params = sqrt(training_flops / (k ratio))

    k is in FLOP per parameter and token.

    >>> params_fixed_ratio(1.2e24, 20.0)
    100000000000.0
    """
    value: float = sqrt(training_flops / (k * law_ratio))
    return value


@quantity(rival="power_law", of="params", source=POWER)
def params_power_law(
    training_flops: float, law_token_scale: float, law_token_exponent: float, *, k: float = FLOPS_PER_PARAM_TOKEN
) -> float:
    """Parameters that spend this compute where a power of it gives the tokens.

        params = training_flops / (k scale training_flops^exponent)

    k is in FLOP per parameter and token.

    >>> f"{params_power_law(3.8e25, 0.299, 0.537):.4e}"
    '3.8870e+11'
    """
    value: float = training_flops / (k * power(law_token_scale, training_flops, law_token_exponent))
    return value


@quantity(rival="kaplan", of="params", source=KAPLAN_OPTIMUM)
def params_kaplan(training_flops: float) -> float:
    """Parameters for this compute by the optimum of Kaplan et al.

        params = 1.3e9 c^0.73; c = training_flops in PF-days

    The law counts parameters without embeddings.

    >>> f"{params_kaplan(3.14e23):.4e}"
    '5.1647e+11'
    """
    value: float = power(KAPLAN_N1, training_flops / PF_DAY, KAPLAN_N_EXPONENT)
    return value


@quantity(rival="two_term", of="params", source=HOFFMANN)
def params_two_term_from_tokens(tokens: float, law_A: float, law_B: float, law_alpha: float, law_beta: float) -> float:
    """Parameters of the model for which these tokens are compute-optimal.

        params = (alpha A / (beta B))^(1/alpha) tokens^(beta/alpha)

    >>> f"{params_two_term_from_tokens(15e12, 482.01, 2085.43, 0.3478, 0.3658):.4e}"
    '9.2461e+11'
    """
    log_params = (log(law_alpha) + log(law_A) - log(law_beta) - log(law_B) + law_beta * log(tokens)) / law_alpha
    value: float = exp(log_params)
    return value


@quantity(rival="fixed_ratio", of="params", source=RATIO)
def params_fixed_ratio_from_tokens(tokens: float, law_ratio: float) -> float:
    """Parameters in a fixed ratio to the tokens.

        params = tokens / ratio

    >>> params_fixed_ratio_from_tokens(1.4e12, 20.0)
    70000000000.0
    """
    return tokens / law_ratio


@quantity(rival="power_law", of="params", source=POWER)
def params_power_law_from_tokens(
    tokens: float, law_token_scale: float, law_token_exponent: float, *, k: float = FLOPS_PER_PARAM_TOKEN
) -> float:
    """Parameters that go with these tokens where a power of compute gives the tokens.

        params = (tokens / scale)^(1/exponent) / (k tokens)

    k is in FLOP per parameter and token.

    >>> f"{params_power_law_from_tokens(1.6293522e13, 0.299, 0.537):.4e}"
    '3.8870e+11'
    """
    value: float = exp((log(tokens) - log(law_token_scale)) / law_token_exponent - log(k) - log(tokens))
    return value


@quantity(rival="kaplan", of="params", source=KAPLAN_OPTIMUM)
def params_kaplan_from_tokens(tokens: float) -> float:
    """Parameters that go with these tokens by the optimum of Kaplan et al.

        params = 1.3e9 (tokens / 2e10)^(0.73/0.27)

    >>> f"{params_kaplan_from_tokens(300e9):.3e}"
    '1.967e+12'
    """
    value: float = power(KAPLAN_N1, tokens / KAPLAN_D1, KAPLAN_N_EXPONENT / KAPLAN_D_EXPONENT)
    return value


@quantity(rival="two_term", of="params", source=HOFFMANN)
def params_two_term_from_loss(loss: float, law_E: float, law_A: float, law_alpha: float, law_beta: float) -> float:
    """Parameters of the model that reaches the loss with the least compute.

        params = (A / (share (loss - E)))^(1/alpha); share = beta / (alpha+beta)

    At the optimum the parameters' term is this share of the reducible loss.
    Raises NoValue where the loss is at or below E.

    >>> f"{params_two_term_from_loss(2.0, 1.8172, 482.01, 0.3478, 0.3658):.4e}"
    '4.6856e+10'
    """
    share = law_beta / (law_alpha + law_beta)
    value: float = exp((log(law_A) - log(share) - log(reducible(loss, law_E))) / law_alpha)
    return value


@quantity(rival="kaplan", of="params", source=KAPLAN_OPTIMUM)
def params_kaplan_from_loss(loss: float) -> float:
    """Parameters of the model that reaches the loss with the least compute, by Kaplan et al.

        params = 1.3e9 c^0.73; c = 3.1e8 / loss^(1/0.050)

    c is the minimal compute in PF-days.

    >>> f"{params_kaplan_from_loss(2.0):.3e}"
    '8.272e+10'
    """
    pf_days = exp(log(KAPLAN_CC) - log(loss) / KAPLAN_AC)
    value: float = power(KAPLAN_N1, pf_days, KAPLAN_N_EXPONENT)
    return value


for _form, _family in LOSSLESS.items():

    @quantity(rival=_form, of="params")
    def params_without_loss(loss: float, *, family: str = _family) -> float:
        """Parameters for a loss, under a law that gives no loss.

        Raises NoValue always.
        """
        raise NoValue(f"{family} gives no loss, so no parameters for one")
