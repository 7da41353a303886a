"""Schedules of a pipeline: how long its stages idle, and how many copies of the weights they hold.

`zero_bubble` is the schedule's number: 0 one forward, one backward (interleaved where there are virtual stages); those
that split the backward pass into gradients of inputs (B) and of weights (W), and fill the bubble with the latter: 1
ZB-H1, 2 ZB-V, 3 DualPipe.
"""

from __future__ import annotations

from typing import NamedTuple

from aiplan.graph import default, quantity
from aiplan.maths import maximum, minimum, where


class Schedule(NamedTuple):
    """A schedule by name: its number, the virtual stages that it implies, and what it is."""

    number: float
    virtual_stages: float | None
    source: str


SCHEDULES = {
    "interleaved": Schedule(0, None, "1F1B, interleaved where that pays (Narayanan et al. 2021)"),
    "1f1b": Schedule(0, 1, "one forward, one backward (Narayanan et al. 2021, sec. 2.2.1)"),
    "zero_bubble": Schedule(1, 1, "ZB-H1: memory as 1F1B, a third of its bubble (Qi et al. 2023, sec. 2.3, Table 2)"),
    "zero_bubble_v": Schedule(2, 2, "ZB-V: memory as 1F1B, no bubble where T_F = T_B = T_W (Qi et al. 2023, sec. 6)"),
    "dualpipe": Schedule(
        3, 2, "DualPipe: two copies of the weights, experts' traffic hidden (DeepSeek-V3 2024, sec. 3.2.1, Table 2)"
    ),
}

default(
    "zero_bubble",
    "",
    0.0,
    "How the pipeline's bubble is filled: 0 not, 1 ZB-H1, 2 ZB-V, 3 DualPipe.",
    source="1F1B, as most published runs",
    bounds=(0.0, 3.0),
)
default(
    "weight_gradient_share",
    "",
    1 / 3,
    "Share of a micro-batch's time that computes gradients of weights, which no other stage waits for.",
    source="Qi et al. 2023, sec. 2: T_F = T_B = T_W; attention, which has no weights, makes it less",
    bounds=(0.0, 0.5),
)


@quantity(
    "", source="Narayanan et al. 2021, sec. 2.2.2; Qi et al. 2023, Table 2; DeepSeek-V3 2024, Table 2; m < p derived"
)
def pipeline_bubble(
    pp: float, virtual_stages: float, micro_batches: float, zero_bubble: float, weight_gradient_share: float
) -> float:
    """Idle time of a pipeline, relative to the time it works.

        1F1B: (min(p, m) - 1) / (v m) + max(p - m, 0) / m: with fewer micro-batches m than stages p all wait
        ZB-H1: ((min(p, m) - 1) (1 - 2 w) + max(p - m, 0) (1 - w)) / m; ZB-V: with 1 - 3 w in place of 1 - 2 w
        DualPipe: (min(p, m) / 2 - 1) (F&B + B - 3 W) / m = (min(p, m) / 2 - 1) (1.5 - 2.5 w) / m + as before

    w is the weights' share of the work, F = B = (1 - w) / 2 of it. For ZB-V with w under 1/3 the remainder is taken
    to be that of ZB-H2, (p - 1) (F + B - 2 W), which our source gives for that schedule alone.

    >>> pipeline_bubble(16, 8, 16.0, 0, 1 / 3)
    0.1171875
    >>> round(pipeline_bubble(16, 1, 16.0, 1, 1 / 3) / pipeline_bubble(16, 1, 16.0, 0, 1 / 3), 6)
    0.333333
    """
    stages, late, w = minimum(pp, micro_batches), maximum(pp - micro_batches, 0.0), weight_gradient_share
    plain = (stages - 1) / virtual_stages + late
    half = (stages - 1) * (1 - 2 * w)
    full = (stages - 1) * maximum(1 - 3 * w, 0.0)
    dual = maximum(stages / 2 - 1, 0.0) * (1.5 - 2.5 * w)
    filled = where(zero_bubble > 2, dual, where(zero_bubble > 1, full, half)) + late * (1 - w)
    out: float = where(zero_bubble > 0, filled, plain) / micro_batches
    return out


def copies_held(pp: float, zero_bubble: float) -> float:
    """Copies of the weights and gradients that a stage holds: DualPipe runs the pipeline from both ends.

        2 for DualPipe, else 1

    Reference: DeepSeek-V3 2024, Table 2.
    >>> copies_held(16, 3), copies_held(16, 1)
    (2.0, 1.0)
    """
    out: float = where(zero_bubble > 2, where(pp > 1, 2.0, 1.0), 1.0)
    return out
