"""Batch, step time, utilisation and length of a training run.

Speed enters once, as the achieved share of the peak (MFU) measured at a reference scale; what is modelled is how it
falls with experts and with few tokens per accelerator. Times in seconds; only days, hours and weeks say so.
"""

from __future__ import annotations

import math

from aiplan.graph import NoValue, default, given, quantity
from aiplan.maths import log2, maximum, minimum, where
from aiplan.quantities import pipeline_time as _pipeline_time  # noqa: F401  (registers what a step consists of)

DAY = 86400.0  # s

LLAMA3 = "Grattafiori et al. 2024 (Llama 3)"

given("accelerators", "", "Number of accelerators that train at the same time.")
given("peak_flops", "FLOP/s", "Dense peak of one accelerator at the precision of the matrix work.")
given("peak_flops_bf16", "FLOP/s", "Dense bf16 peak of one accelerator.")
given(
    "reference_mfu",
    "",
    "Achieved share of the peak on a dense model at a comfortable scale, before the derates.",
    bounds=(0.0, 1.0),
)
default(
    "batch_samples",
    "sample",
    256.0,
    "Samples in one optimizer step, where the run is counted in samples.",
    source="usual batch of ImageNet training (Krizhevsky 2014; He et al. 2015), from memory",
)
default(
    "step_floor",
    "s",
    1e-3,
    "Shortest possible optimizer step: the launches that no amount of hardware shortens.",
    source="our judgement: some 100 kernel launches of 3-10 us each",
    spread=(3e-4, 5e-3),
)


# -- batch -----------------------------------------------------------------------------------------------------


@quantity("token", source=f"batch of {LLAMA3}, sec. 3.4; exponent of Zhang et al. 2024 (arXiv 2410.21676), from memory")
def critical_batch_tokens(
    tokens: float, *, reference_batch: float = 16e6, reference_tokens: float = 15.6e12, exponent: float = 0.47
) -> float:
    """Largest batch that still turns more tokens per step into fewer steps.

        reference_batch * (tokens / reference_tokens) ** 0.47

    Only the exponent is from the measurements of Zhang et al.; the size is that of Llama 3 405B's last stage,
    16e6 tokens a step on 15.6e12 tokens.

    >>> critical_batch_tokens(15.6e12)
    16000000.0
    """
    batch: float = reference_batch * (tokens / reference_tokens) ** exponent
    return batch


@quantity("token", source="the critical batch, no less than one sequence, no more than there is")
def batch_tokens(critical_batch_tokens: float, seq_len: float, tokens: float) -> float:
    """Tokens in one optimizer step.

        minimum(maximum(critical_batch_tokens, seq_len), tokens)

    >>> batch_tokens(1000.0, 8192.0, 1e12)
    8192.0
    """
    batch: float = minimum(maximum(critical_batch_tokens, seq_len), tokens)
    return batch


def steps_over_minimum(batch_over_critical: float) -> float:
    """Steps needed, as a multiple of the fewest that any batch allows (McCandlish et al. 2018, arXiv 1812.06162).

        S / S_min = 1 + B_crit / B

    >>> steps_over_minimum(1.0)
    2.0
    """
    return 1.0 + 1.0 / batch_over_critical


def samples_over_minimum(batch_over_critical: float) -> float:
    """Samples needed, as a multiple of the fewest that a tiny batch needs (McCandlish et al. 2018).

        E / E_min = 1 + B / B_crit

    >>> samples_over_minimum(1.0)
    2.0
    """
    return 1.0 + batch_over_critical


def tokens_at_batch(tokens: float, batch: float, reference_batch: float, critical_batch: float) -> float:
    """Tokens that reach at `batch` the loss that `tokens` reach at `reference_batch`.

        tokens * (1 + batch / critical_batch) / (1 + reference_batch / critical_batch)

    >>> tokens_at_batch(1e12, 2e6, 1e6, 1e6)
    1500000000000.0
    """
    reference = samples_over_minimum(reference_batch / critical_batch)
    return tokens * samples_over_minimum(batch / critical_batch) / reference


# -- speed -----------------------------------------------------------------------------------------------------


@quantity("", bounds=(0.0, 1.0), source="DeepSeek-AI 2024 (DeepSeek-V2), accelerator-hours per token, from memory")
def moe_efficiency(active_params: float, params: float, *, coefficient: float = 0.54) -> float:
    """Speed of a model with experts relative to a dense one of the same FLOPs.

        0.54 if active_params < params else 1

    DeepSeek-V2 took 172,800 H800-hours per 1e12 tokens, their dense 67B 300,600: 1.74 times fewer for 3.2 times
    fewer active parameters, 1.74 / 3.2 = 0.54.

    >>> moe_efficiency(21e9, 236e9), moe_efficiency(7e9, 7e9)
    (0.54, 1.0)
    """
    share: float = where(active_params < params * (1.0 - 1e-9), coefficient, 1.0)
    return share


