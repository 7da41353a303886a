"""Functions that work on floats and numpy arrays alike, so that a formula never branches on a value.

numpy is imported only when an argument is an array: a plan of plain floats needs none.
"""

from __future__ import annotations

import math
from typing import Any

_PLAIN = (float, int)


def _numpy() -> Any:
    import numpy

    return numpy


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two, elementwise.

    >>> minimum(2.0, 3.0)
    2.0
    """
    return min(a, b) if isinstance(a, _PLAIN) and isinstance(b, _PLAIN) else _numpy().minimum(a, b)


def maximum(a: Any, b: Any) -> Any:
    """The larger of two, elementwise.

    >>> maximum(2.0, 3.0)
    3.0
    """
    return max(a, b) if isinstance(a, _PLAIN) and isinstance(b, _PLAIN) else _numpy().maximum(a, b)


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, else `no`, elementwise.

    >>> where(2.0 > 1.0, 5.0, 6.0)
    5.0
    """
    if isinstance(condition, _PLAIN):
        return yes if condition else no
    return _numpy().where(condition, yes, no)


def exp(x: Any) -> Any:
    """e to the power x.

    >>> exp(0.0)
    1.0
    """
    return math.exp(x) if isinstance(x, _PLAIN) else _numpy().exp(x)


def log(x: Any) -> Any:
    """Natural logarithm.

    >>> log(1.0)
    0.0
    """
    return math.log(x) if isinstance(x, _PLAIN) else _numpy().log(x)


def log2(x: Any) -> Any:
    """Logarithm to base 2.

    >>> log2(8.0)
    3.0
    """
    return math.log2(x) if isinstance(x, _PLAIN) else _numpy().log2(x)


def sqrt(x: Any) -> Any:
    """Square root.

    >>> sqrt(9.0)
    3.0
    """
    return math.sqrt(x) if isinstance(x, _PLAIN) else _numpy().sqrt(x)


def ceil(x: Any) -> Any:
    """Smallest whole number not below x, as a float; a relative 1e-12 above a whole number counts as that number.

    >>> ceil(2.1)
    3.0
    """
    if isinstance(x, _PLAIN):
        return float(math.ceil(x - abs(x) * 1e-12))
    return _numpy().ceil(x - abs(x) * 1e-12)


def floor(x: Any) -> Any:
    """Largest whole number not above x, as a float; a relative 1e-12 below a whole number counts as that number.

    >>> floor(2.9)
    2.0
    """
    if isinstance(x, _PLAIN):
        return float(math.floor(x + abs(x) * 1e-12))
    return _numpy().floor(x + abs(x) * 1e-12)
