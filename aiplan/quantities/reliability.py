"""Failures, checkpoints and what they leave of the time: mean time between failures, goodput, spares.

Rates are per accelerator and second. Two ways to recover stand side by side: every failure stops the whole job
(`global`), or only the replica that it hit (`elastic`).
"""

from __future__ import annotations

import math
from functools import lru_cache

from aiplan.graph import default, quantity
from aiplan.maths import exp, maximum, minimum, sqrt, where

DAY = 86400.0  # s
LLAMA3_TABLE_5 = "Grattafiori et al. 2024 (Llama 3), Table 5"
LLAMA3_RATE = 419.0 / (54.0 * 16384.0)  # unexpected interruptions per accelerator and day
SDC_RATE = 6.0 / (54.0 * 16384.0)  # found silent data corruptions per accelerator and day

Z_90, Z_95 = 1.2815515655446004, 1.6448536269514722  # standard normal quantiles


def _deciles(low: float, high: float) -> tuple[float, float]:
    """p10 and p90 of the lognormal whose 90% interval is (low, high)."""
    centre, sigma = (math.log(low) + math.log(high)) / 2.0, math.log(high / low) / (2.0 * Z_95)
    return math.exp(centre - Z_90 * sigma), math.exp(centre + Z_90 * sigma)


default(
    "failure_rate",
    "1/s",
    LLAMA3_RATE / DAY,
    "Failures that interrupt the job, per accelerator and second.",
    source=f"{LLAMA3_TABLE_5}: 419 in 54 days on 16,384 H100s; 90% interval 1e-4 to 1.5e-3 a day across fleets",
    spread=_deciles(1e-4 / DAY, 1.5e-3 / DAY),
)
default(
    "restart_time",
    "s",
    600.0,
    "Time from a failure to the first step after it: detect, replace, load, warm up.",
    source="our judgement: minutes with automation",
    spread=(120.0, 1800.0),
)
default(
    "checkpoint_pause",
    "s",
    30.0,
    "Time that training stands still for one checkpoint.",
    source="our judgement: asynchronous checkpoints stop only for the copy to the host",
    spread=(5.0, 120.0),
)
default(
    "productive_share",
    "",
    0.95,
    "Share of the time free of failures that is spent on training steps: the rest is stops, evaluation, the ramp.",
    source="our judgement, between Llama 3.1's effective time of over 90% and the 87% that its chip-hours imply",
    spread=(0.88, 0.98),
    bounds=(0.0, 1.0),
)
default(
    "campaign_efficiency",
    "",
    1.0,
    "Hours that the predicted steps need as a share of what published runs took: tuning, layout, repeated work.",
    source="by definition where the speed of a step is given, not predicted",
    bounds=(0.0, None),
)
default(
    "repair_time",
    "s",
    DAY,
    "Time until a failed accelerator is back in service.",
    source="our judgement: a day in a staffed site",
    spread=(DAY / 4.0, 7.0 * DAY),
)


# -- failures --------------------------------------------------------------------------------------------------


@quantity("s", source="independent failures at a constant rate")
def mtbf(failure_rate: float, accelerators: float) -> float:
    """Mean time between failures anywhere in the job.

        1 / (failure_rate * accelerators)

    >>> mtbf(1e-6, 1000.0)
    1000.0
    """
    return 1.0 / (failure_rate * accelerators)


@quantity("s", source=f"{LLAMA3_TABLE_5}: 6 in 54 days on 16,384 H100s")
def sdc_interval(accelerators: float, *, rate: float = SDC_RATE / DAY) -> float:
    """Mean time between silent data corruptions that are found, anywhere in the job.

        1 / (rate * accelerators)

    >>> round(sdc_interval(16384.0) / 86400.0, 6)
    9.0
    """
    return mtbf(rate, accelerators)


def expected_events(rate: float, accelerators: float, time: float) -> float:
    """Expected number of events at `rate` [1/s] per accelerator within `time` [s].

        rate * accelerators * time

    >>> expected_events(1e-6, 1000.0, 5000.0)
    5.0
    """
    return time / mtbf(rate, accelerators)


def failure_probability(rate: float, accelerators: float, time: float) -> float:
    """Chance of at least one failure at `rate` [1/s] per accelerator within `time` [s].

        1 - exp(-rate * accelerators * time)

    >>> round(failure_probability(1e-6, 1000.0, 1000.0), 4)
    0.6321
    """
    chance: float = 1.0 - exp(-expected_events(rate, accelerators, time))
    return chance