def scale_derate(tokens_per_accelerator: float, *, per_halving: float = 0.953, comfortable: float = 1953.0) -> float:
    """Share of the speed that is left when a step gives each accelerator few tokens.

        per_halving ** maximum(0, log2(comfortable / tokens_per_accelerator))

    Llama 3 405B fell from 43% on 8,192 to 41% on 16,384 H100s with 16e6 tokens a step (Table 4): one halving of
    1,953 tokens an accelerator. One measured halving carries the whole extrapolation.

    >>> round(scale_derate(976.5), 6)
    0.953
    """
    share: float = per_halving ** maximum(0.0, log2(comfortable / tokens_per_accelerator))
    return share


@quantity("", of="modelled_mfu", bounds=(0.0, 1.0), source="the reference as it stands")
def modelled_mfu_of_samples(reference_mfu: float, flops_per_sample: float) -> float:
    """Achieved share of the dense peak that the model of the speed predicts.

        reference_mfu

    A run counted in samples has no tokens to spread thin: that it has `flops_per_sample` is all that matters here.

    >>> modelled_mfu_of_samples(0.358, 1e10)
    0.358
    """
    return reference_mfu


@quantity("", bounds=(0.0, 1.0), source=f"derate fitted to {LLAMA3}, Table 4")
def modelled_mfu(reference_mfu: float, moe_efficiency: float, batch_tokens: float, accelerators: float) -> float:
    """Achieved share of the dense peak that the model of the speed predicts.

        reference_mfu * moe_efficiency * 0.953 ** maximum(0, log2(1953 / (batch_tokens / accelerators)))

    >>> round(modelled_mfu(0.43, 1.0, 16e6, 16384.0), 3)
    0.41
    """
    return reference_mfu * moe_efficiency * scale_derate(batch_tokens / accelerators)


@quantity("s", of="step_time", source="definition of MFU: Chowdhery et al. 2022 (PaLM), sec. 4.1")
def step_time_of_mfu(mfu: float, flops_per_step: float, accelerators: float, peak_flops: float) -> float:
    """Time of one optimizer step while the run works.

        flops_per_step / (accelerators * peak_flops * mfu)

    >>> step_time_of_mfu(0.5, 1e18, 1000.0, 1e15)
    2.0
    """
    return flops_per_step / (accelerators * peak_flops * mfu)


@quantity("s", of="step_time", source="achieved MFU of published runs")
def step_time_of_samples(
    flops_per_sample: float,
    flops_per_step: float,
    accelerators: float,
    peak_flops: float,
    modelled_mfu: float,
    step_floor: float,
) -> float:
    """Time of one optimizer step of a run that is counted in samples.

        maximum(flops_per_step / (accelerators * peak_flops * modelled_mfu), step_floor)

    >>> step_time_of_samples(1e9, 1.0, 1.0, 1e15, 0.4, 1e-3)
    0.001
    """
    time: float = maximum(step_time_of_mfu(modelled_mfu, flops_per_step, accelerators, peak_flops), step_floor)
    return time


@quantity("s", of="step_time", rival="shaped", source="sum of what a step waits for; coefficients: aiplan calibrate")
def step_time_of_layout(
    pipeline_time: float,
    data_time: float,
    optimizer_time: float,
    step_overhead: float,
    site_exchange_time: float,
    straggling: float,
    accelerators: float,
    software_factor: float,
    prediction_factor: float,
    step_floor: float,
) -> float:
    """Time of one optimizer step while the run works, from its layout.

        (pipeline + data + optimizer + step_overhead) * (1 + straggling * log2(accelerators)) * software_factor
            + site_exchange_time

    >>> round(step_time_of_layout(4.0, 0.5, 0.3, 0.2, 0.0, 0.0, 8.0, 1.0, 1.0, 1e-3), 6)
    5.0
    """
    working = pipeline_time + data_time + optimizer_time + step_overhead
    waiting = 1.0 + straggling * log2(maximum(accelerators, 1.0))
    step = working * waiting * software_factor * prediction_factor + site_exchange_time
    out: float = maximum(step, step_floor)
    return out


@quantity("s", rival="no_shape", source="achieved MFU of published runs, with derates for experts and scale")
def step_time(
    flops_per_step: float, accelerators: float, peak_flops: float, modelled_mfu: float, step_floor: float
) -> float:
    """Time of one optimizer step while the run works.

        maximum(flops_per_step / (accelerators * peak_flops * modelled_mfu), step_floor)

    >>> step_time(1.0, 1.0, 1e15, 0.4, 1e-3)
    0.001
    """
    time: float = maximum(step_time_of_mfu(modelled_mfu, flops_per_step, accelerators, peak_flops), step_floor)
    return time


