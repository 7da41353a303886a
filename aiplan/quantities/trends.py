"""Exponential trends: what a growth per year means, and where it leads."""

from __future__ import annotations

import math


def doubling_months(growth_per_year: float) -> float:
    """Months in which what grows by this factor a year doubles.

        12 ln(2) / ln(growth)

    >>> round(doubling_months(4.6), 2)
    5.45
    """
    return 12.0 * math.log(2.0) / math.log(growth_per_year)


def orders_per_year(growth_per_year: float) -> float:
    """Orders of magnitude a year.

        log10(growth)

    >>> round(orders_per_year(4.6), 3)
    0.663
    """
    return math.log10(growth_per_year)


def projected(amount: float, growth_per_year: float, years: float) -> float:
    """Amount after so many years of growth.

        amount growth^years

    >>> round(projected(5.0, 2.0, 3.0), 9)
    40.0
    """
    value: float = amount * growth_per_year**years
    return value