# -- checkpoints -----------------------------------------------------------------------------------------------


def young_interval(mtbf: float, checkpoint_pause: float) -> float:
    """Time [s] of work between checkpoints, first order (Young 1974, from memory).

        sqrt(2 * checkpoint_pause * mtbf)

    >>> young_interval(1000.0, 20.0)
    200.0
    """
    interval: float = sqrt(2.0 * checkpoint_pause * mtbf)
    return interval


@quantity("s", source="Daly 2006, higher-order estimate, from memory")
def checkpoint_interval(mtbf: float, checkpoint_pause: float) -> float:
    """Time of work between two checkpoints that loses the least.

        sqrt(2 * d * M) * (1 + sqrt(d / (2 * M)) / 3 + d / (2 * M) / 9) - d if d < 2 * M else M

    d is checkpoint_pause [s] and M is mtbf [s].

    >>> round(checkpoint_interval(11124.0, 60.0))
    1116
    """
    ratio = checkpoint_pause / (2.0 * mtbf)
    higher = young_interval(mtbf, checkpoint_pause) * (1.0 + sqrt(ratio) / 3.0 + ratio / 9.0) - checkpoint_pause
    interval: float = where(ratio < 1.0, higher, mtbf)
    return interval


# -- goodput ---------------------------------------------------------------------------------------------------


def restart_goodput(interval: float, mtbf: float, restart_time: float, checkpoint_pause: float) -> float:
    """Share of the time that counts when each failure stops all, for any `interval` of work [s] (Daly 2006).

        interval / (M * exp(R / M) * (exp((interval + d) / M) - 1))

    Exact for exponential failures, which may strike while the job restarts or saves too. M is mtbf, R restart_time
    and d checkpoint_pause [s]. From memory.

    >>> round(restart_goodput(797.5, 11135.0, 600.0, 30.0), 4)
    0.8797
    """
    stretch = (interval + checkpoint_pause) / mtbf  # written with exp(-x) so that a hopeless job does not overflow
    share: float = interval / mtbf * exp(-restart_time / mtbf - stretch) / (1.0 - exp(-stretch))
    return share


def _best_exponent(pause_over_mtbf: float) -> float:
    """Root u of u - 1 + exp(-u) = d: exp(-u) is -W0(-exp(-1 - d)), the Lambert function in logarithms.

    The left side is convex and rises, so Newton's steps from the right come down to the root; seven suffice for all d.
    """
    d = maximum(pause_over_mtbf, 1e-12)
    u: float = d + sqrt(2.0 * d)
    for _ in range(7):
        u = u - (u - 1.0 + exp(-u) - d) / (1.0 - exp(-u))
    return u


def best_interval(mtbf: float, checkpoint_pause: float) -> float:
    """Time [s] of work between checkpoints at which `restart_goodput` is largest.

        mtbf * (1 + W0(-exp(-1 - checkpoint_pause / mtbf)))

    Closed form of the maximum of Daly's exact expression; `checkpoint_interval` approximates it.

    >>> round(best_interval(11135.08, 30.0), 1)
    797.5
    """
    interval: float = mtbf * (1.0 - exp(-_best_exponent(checkpoint_pause / mtbf)))
    return interval


@quantity("", of="failure_goodput", rival="global", bounds=(0.0, 1.0), source="Daly 2006, exact model, from memory")
def failure_goodput_global(mtbf: float, restart_time: float, checkpoint_pause: float) -> float:
    """Share of the time that failures leave.

        -W0(-exp(-1 - checkpoint_pause / mtbf)) * exp(-restart_time / mtbf)

    Each failure stops the whole job, which goes back to its last checkpoint; the interval is the best one.

    >>> round(failure_goodput_global(11135.08, 600.0, 30.0), 4)
    0.8797
    """
    share: float = exp(-_best_exponent(checkpoint_pause / mtbf) - restart_time / mtbf)
    return share


@quantity("", source="a replica holds one whole copy of the model")
def failure_domain(accelerators: float, tp: float, pp: float, cp: float) -> float:
    """Accelerators that one failure stops where the others go on: one replica.

        minimum(accelerators, tp * pp * cp)

    >>> failure_domain(16384.0, 8.0, 16.0, 1.0)
    128.0
    """
    replica: float = minimum(accelerators, tp * pp * cp)
    return replica


