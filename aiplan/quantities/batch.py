"""Batch size: what a batch beyond the critical one costs, and the batch and learning rate that fits recommend.

The critical batch itself is `critical_batch_tokens` of step_time.py; that of Kaplan et al. is in frontier.py.
"""

from __future__ import annotations

from aiplan.graph import quantity
from aiplan.quantities.scaling_tokens import power
from aiplan.quantities.step_time import samples_over_minimum

# Exponents of the tokens by which a batch grows, all from memory: Zhang et al. 2024 (critical), Bergsma et al. 2025
# (critical, and best)
ZHANG_CRITICAL, BERGSMA_CRITICAL, BERGSMA_BEST = 0.47, 0.462, 0.383

DEEPSEEK = "DeepSeek-AI 2024 (DeepSeek LLM), eq. 1; fitted on 1e17 to 2e19 FLOP (range from memory)"


@quantity("", source="McCandlish et al. 2018, from memory")
def batch_token_overhead(batch_tokens: float, critical_batch_tokens: float) -> float:
    """Tokens that this batch needs over the fewest, which a tiny batch needs, for the same loss.

        1 + batch_tokens / critical_batch_tokens

    The laws' tokens are of usual batches, so only its change counts. Under a constant learning rate with a decay at
    the end the relation breaks (arXiv 2601.05034).

    >>> batch_token_overhead(16e6, 16e6)
    2.0
    """
    return samples_over_minimum(batch_tokens / critical_batch_tokens)


@quantity("token", source=DEEPSEEK)
def optimal_batch_tokens(training_flops: float) -> float:
    """Best tokens in one optimizer step for this compute, by the fit of DeepSeek LLM.

        0.2920 training_flops^0.3271

    Asked by name only: the plan's own batch is the critical one.

    >>> f"{optimal_batch_tokens(1e23):.4g}"
    '9.743e+06'
    """
    value: float = power(0.2920, training_flops, 0.3271)
    return value


@quantity("", source=DEEPSEEK)
def optimal_learning_rate(training_flops: float) -> float:
    """Best peak learning rate for this compute, by the fit of DeepSeek LLM.

        0.3118 training_flops^-0.1250

    >>> f"{optimal_learning_rate(1e23):.4g}"
    '0.0004158'
    """
    value: float = power(0.3118, training_flops, -0.1250)
    return value


def batch_growth(tokens: float, reference_tokens: float, *, exponent: float = ZHANG_CRITICAL) -> float:
    """Factor by which the critical batch grows from one number of training tokens to another.

        (tokens / reference_tokens)^0.47

    Only the exponent of Zhang et al. 2024 is known to us, from memory, and not the batch itself. Bergsma et al. 2025
    found 0.462 for the critical batch and 0.383 for the best one.

    >>> round(batch_growth(15e12, 1e12), 3)
    3.571
    """
    value: float = power(1.0, tokens / reference_tokens, exponent)
    return value
