"""On and off the compute-optimal frontier of a two-term law: the least compute, its price elsewhere, inference too.

`law` maps law_E, law_A, law_B, law_alpha and law_beta to numbers. `k` is the training compute in FLOP per parameter
and token, `forward` the compute of inference in the same unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from aiplan.graph import NoValue, quantity
from aiplan.maths import exp, log
from aiplan.quantities.scaling_params import log_allocation, params_two_term, params_two_term_from_loss
from aiplan.quantities.scaling_tokens import (
    FLOPS_PER_PARAM_TOKEN,
    KAPLAN_AC,
    KAPLAN_CC,
    KAPLAN_D1,
    KAPLAN_D_EXPONENT,
    PF_DAY,
    loss_two_term,
    power,
    reducible,
    tokens_two_term_iso_loss,
)

FORWARD_FLOPS_PER_PARAM_TOKEN = 2.0  # Kaplan et al. 2020, sec. 2.1

Law = Mapping[str, float]


class Frontier(NamedTuple):
    """Constants of the compute-optimal frontier.

    params = allocation (C/k)^params_exponent, tokens = (C/k)^tokens_exponent / allocation and
    loss = E + loss_scale (C/k)^-loss_exponent.
    """

    allocation: float
    params_exponent: float
    tokens_exponent: float
    loss_exponent: float
    loss_scale: float


class InferenceAware(NamedTuple):
    """A model that reaches a loss with the least compute over training and inference."""

    params: float
    tokens: float
    flops: float
    saving: float


def _allocation(law: Law) -> float:
    value: float = log_allocation(law["law_A"], law["law_B"], law["law_alpha"], law["law_beta"])
    return value


def frontier(law: Law) -> Frontier:
    """Constants of the compute-optimal frontier of a two-term law.

        G = (alpha A/(beta B))^(1/(alpha+beta)); K = A G^-alpha + B G^beta

    Reference: Hoffmann et al. 2022, eq. 4; K derived.

    >>> from aiplan.quantities.scaling import LAWS
    >>> round(frontier(LAWS["besiroglu_2024"].coefficients).params_exponent, 4)
    0.5126
    """
    alpha, beta, log_G = law["law_alpha"], law["law_beta"], _allocation(law)
    scale: float = exp(log(law["law_A"]) - alpha * log_G) + exp(log(law["law_B"]) + beta * log_G)
    both = alpha + beta
    allocation: float = exp(log_G)
    return Frontier(allocation, beta / both, alpha / both, alpha * beta / both, scale)


def optimum(training_flops: float, law: Law, *, k: float = FLOPS_PER_PARAM_TOKEN) -> tuple[float, float]:
    """Compute-optimal (params, tokens) for this compute.

        params = G (C/k)^(beta/(alpha+beta)); tokens = (C/k)^(alpha/(alpha+beta)) / G

    >>> from aiplan.quantities.scaling import LAWS
    >>> "{:.4e}, {:.4e}".format(*optimum(5.76e23, LAWS["besiroglu_2024"].coefficients))
    '7.2249e+10, 1.3287e+12'
    """
    params = params_two_term(training_flops, law["law_A"], law["law_B"], law["law_alpha"], law["law_beta"], k=k)
    return params, training_flops / (k * params)


def optimal_tokens_per_param(training_flops: float, law: Law, *, k: float = FLOPS_PER_PARAM_TOKEN) -> float:
    """Tokens per parameter on the frontier; it grows with compute where alpha exceeds beta.

        ratio = (C/k)^((alpha-beta)/(alpha+beta)) / G^2

    >>> from aiplan.quantities.scaling import LAWS
    >>> round(optimal_tokens_per_param(5.76e23, LAWS["besiroglu_2024"].coefficients), 2)
    18.39
    """
    alpha, beta = law["law_alpha"], law["law_beta"]
    per_k = log(training_flops) - log(k)
    value: float = exp(per_k * (alpha - beta) / (alpha + beta) - 2.0 * _allocation(law))
    return value


def optimal_loss(training_flops: float, law: Law, *, k: float = FLOPS_PER_PARAM_TOKEN) -> float:
    """Lowest loss that this compute can reach.

        loss = E + K (C/k)^-(alpha beta/(alpha+beta))

    >>> from aiplan.quantities.scaling import LAWS
    >>> round(optimal_loss(5.76e23, LAWS["besiroglu_2024"].coefficients), 6)
    1.974441
    """
    line = frontier(law)
    value: float = law["law_E"] + power(line.loss_scale, training_flops / k, -line.loss_exponent)
    return value


def least_flops(loss: float, law: Law, *, k: float = FLOPS_PER_PARAM_TOKEN) -> float:
    """Least compute that reaches the loss.

        C = k (K / (loss - E))^((alpha+beta)/(alpha beta))

    Raises NoValue where the loss is at or below E.

    >>> from aiplan.quantities.scaling import LAWS
    >>> f'{least_flops(2.0, LAWS["besiroglu_2024"].coefficients):.4e}'
    '2.4748e+23'
    """
    line = frontier(law)
    value: float = k * exp((log(line.loss_scale) - log(reducible(loss, law["law_E"]))) / line.loss_exponent)
    return value


def compute_penalty(params: float, tokens: float, law: Law, *, k: float = FLOPS_PER_PARAM_TOKEN) -> float:
    """Compute spent over the least that reaches the same loss; 1 on the frontier.

        penalty = k params tokens / least_flops(loss(params, tokens))

    >>> from aiplan.quantities.scaling import LAWS
    >>> round(compute_penalty(8e9, 15e12, LAWS["besiroglu_2024"].coefficients), 2)
    5.51
    """
    loss = loss_two_term(params, tokens, **law)
    return k * params * tokens / least_flops(loss, law, k=k)


def loss_slopes(params: float, tokens: float, law: Law) -> tuple[float, float]:
    """Change of the loss per e-fold of parameters and of tokens, in nats.

        dL/dln(params) = -alpha A params^-alpha; dL/dln(tokens) = -beta B tokens^-beta

    >>> from aiplan.quantities.scaling import LAWS
    >>> [round(s, 4) for s in loss_slopes(70e9, 1.4e12, LAWS["besiroglu_2024"].coefficients)]
    [-0.0283, -0.0275]
    """
    alpha, beta = law["law_alpha"], law["law_beta"]
    return -alpha * power(law["law_A"], params, -alpha), -beta * power(law["law_B"], tokens, -beta)


def inference_aware_optimum(
    loss: float,
    inference_tokens: float,
    law: Law,
    *,
    k: float = FLOPS_PER_PARAM_TOKEN,
    forward: float = FORWARD_FLOPS_PER_PARAM_TOKEN,
) -> InferenceAware:
    """Model that reaches the loss with the least compute over training and serving `inference_tokens`.

        alpha A params^-alpha / (beta B tokens^-beta) = 1 + forward inference_tokens / (k tokens)

    Bisection on ln(params) between the smallest feasible model and the compute-optimal one. `saving` is the share
    of the compute-optimal model's total that it saves. Reference: Sardana et al. 2024, eq. 3; condition derived.
    Raises NoValue where the loss is at or below E.

    >>> from aiplan.quantities.scaling import LAWS
    >>> f'{inference_aware_optimum(2.0, 1e13, LAWS["besiroglu_2024"].coefficients).params:.4e}'
    '2.0011e+10'
    """
    alpha, beta = law["law_alpha"], law["law_beta"]
    smallest = (math.log(law["law_A"]) - math.log(reducible(loss, law["law_E"]))) / alpha
    largest = math.log(params_two_term_from_loss(loss, law["law_E"], law["law_A"], alpha, beta))

    def tokens_of(log_params: float) -> float:
        return tokens_two_term_iso_loss(loss, math.exp(log_params), **law)

    def total(log_params: float) -> float:
        return math.exp(log_params) * (k * tokens_of(log_params) + forward * inference_tokens)

    low, high = smallest, largest
    for _ in range(80):
        middle = 0.5 * (low + high)
        tokens = tokens_of(middle)
        by_params, by_tokens = loss_slopes(math.exp(middle), tokens, law)
        if by_params / by_tokens > 1.0 + forward * inference_tokens / (k * tokens):
            low = middle
        else:
            high = middle
    return InferenceAware(math.exp(high), tokens_of(high), total(high), 1.0 - total(high) / total(largest))


def implied_inference_ratio(
    params: float,
    tokens: float,
    law: Law,
    *,
    k: float = FLOPS_PER_PARAM_TOKEN,
    forward: float = FORWARD_FLOPS_PER_PARAM_TOKEN,
) -> float:
    """Tokens served per token trained for which a published model would be the best; negative if under-trained.

        ratio = (k/forward) (dL/dln(params) / dL/dln(tokens) - 1)

    Reference: the condition of `inference_aware_optimum`, solved for the inference.

    >>> from aiplan.quantities.scaling import LAWS
    >>> round(implied_inference_ratio(8e9, 15e12, LAWS["besiroglu_2024"].coefficients), 1)
    12.7
    """
    by_params, by_tokens = loss_slopes(params, tokens, law)
    return k / forward * (by_params / by_tokens - 1.0)


# -- the price of being off it ---------------------------------------------------------------------------------

PENALTY = "Hoffmann et al. 2022, eq. 10; algebra derived"


@quantity("", rival="two_term", source=PENALTY)
def overtraining_penalty(
    effective_params: float,
    tokens: float,
    law_E: float,
    law_A: float,
    law_B: float,
    law_alpha: float,
    law_beta: float,
) -> float:
    """Compute spent over the least that reaches the same loss by the chosen law; 1 on its frontier.

        penalty = N D / (K / (loss - E))^((alpha+beta)/(alpha beta)); N = effective_params, D = tokens

    K is the loss scale of the frontier. Also above 1 for a model on too few tokens; the FLOP per token cancel.

    >>> round(overtraining_penalty(8e9, 15e12, 1.8172, 482.01, 2085.43, 0.3478, 0.3658), 2)
    5.51
    """
    law = {"law_E": law_E, "law_A": law_A, "law_B": law_B, "law_alpha": law_alpha, "law_beta": law_beta}
    return compute_penalty(effective_params, tokens, law)


@quantity("", rival="krajewski", of="overtraining_penalty", source="Krajewski et al. 2024, Table 1; algebra derived")
def overtraining_penalty_krajewski(
    params: float, tokens: float, law_E: float, law_A: float, law_B: float, law_alpha: float, law_beta: float
) -> float:
    """Compute spent over the least that reaches the same loss by the law of Krajewski et al.

        penalty = N D / (K / (loss - E))^((alpha+beta)/(alpha beta)); N = params, D = tokens

    >>> round(overtraining_penalty_krajewski(671e9, 14.8e12, 0.47, 18.73, 30.8, 0.115, 0.147), 2)
    1.87
    """
    law = {"law_E": law_E, "law_A": law_A, "law_B": law_B, "law_alpha": law_alpha, "law_beta": law_beta}
    return compute_penalty(params, tokens, law)


for _form, _why in {
    "fixed_ratio": "a fixed ratio of tokens to parameters gives no loss",
    "power_law": "a power law from compute to tokens gives no loss",
    "kaplan": "the compute of kaplan_2020 is at small batches, which 6 N D is not",
    "clark": "clark_moe is of one number of tokens",
    "abnar": "the least compute of abnar_moe has no closed form",
}.items():

    @quantity("", rival=_form, of="overtraining_penalty")
    def overtraining_penalty_unknown(tokens: float, *, why: str = _why) -> float:
        """Compute spent over the least, under a law that does not tell.

        Raises NoValue always.
        """
        raise NoValue(f"{why}, so no least compute to compare with")


# -- Kaplan et al. 2020 ----------------------------------------------------------------------------------------


def kaplan_tokens(training_flops: float) -> float:
    """Tokens at the optimum of Kaplan et al., processed at a batch far below the critical one.

        tokens = 2e10 c^0.27; c = training_flops in PF-days

    Reference: Kaplan et al. 2020, sec. 6.1 (prefactor from memory).

    >>> f"{kaplan_tokens(3.14e23):.4e}"
    '1.8295e+11'
    """
    value: float = power(KAPLAN_D1, training_flops / PF_DAY, KAPLAN_D_EXPONENT)
    return value


def kaplan_loss(training_flops: float) -> float:
    """Lowest loss for this compute by Kaplan et al.

        loss = (3.1e8 / c)^0.050; c = training_flops in PF-days

    Reference: Kaplan et al. 2020, eq. 1.3.

    >>> round(kaplan_loss(3.14e23), 4)
    1.7642
    """
    value: float = power(1.0, KAPLAN_CC * PF_DAY / training_flops, KAPLAN_AC)
    return value


def kaplan_critical_batch(loss: float, *, scale: float = 2e8, exponent: float = 0.21) -> float:
    """Critical batch in tokens at this loss by Kaplan et al.

        batch = 2e8 / loss^(1/0.21)

    Reference: Kaplan et al. 2020, eq. 1.4.

    >>> round(kaplan_critical_batch(3.0))
    1069114
    """
    value: float = power(scale, loss, -1.0 / exponent)
    return value


def kaplan_overfit_tokens(params: float, *, scale: float = 5e3, exponent: float = 0.74) -> float:
    """Tokens below which a model of this size overfits, by Kaplan et al.

        tokens = 5e3 params^0.74

    Reference: Kaplan et al. 2020, eq. 4.4.

    >>> f"{kaplan_overfit_tokens(1e9):.4e}"
    '2.2854e+10'
    """
    value: float = power(scale, params, exponent)
    return value


# -- DeepSeek LLM 2024, Jones 2021 -----------------------------------------------------------------------------


def deepseek_flops_per_token(layers: float, d_model: float, seq_len: float) -> float:
    """Training FLOP per token without embeddings, the model scale M that DeepSeek LLM counts by.

        M = 72 layers d_model^2 + 12 layers d_model seq_len

    Reference: DeepSeek-AI 2024 (DeepSeek LLM), eq. 2.

    >>> deepseek_flops_per_token(95, 8192, 4096)
    497276682240
    """
    return 72 * layers * d_model**2 + 12 * layers * d_model * seq_len


def deepseek_optimum(training_flops: float) -> tuple[float, float]:
    """Best (model scale M in FLOP per token, tokens) for this compute by DeepSeek LLM; M is about six parameters.

        M = 0.1715 C^0.5243; tokens = 5.8316 C^0.4757

    Reference: DeepSeek-AI 2024 (DeepSeek LLM), eq. 4.

    >>> "{:.4e}, {:.4e}".format(*deepseek_optimum(1e23))
    '1.9641e+11, 5.0920e+11'
    """
    return power(0.1715, training_flops, 0.5243), power(5.8316, training_flops, 0.4757)


def jones_test_flops(training_flops: float, elo: float) -> float:
    """Compute at test time that gives a player of 9x9 Hex this Elo after so much training.

        log10 test = -1.2 log10 train + 0.004 Elo + 29

    Each tenfold of training saves a fifteenfold of search. Of board games; no evidence on language models.
    Reference: Jones 2021.

    >>> f"{jones_test_flops(1e15, 1500.0):.3g}"
    '1e+17'
    """
    value: float = exp(log(10.0) * (0.004 * elo + 29.0) - 1.2 * log(training_flops))
    return value