@quantity("", of="failure_goodput", rival="elastic", bounds=(0.0, 1.0), source="share of replicas that are up")
def failure_goodput_elastic(failure_rate: float, failure_domain: float, restart_time: float) -> float:
    """Share of the time that failures leave.

        1 / (1 + failure_rate * failure_domain * restart_time)

    Only the replica that failed is out, for the time of a restart, while the others go on with a smaller batch.

    >>> round(failure_goodput_elastic(4.736e-4 / 86400.0, 512.0, 600.0), 4)
    0.9983
    """
    return 1.0 / (1.0 + failure_rate * failure_domain * restart_time)


@quantity("", bounds=(0.0, 1.0), source="failures, planned stops and what a campaign loses are independent")
def goodput(failure_goodput: float, productive_share: float, campaign_efficiency: float) -> float:
    """Share of the wall time that moves the run forward at the speed of its steps.

        minimum(failure_goodput * productive_share * campaign_efficiency, 1)

    The parts are those of ML Productivity Goodput (Google 2024, from memory): scheduling, runtime and program.

    >>> goodput(0.9, 0.95, 1.0)
    0.855
    """
    share: float = minimum(failure_goodput * productive_share * campaign_efficiency, 1.0)
    return share


def effective_time_ratio(
    nodes: float, failures_per_node_day: float, restart_days: float, interval_days: float, pause_days: float
) -> float:
    """Expected effective training time ratio, where losses are small (Kokolis et al. 2024, arXiv 2410.21680).

        (1 - nodes * failures_per_node_day * (restart + interval / 2)) / (1 + pause / interval)

    First order: of no use once the lost share passes about 0.3, where `restart_goodput` holds.

    >>> effective_time_ratio(1.0, 0.0, 0.0, 1.0, 1.0)
    0.5
    """
    lost = nodes * failures_per_node_day * (restart_days + interval_days / 2.0)
    return (1.0 - lost) / (1.0 + pause_days / interval_days)


# -- spares ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _normal_quantile(probability: float) -> float:
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if math.erfc(-middle / math.sqrt(2.0)) / 2.0 < probability else (low, middle)
    return high


def _poisson_quantile(mean: float, probability: float, exact_below: float) -> float:
    if mean <= 0.0:
        return 0.0
    z = _normal_quantile(probability)
    count = max(0.0, float(math.ceil(mean + z * math.sqrt(mean) + (z * z - 1.0) / 6.0 - 0.5)))
    if mean >= exact_below:
        return count

    def mass(k: float) -> float:
        return math.exp(k * math.log(mean) - mean - math.lgamma(k + 1.0))

    above, k, term = 0.0, count + 1.0, mass(count + 1.0)
    while term > above * 1e-17 and term > 0.0:
        above, k = above + term, k + 1.0
        term *= mean / k
    while above > 1.0 - probability:
        count += 1.0
        above -= mass(count)
    while count > 0.0 and above + mass(count) <= 1.0 - probability:
        above += mass(count)
        count -= 1.0
    return count


def poisson_quantile(mean: float, *, probability: float = 0.99, exact_below: float = 1e4) -> float:
    """Smallest count that a Poisson variable of this mean does not exceed with this probability.

        min k with P(X <= k) >= probability

    Exact below a mean of 10,000; beyond, the normal quantile corrected for skewness, within one of it.

    >>> poisson_quantile(47.36)
    64.0
    """
    if isinstance(mean, float | int):
        return _poisson_quantile(float(mean), probability, exact_below)
    import numpy

    each: float = numpy.vectorize(_poisson_quantile, otypes=[float])(mean, probability, exact_below)
    return each


@quantity("", source="Poisson quantile at 99%: failures within one time of repair")
def spares(failure_rate: float, accelerators: float, repair_time: float) -> float:
    """Spare accelerators that replace all failed ones with 99% confidence.

        Poisson quantile at 0.99 of the mean failure_rate * accelerators * repair_time

    >>> spares(4.736e-4 / 86400.0, 100000.0, 86400.0)
    64.0
    """
    return poisson_quantile(expected_events(failure_rate, accelerators, repair_time))
