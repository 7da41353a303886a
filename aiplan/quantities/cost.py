"""What a run costs: owned hardware written off over time, or rented; electricity, people and data.

Three answers to one question differ by a factor of two or more and stand side by side: amortized, rented, and the
whole purchase (capex.py).
"""

from __future__ import annotations

import math

from aiplan.graph import default, given, quantity
from aiplan.maths import minimum, where

HOURS_PER_YEAR = 8766.0
SECONDS_PER_YEAR = 3600.0 * HOURS_PER_YEAR
EPOCH_COST = "Cottier et al. 2024 (arXiv 2405.21015), cost model of Epoch AI"
DECAY = 0.14  # powers of ten a year by which FLOP/s per USD of new hardware improves, same source

given("rental_price", "USD/s", "Rent of one accelerator with its share of server and network, per second.")
given("electricity_price", "USD/J", "Price of electrical energy.")
default(
    "hardware_age_years",
    "year",
    0.0,
    "Years from the purchase of the hardware to the start of the run.",
    source="bought new for the run",
)
default("staff", "", 0.0, "People who work on the run, full time.", source="none counted unless given")
default(
    "staff_pay",
    "USD/s",
    1e6 / SECONDS_PER_YEAR,
    "Pay of one person, with equity, per second.",
    source="Comprehensive Thoughts on AI, 2024: a machine-learning engineer in the US, 0.5-1.5 million USD a year",
    spread=(5e5 / SECONDS_PER_YEAR, 1.5e6 / SECONDS_PER_YEAR),
)
default(
    "data_price",
    "USD/token",
    0.0,
    "Price of training data per token, or per sample where the run is counted in samples.",
    source="public data: nothing counted unless given",
)


# -- owned -----------------------------------------------------------------------------------------------------


def hardware_value(price: float, age_years: float, *, decay: float = DECAY) -> float:
    """Value [USD] of hardware some years after it was bought (Cottier et al. 2024).

        price * 10 ** (-decay * age_years)

    It falls as fast as the price of equal performance does.

    >>> round(hardware_value(100.0, 1.0), 2)
    72.44
    """
    value: float = price * 10.0 ** (-decay * age_years)
    return value


def amortization_rate(*, decay: float = DECAY) -> float:
    """Share of its value that hardware loses per year, of what it is worth at that time.

        decay * ln(10)

    >>> round(amortization_rate(), 4)
    0.3224
    """
    return decay * math.log(10.0)


@quantity("USD", source=EPOCH_COST)
def amortized_cost(
    cluster_capex: float, hardware_age_years: float, training_days: float, *, decay: float = DECAY
) -> float:
    """Value that the hardware loses during the run.

        v * min(0.14 * ln(10) * training_days / 365.25, 1); v = cluster_capex * 10 ** (-0.14 * hardware_age_years)

    The value at the start of the run times the rate of its fall, not compounded within the run, and never more than
    the purchase.

    >>> round(amortized_cost(1e6, 0.0, 36.525))
    32236
    """
    share = amortization_rate(decay=decay) * (training_days * 24.0 / HOURS_PER_YEAR)
    out: float = hardware_value(cluster_capex, hardware_age_years, decay=decay) * minimum(share, 1.0)
    return out


@quantity("USD", source="definition")
def electricity_cost(energy: float, electricity_price: float) -> float:
    """Cost of the electricity of the run.

        energy * electricity_price

    >>> round(electricity_cost(3.6e9, 0.08 / 3.6e6), 6)
    80.0
    """
    return energy * electricity_price


# -- rented ----------------------------------------------------------------------------------------------------


@quantity("USD", source="definition")
def rental_cost(accelerator_hours: float, rental_price: float) -> float:
    """Rent of the accelerators for the run.

        accelerator_hours * 3600 * rental_price

    >>> rental_cost(1000.0, 2.0 / 3600.0)
    2000.0
    """
    return accelerator_hours * 3600.0 * rental_price


# -- people and data -------------------------------------------------------------------------------------------


@quantity("USD", source="definition")
def staff_cost(staff: float, staff_pay: float, training_days: float) -> float:
    """Pay of the people for the length of the run.

        staff * staff_pay * training_days * 86400

    >>> staff_cost(10.0, 1.0, 1.0)
    864000.0
    """
    return staff * staff_pay * training_days * 86400.0


@quantity("USD", of="data_cost", source="definition")
def data_cost_of_samples(samples: float, data_price: float) -> float:
    """Price of the training data, each piece bought once.

        samples * data_price

    >>> data_cost_of_samples(1000.0, 0.01)
    10.0
    """
    return samples * data_price


