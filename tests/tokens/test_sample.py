"""A sample's interval holds the truth as often as it says, also where few files hold most of the bytes."""

from __future__ import annotations

import random
from functools import cache

import pytest

from aiplan.tokens.reader import File
from aiplan.tokens.sample import choose, estimate

SEEDS = 150


@cache
def population(shape: str) -> tuple[tuple[File, ...], dict[str, int]]:
    """Files with their true tokens: heavy-tailed sizes, tokens per byte that differ by kind, size and chance."""
    chance = random.Random(shape)
    files, tokens = [], {}
    for i in range(4000):
        kind = chance.choices(("txt", "py", "csv", "pdf"), (5, 4, 1, 1))[0]
        size = int(chance.lognormvariate(8, 1.6 if shape == "wide" else 0.8))
        per_byte = {"txt": 0.25, "py": 0.28, "csv": 0.55, "pdf": 0.05}[kind] * chance.lognormvariate(0, 0.3)
        if shape == "odd" and chance.random() < 0.05:
            per_byte = 0.0  # a file that cannot be read
        path = f"/corpus/f{i}.{kind}"
        files.append(File(path, size, 0))
        tokens[path] = int(size * per_byte)
    return tuple(files), tokens


@pytest.mark.parametrize("shape", ["narrow", "wide", "odd"])
def test_the_interval_covers_the_truth_nine_times_in_ten(shape: str) -> None:
    files, tokens = population(shape)
    truth = sum(tokens.values())
    inside = 0
    misses = []
    for seed in range(SEEDS):
        found = estimate(choose(lambda: iter(files), 300, seed), tokens)
        inside += found.low <= truth <= found.high
        misses.append(found.total / truth - 1)
        assert found.files == 4000
        assert found.bytes == sum(f.size for f in files)
    assert 0.83 <= inside / SEEDS <= 0.97
    assert abs(sum(misses) / SEEDS) < 0.01
    assert max(map(abs, misses)) < 0.2


def test_a_sample_of_everything_is_the_truth() -> None:
    files, tokens = population("wide")
    found = estimate(choose(lambda: iter(files), 4000), tokens)
    assert found.sampled == 4000
    assert found.low == pytest.approx(found.total) == found.high == pytest.approx(sum(tokens.values()))


def test_the_order_of_the_listing_does_not_matter() -> None:
    files, _ = population("wide")
    mixed = list(files)
    random.Random(1).shuffle(mixed)
    one, two = choose(lambda: iter(files), 200), choose(lambda: iter(mixed), 200)
    assert {k: sorted(v.chosen) for k, v in one.items()} == {k: sorted(v.chosen) for k, v in two.items()}


def test_the_sample_is_about_as_large_as_asked() -> None:
    files, _ = population("narrow")
    sizes = [sum(len(s.chosen) for s in choose(lambda: iter(files), n).values()) for n in (200, 500, 1000)]
    assert sizes == pytest.approx([200, 500, 1000], rel=0.15)
