"""What few bits cost a model: the share of its parameters that training in them leaves effective.

Asked by name only; nothing else rests on it, since block-scaled FP8 trains without a measurable loss and the
authors call their constants unlikely to hold elsewhere.
"""

from __future__ import annotations

import math

from aiplan.graph import default, quantity
from aiplan.maths import exp

# Kumar et al. 2024, App. K, Table 2: bits at which a format of weights, activations, KV cache keeps 1 - 1/e
KUMAR_WEIGHTS, KUMAR_ACTIVATIONS, KUMAR_KV = 2.6745, 2.2102, 0.9578

_BITS = "16-bit training; give the bits of a narrower format"

default("weight_bits", "", 16.0, "Bits of a weight in the matrix work.", source=_BITS)
default("activation_bits", "", 16.0, "Bits of an activation in the matrix work.", source=_BITS)
default("kv_bits", "", 16.0, "Bits of a key or value of the attention.", source=_BITS)


def share_at_bits(bits: float, scale: float) -> float:
    """Share of the parameters that one format leaves effective.

        1 - exp(-bits/scale)

    >>> round(share_at_bits(4.0, 2.6745), 3)
    0.776
    """
    value: float = 1.0 - exp(-bits / scale)
    return value


@quantity("", bounds=(0.0, 1.0), source="Kumar et al. 2024, eq. 4, App. K, Table 2 (integer formats)")
def precision_effective_share(weight_bits: float, activation_bits: float, kv_bits: float) -> float:
    """Effective over actual parameters when weights, activations and keys and values have so few bits.

        (1 - exp(-weight_bits/2.67)) (1 - exp(-activation_bits/2.21)) (1 - exp(-kv_bits/0.958))

    Small dense models, trained in simulated integer formats of one scale each; no evidence on block-scaled FP8 or FP4.

    >>> round(precision_effective_share(8.0, 8.0, 8.0), 3)
    0.924
    """
    weights = share_at_bits(weight_bits, KUMAR_WEIGHTS)
    return weights * share_at_bits(activation_bits, KUMAR_ACTIVATIONS) * share_at_bits(kv_bits, KUMAR_KV)


def best_bits_over_scale() -> float:
    """Best bits over the scale of the format, where compute is in proportion to the bits of all three alike.

        3 u exp(-u) = 1 - exp(-u)

    For equal exponents of parameters and tokens. Newton's method. Reference: derived from Kumar et al. 2024, eq. 4.

    >>> round(best_bits_over_scale(), 4)
    1.9038
    """
    u = 2.0
    for _ in range(20):
        e = math.exp(-u)
        u -= (3.0 * u * e - 1.0 + e) / ((2.0 - 3.0 * u) * e)
    return u