@quantity("", bounds=(0.0, 1.0), source="Chowdhery et al. 2022 (PaLM), sec. 4.1, with causal attention halved")
def mfu(flops_per_step: float, accelerators: float, peak_flops: float, step_time: float) -> float:
    """Model FLOPs per second as a share of the dense peak at the precision of the matrix work.

        flops_per_step / (accelerators * peak_flops * step_time)

    >>> mfu(1e18, 1000.0, 1e15, 2.0)
    0.5
    """
    return flops_per_step / (accelerators * peak_flops * step_time)


@quantity("", bounds=(0.0, 1.0), source="Korthikanti et al. 2022 (arXiv 2205.05198), sec. 6.3, from memory")
def hfu(mfu: float, hardware_flops_per_token: float, flops_per_token: float) -> float:
    """Executed FLOPs per second, recomputation included, as a share of the dense peak.

        mfu * hardware_flops_per_token / flops_per_token

    >>> hfu(0.25, 8.0, 4.0)
    0.5
    """
    return mfu * hardware_flops_per_token / flops_per_token


@quantity("", source="definition")
def mfu_bf16(mfu: float, peak_flops: float, peak_flops_bf16: float) -> float:
    """Model FLOPs per second as a share of the dense bf16 peak, whatever the precision of the run.

        mfu * peak_flops / peak_flops_bf16

    >>> mfu_bf16(0.25, 2e15, 1e15)
    0.5
    """
    return mfu * peak_flops / peak_flops_bf16


@quantity("FLOP/s", source="definition")
def cluster_flops(accelerators: float, peak_flops: float) -> float:
    """Dense peak of all accelerators together.

        accelerators * peak_flops

    >>> cluster_flops(10.0, 1e15)
    1e+16
    """
    return accelerators * peak_flops


@quantity("token/s", source="definition")
def tokens_per_second(batch_tokens: float, step_time: float) -> float:
    """Tokens that the whole cluster trains on each second while the run works.

        batch_tokens / step_time

    >>> tokens_per_second(16e6, 4.0)
    4000000.0
    """
    return batch_tokens / step_time


# -- length ----------------------------------------------------------------------------------------------------


@quantity("", source="definition")
def steps(training_flops: float, flops_per_step: float) -> float:
    """Optimizer steps of the whole run.

        training_flops / flops_per_step

    >>> steps(1e20, 1e18)
    100.0
    """
    return training_flops / flops_per_step


@quantity("day", source="definition")
def training_days(steps: float, step_time: float, goodput: float) -> float:
    """Days from the first step to the last, with failures and planned stops.

        steps * step_time / (86400 * goodput)

    Raises NoValue where goodput is zero: the run never ends. In an array such an element is nan.

    >>> training_days(86400.0, 1.0, 0.5)
    2.0
    """
    working = where(goodput > 0.0, goodput, math.nan)
    days: float = steps * step_time / (DAY * working)
    if isinstance(days, float) and not math.isfinite(days):
        raise NoValue(
            "with global recovery so many accelerators make no progress: a failure comes before the job has "
            "restarted from the last one; elastic recovery or fewer accelerators would"
        )
    return days


@quantity("h", source="definition")
def accelerator_hours(accelerators: float, training_days: float) -> float:
    """Accelerator-hours of the run, idle ones included.

        accelerators * training_days * 24

    >>> accelerator_hours(100.0, 2.0)
    4800.0
    """
    return accelerators * training_days * 24.0


@quantity("", source="definition")
def experiments_per_week(training_days: float) -> float:
    """Runs of this size that the same accelerators finish in a week, one after the other.

        7 / training_days

    >>> experiments_per_week(3.5)
    2.0
    """
    return 7.0 / training_days


def work_done(accelerators: float, peak_flops: float, mfu: float, days: float, *, goodput: float = 1.0) -> float:
    """Model FLOPs [FLOP] that accelerators with a peak [FLOP/s] do in some days.

        accelerators * peak_flops * mfu * goodput * days * 86400

    >>> work_done(1.0, 1e15, 0.5, 1.0)
    4.32e+19
    """
    return accelerators * peak_flops * mfu * goodput * days * DAY


def accelerators_needed(
    training_flops: float, peak_flops: float, mfu: float, days: float, *, goodput: float = 1.0
) -> float:
    """Accelerators that do the work [FLOP] in some days at a given MFU; not rounded.

        training_flops / (peak_flops * mfu * goodput * days * 86400)

    >>> accelerators_needed(4.32e19, 1e15, 0.5, 1.0)
    1.0
    """
    return training_flops / work_done(1.0, peak_flops, mfu, days, goodput=goodput)


def mfu_of_run(training_flops: float, accelerator_hours: float, peak_flops: float) -> float:
    """Share of the peak [FLOP/s] over all hours of a run, stops and failures included.

        training_flops / (accelerator_hours * 3600 * peak_flops)

    Lower than the MFU of a working step by the goodput.

    >>> mfu_of_run(1.8e21, 1000.0, 1e15)
    0.5
    """
    return training_flops / (accelerator_hours * 3600.0 * peak_flops)
