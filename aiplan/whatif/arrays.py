"""numpy, asked for only where many points are computed at once, and the random numbers that depend on nothing else."""

from __future__ import annotations

from typing import Any

from aiplan.errors import UserError


def numpy() -> Any:
    """numpy, or one sentence that says what is missing."""
    try:
        import numpy as module
    except ImportError:
        raise UserError(
            "uncertain inputs need numpy, which is not installed: pip install 'aiplan[whatif]' brings it"
        ) from None
    return module


def raw(seed: int, key: str, count: int) -> Any:
    """Random 64-bit words that depend on the seed and the key alone, in every version of numpy."""
    from hashlib import sha256

    np = numpy()
    state = int.from_bytes(sha256(f"{seed}:{key}".encode()).digest()[:16], "big")
    return np.random.PCG64(state).random_raw(count)


def hypercube(seed: int, key: str, count: int) -> Any:
    """One input's draws as probabilities: the middle of each of `count` equal strata, shuffled by the seed and the key.

    An input more or less shifts no other, since each has its own shuffle.

    >>> sorted(float(u) for u in hypercube(0, "mfu", 4))
    [0.125, 0.375, 0.625, 0.875]
    """
    np = numpy()
    order = np.argsort(raw(seed, key, count), kind="stable")
    return (order + 0.5) / count


def normal(probability: Any) -> Any:
    """Standard normal quantiles of an array of probabilities."""
    from statistics import NormalDist

    np = numpy()
    flat = np.asarray(probability, dtype=float).ravel()
    return np.fromiter(map(NormalDist().inv_cdf, flat.tolist()), float, flat.size).reshape(np.shape(probability))
