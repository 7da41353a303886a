"""Tokens of a corpus from a sample of its files: strata by kind and size, ratios of tokens to bytes, an interval.

The bytes of every file are known from the listing, so that only tokens per byte are uncertain. Each stratum has files
of one kind within a factor of four in size; its share of the sample follows its bytes, and a stratum that is small
enough is read whole. Cochran, Sampling Techniques (1977), sections 6.10 and 6.12.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from aiplan.tokens.reader import File

Z90 = 1.6449


@dataclass(slots=True)
class Stratum:
    """Files of one kind and size class."""

    files: int = 0
    bytes: int = 0
    take: int = 0
    chosen: list[tuple[float, File]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A total and its 90% interval."""

    total: float
    low: float
    high: float
    files: int
    """Files of the corpus."""
    bytes: int
    """Bytes of the corpus."""
    sampled: int
    """Files that were read."""


def stratum_of(file: File) -> str:
    """Kind, and size within a factor of four.

    >>> stratum_of(File("a/b.txt", 5000, 0)), stratum_of(File("a/b.pdf", 0, 0))
    ('text 6', 'pdf 0')
    """
    return f"{file.kind} {(file.size.bit_length() - 1) // 2 if file.size else 0}"


def choose(files: Callable[[], Iterator[File]], most: int, seed: int = 0, *, root: str = "") -> dict[str, Stratum]:
    """A stratified sample of about `most` files; `files` lists them and is called twice.

    The same seed gives the same files, in whatever order they are listed, and wherever `root` is.
    """
    strata: dict[str, Stratum] = {}
    for file in files():
        one = strata.setdefault(stratum_of(file), Stratum())
        one.files += 1
        one.bytes += file.size
    _allocate(list(strata.values()), most)
    for file in files():
        one = strata.get(stratum_of(file), Stratum())
        if not one.take:
            continue
        item = (-_chance(file.path.removeprefix(root), seed), file)
        if len(one.chosen) < one.take:
            heapq.heappush(one.chosen, item)
        elif item > one.chosen[0]:
            heapq.heapreplace(one.chosen, item)
    return strata


def _chance(path: str, seed: int) -> float:
    """A number that is random over paths and seeds, and always the same for one."""
    digest = hashlib.blake2b(f"{seed}\0{path}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _allocate(strata: list[Stratum], most: int) -> None:
    """Shares of the sample by bytes, at least eight files of each stratum (or all), never more than there are."""
    for one in strata:
        one.take = min(one.files, 8)
    left = most - sum(one.take for one in strata)
    open_ = [one for one in strata if one.take < one.files]
    while left > 0 and open_:
        whole = sum(one.bytes for one in open_)
        given = 0
        for one in open_:
            more = min(one.files - one.take, math.ceil(left * one.bytes / whole) if whole else left, left - given)
            one.take += more
            given += more
        left -= given
        open_ = [one for one in open_ if one.take < one.files]
        if not given:
            break


def estimate(strata: dict[str, Stratum], tokens: Mapping[str, float]) -> Estimate:
    """The total and its interval from the tokens of the sampled files, by path."""
    total = variance = 0.0
    freedom = 0.0
    for one in strata.values():
        whole = one.bytes or one.files  # a server that does not tell sizes has files in place of bytes
        pairs = [(file.size if one.bytes else 1, tokens.get(file.path, 0)) for _, file in one.chosen]
        read = sum(size for size, _ in pairs)
        if not pairs or not read:
            continue
        ratio = sum(count for _, count in pairs) / read
        total += ratio * whole
        n = len(pairs)
        if n >= one.files or n < 2:
            continue
        errors = [count - ratio * size for size, count in pairs]
        spread = sum(e * e for e in errors) / (n - 1)
        # The mean size of the sample in place of the corpus's: the better form where sizes vary (Cochran 6.12).
        scale = (whole / one.files) / (read / n)
        part = (one.files * scale) ** 2 * (1 - n / one.files) * spread / n
        variance += part
        freedom += part * part / (n - 1)
    degrees = variance * variance / freedom if freedom else math.inf
    half = _t90(degrees) * math.sqrt(variance)
    return Estimate(
        total,
        max(0.0, total - half),
        total + half,
        sum(one.files for one in strata.values()),
        sum(one.bytes for one in strata.values()),
        sum(len(one.chosen) for one in strata.values()),
    )


def _t90(degrees: float) -> float:
    """The 95th percentile of Student's t, to about 1%: a Cornish-Fisher expansion.

    >>> round(_t90(5), 2), round(_t90(30), 3), _t90(math.inf)
    (2.01, 1.697, 1.6449)
    """
    if math.isinf(degrees):
        return Z90
    d = max(degrees, 2.0)
    z = Z90
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / d + second / d**2 + third / d**3