@quantity("USD", source="definition")
def data_cost(unique_tokens: float, data_price: float) -> float:
    """Price of the training data, each piece bought once.

        unique_tokens * data_price

    >>> data_cost(1e12, 1e-6)
    1000000.0
    """
    return unique_tokens * data_price


# -- the whole run ---------------------------------------------------------------------------------------------


@quantity("USD", of="run_cost", rival="owned", source=EPOCH_COST)
def run_cost_owned(amortized_cost: float, electricity_cost: float, staff_cost: float, data_cost: float) -> float:
    """Cost of the run.

        amortized_cost + electricity_cost + staff_cost + data_cost

    The hardware is owned and written off; the building is not counted.

    >>> run_cost_owned(4.0, 3.0, 2.0, 1.0)
    10.0
    """
    return amortized_cost + electricity_cost + staff_cost + data_cost


@quantity("USD", of="run_cost", rival="rented", source="definition")
def run_cost_rented(rental_cost: float, staff_cost: float, data_cost: float) -> float:
    """Cost of the run.

        rental_cost + staff_cost + data_cost

    The rent covers hardware, building and electricity.

    >>> run_cost_rented(4.0, 2.0, 1.0)
    7.0
    """
    return rental_cost + staff_cost + data_cost


@quantity("FLOP/USD", source="definition")
def flops_per_usd(training_flops: float, run_cost: float) -> float:
    """Training compute achieved per money spent on the run.

        training_flops / run_cost

    >>> flops_per_usd(1e24, 1e6)
    1e+18
    """
    return training_flops / run_cost


@quantity("FLOP/J", source="definition")
def flops_per_watt(training_flops: float, energy: float) -> float:
    """Training compute achieved per energy: FLOP/s per watt of the facility.

        training_flops / energy

    >>> flops_per_watt(1e24, 1e13)
    100000000000.0
    """
    return training_flops / energy


# -- cost of ownership -----------------------------------------------------------------------------------------


def capital_recovery_factor(rate: float, years: float) -> float:
    """Yearly payment per USD of capital that pays it back with interest: the annuity.

        rate * (1 + rate) ** years / ((1 + rate) ** years - 1), and 1 / years where the rate is zero

    >>> round(capital_recovery_factor(0.1, 4.0), 4), capital_recovery_factor(0.0, 4.0)
    (0.3155, 0.25)
    """
    some = where(rate > 0.0, rate, 1.0)
    growth = (1.0 + some) ** years
    factor: float = where(rate > 0.0, some * growth / (growth - 1.0), 1.0 / years)
    return factor


def ownership_cost_per_hour(
    it_price: float,
    peak_watts: float,
    average_watts: float,
    electricity_price: float,
    *,
    building_cost_per_watt: float = 10.2,
    it_rate: float = 0.10,
    it_years: float = 4.0,
    building_rate: float = 0.08,
    building_years: float = 15.0,
    operation_share: float = 0.03,
    utilization: float = 0.8,
) -> float:
    """Cost [USD] of one used accelerator-hour over the life of the hardware, capital and building included.

        (it_price * (CRF_it + operation_share) + building_cost_per_watt * peak_watts * CRF_building
          + average_watts * electricity_price * a year) / (8760 * utilization)

    Prices [USD, USD/W, USD/J] and powers [W] are per accelerator. Rates, lives, operation and utilization are
    illustrative, our judgement.

    >>> round(ownership_cost_per_hour(40000.0, 1402.5, 1051.9, 0.07 / 3.6e6), 2)
    2.3
    """
    hours = 8760.0
    capital = it_price * (capital_recovery_factor(it_rate, it_years) + operation_share)
    building = building_cost_per_watt * peak_watts * capital_recovery_factor(building_rate, building_years)
    electricity = average_watts * electricity_price * 3600.0 * hours
    return (capital + building + electricity) / (hours * utilization)


def flops_per_usd_of_rent(rental_price: float, peak_flops: float, mfu: float, *, goodput: float = 1.0) -> float:
    """Training compute [FLOP/USD] at a rent [USD/s] of an accelerator with a peak [FLOP/s].

        peak_flops * mfu * goodput / rental_price

    >>> f"{flops_per_usd_of_rent(2.0 / 3600.0, 989e12, 0.4):.3g}"
    '7.12e+17'
    """
    return peak_flops * mfu * goodput / rental_price
