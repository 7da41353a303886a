"""Training data: how much text there is, how often it is repeated, what a repeat is worth, and its bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from aiplan.graph import default, quantity
from aiplan.maths import exp, log, maximum, minimum
from aiplan.quantities.scaling_tokens import FLOPS_PER_PARAM_TOKEN, loss_two_term

# Muennighoff et al. 2023, published code: repeats after which a repeat is worth 1/e of a new token or parameter
REPEAT_TOKENS = 15.387756
REPEAT_PARAMS = 5.309743

# Muennighoff et al. 2023: epochs up to which repeating costs little, is worth something, was tried (last: our reading)
EPOCHS_FREE, EPOCHS_USEFUL, EPOCHS_TRIED = 4.0, 16.0, 40.0

Z90 = 1.2815515655446004  # standard normal quantile of 0.9
Z95 = 1.6448536269514722  # and of 0.95


def lognormal(low: float, high: float, *, z: float = Z90) -> tuple[float, float]:
    """Mean and deviation of ln(x) of the lognormal whose central interval is low to high.

        mu = (ln(low) + ln(high)) / 2; sigma = (ln(high) - ln(low)) / (2 z)

    z is 1.28155 for a p10 and p90, 1.64485 for a p5 and p95.

    >>> [round(x, 4) for x in lognormal(0.227, 0.565)]
    [-1.0269, 0.3558]
    """
    return (math.log(low) + math.log(high)) / 2.0, (math.log(high) - math.log(low)) / (2.0 * z)


def lognormal_product_shares(sigmas: Sequence[float]) -> tuple[list[float], list[float], list[float]]:
    """Shares of the variance of a product of independent lognormals: of its logarithm, first-order, and total.

        S_i(log) = s_i^2 / sum; S_i = (e^(s_i^2) - 1) / (prod - 1); T_i = S_i prod / e^(s_i^2); prod = e^sum

    s_i are the deviations of the logarithms. Closed form against which sampled sensitivities can be checked.

    >>> [round(x, 3) for x in lognormal_product_shares([0.35, 0.25, 0.1, 0.15])[0]]
    [0.563, 0.287, 0.046, 0.103]
    """
    total = math.fsum(s * s for s in sigmas)
    first = [math.expm1(s * s) / math.expm1(total) for s in sigmas]
    return (
        [s * s / total for s in sigmas],
        first,
        [share * math.exp(total - s * s) for share, s in zip(first, sigmas, strict=True)],
    )


def _p10_p90(low: float, high: float) -> tuple[float, float]:
    """The p10 and p90 of the lognormal whose 90% interval is low to high."""
    mu, sigma = lognormal(low, high, z=Z95)
    return math.exp(mu - Z90 * sigma), math.exp(mu + Z90 * sigma)


default(
    "text_stock",
    "token",
    300e12,
    "Public human text that there is to train on.",
    source="Villalobos et al. 2024 (90% interval 100T to 1000T)",
    spread=_p10_p90(100e12, 1000e12),
)
default(
    "bytes_per_token",
    "B/token",
    4.0,
    "Bytes of text for each token.",
    source="rule of thumb for English, four characters a token (from memory)",
)


@quantity("token", source="by definition: what there is, or less")
def unique_tokens(tokens: float, text_stock: float) -> float:
    """Different tokens among those that the model is trained on.

        unique_tokens = min(tokens, text_stock)

    >>> unique_tokens(2e15, 300e12)
    300000000000000.0
    """
    value: float = minimum(tokens, text_stock)
    return value


@quantity("", source="by definition")
def epochs(tokens: float, unique_tokens: float) -> float:
    """Passes over the unique tokens.

        epochs = tokens / unique_tokens

    >>> epochs(1.2e15, 300e12)
    4.0
    """
    return tokens / unique_tokens


@quantity("B", source="by definition")
def data_bytes(tokens: float, bytes_per_token: float) -> float:
    """Bytes of the training text, repeated ones counted each time.

        data_bytes = tokens bytes_per_token

    >>> data_bytes(15e12, 4.0)
    60000000000000.0
    """
    return tokens * bytes_per_token


def repetition_concern(epochs: float) -> str | None:
    """What is known against repeating the data so often, or None where it costs little.

    Reference: Muennighoff et al. 2023, sec. 6.

    >>> repetition_concern(3.0)
    >>> repetition_concern(6.0)
    'each token is seen 6 times: beyond 4, a repeated token is worth less than a new one'
    """
    seen = f"each token is seen {epochs:.3g} times"
    if epochs > EPOCHS_TRIED:
        return f"{seen}: beyond {EPOCHS_TRIED:.0f}, nothing is known"
    if epochs > EPOCHS_USEFUL:
        return f"{seen}: beyond {EPOCHS_USEFUL:.0f}, a further repeat is worth next to nothing"
    if epochs > EPOCHS_FREE:
        return f"{seen}: beyond {EPOCHS_FREE:.0f}, a repeated token is worth less than a new one"
    return None


def _worth(amount: float, fresh: float, scale: float) -> float:
    """What an amount is worth in fresh units when its excess over `fresh` decays with each repeat."""
    repeats = maximum(amount / fresh - 1.0, 0.0)
    value: float = minimum(amount, fresh) * (1.0 + scale * (1.0 - exp(-repeats / scale)))
    return value


def effective_tokens(tokens: float, unique: float, *, repeat_scale: float = REPEAT_TOKENS) -> float:
    """Unique tokens that would teach as much as these tokens with repeats.

        effective = U + U R (1 - exp(-repeats/R)); repeats = max(tokens/U - 1, 0)

    At most 16.4 times the unique ones. Reference: Muennighoff et al. 2023, eq. 5.

    >>> round(effective_tokens(4.0, 1.0), 3)
    3.726
    """
    return _worth(tokens, unique, repeat_scale)


def optimal_params_for_unique(unique: float, *, law_A: float, law_B: float, law_alpha: float, law_beta: float) -> float:
    """Parameters for which so many unique tokens are compute-optimal.

        params = (U G)^(beta/alpha) G; G = (alpha A / (beta B))^(1/(alpha+beta))

    Reference: Muennighoff et al. 2023, published code.

    >>> f"{optimal_params_for_unique(25e9, law_A=520.825, law_B=1487.716, law_alpha=0.35266, law_beta=0.35266):.3e}"
    '1.275e+09'
    """
    log_G = (log(law_alpha) + log(law_A) - log(law_beta) - log(law_B)) / (law_alpha + law_beta)
    value: float = exp(law_beta / law_alpha * (log(unique) + log_G) + log_G)
    return value


def loss_with_repeats(
    params: float,
    tokens: float,
    unique: float,
    *,
    law_E: float = math.exp(0.6254804),
    law_A: float = math.exp(6.255414),
    law_B: float = math.exp(7.3049974),
    law_alpha: float = 0.3526596,
    law_beta: float = 0.3526596,
    repeat_scale: float = REPEAT_TOKENS,
    excess_scale: float = REPEAT_PARAMS,
) -> float:
    """Loss when the tokens are repeats of fewer unique ones, by the fit on C4 of Muennighoff et al.

        loss = E + A / N'^alpha + B / D'^beta; D' = effective_tokens, N' likewise from the optimum for the unique

    Reference: Muennighoff et al. 2023, sec. 3.1 and published code.

    >>> round(loss_with_repeats(6.34e9, 242e9, 25e9), 6)
    2.225644
    """
    fitting = optimal_params_for_unique(unique, law_A=law_A, law_B=law_B, law_alpha=law_alpha, law_beta=law_beta)
    params_worth = _worth(params, fitting, excess_scale)
    tokens_worth = _worth(tokens, unique, repeat_scale)
    return loss_two_term(params_worth, tokens_worth, law_E, law_A, law_B, law_alpha, law_beta)


@quantity("token", source="Muennighoff et al. 2023, eq. 5, published code")
def effective_unique_tokens(tokens: float, unique_tokens: float) -> float:
    """New tokens that would teach as much as these tokens with their repeats.

        U + U R (1 - exp(-repeats/R)); U = unique_tokens, repeats = tokens/U - 1, R = 15.39

    At most 16.4 times the unique ones.

    >>> f"{effective_unique_tokens(1.2e15, 300e12):.4g}"
    '1.118e+15'
    """
    return effective_tokens(tokens, unique_tokens)


@quantity("", source="Muennighoff et al. 2023, sec. 3.1, published code (fit on C4)")
def repeat_loss_penalty(effective_params: float, tokens: float, unique_tokens: float) -> float:
    """Loss that repeated tokens cost over as many new ones, in nats per token of the fit on C4.

        loss(tokens of which unique_tokens are new) - loss(all tokens new)

    A difference within one law, whichever law sized the run; 0 where nothing is repeated.

    >>> round(repeat_loss_penalty(6.34e9, 242e9, 25e9), 3)
    0.031
    """
    repeated = loss_with_repeats(effective_params, tokens, unique_tokens)
    return repeated - loss_with_repeats(effective_params, tokens, maximum(unique_tokens, tokens))


class BestWithRepeats(NamedTuple):
    """The model with the lowest loss for its compute when the unique tokens are limited."""

    params: float
    tokens: float
    epochs: float
    loss: float


def best_with_repeats(
    training_flops: float, unique: float, *, k: float = FLOPS_PER_PARAM_TOKEN, **law: float
) -> BestWithRepeats:
    """Parameters, tokens and passes with the lowest loss for this compute on so many unique tokens.

        minimise loss_with_repeats(params, training_flops / (k params), unique) over params

    Grid of ln(params), then golden section around its best point. `law` may hold the keywords of
    `loss_with_repeats`. Reference: Muennighoff et al. 2023, sec. 5.

    >>> best = best_with_repeats(9.3e21, 25e9)
    >>> f"{best.params:.2e} {best.epochs:.1f}"
    '6.82e+09 9.1'
    """

    def loss(log_params: float) -> float:
        params = math.exp(log_params)
        return loss_with_repeats(params, training_flops / (k * params), unique, **law)

    middle = 0.5 * math.log(training_flops / k)  # as many parameters as tokens
    steps, width = 64, 12.0
    grid = [middle - width + 2.0 * width * i / steps for i in range(steps + 1)]
    best = min(grid, key=loss)
    low, high = best - 2.0 * width / steps, best + 2.0 * width / steps
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    for _ in range(50):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    params = math.exp(0.5 * (low + high))
    tokens = training_flops / (k * params)
    return BestWithRepeats(params, tokens, max(tokens / unique, 1.0), loss(math.log(params)))
