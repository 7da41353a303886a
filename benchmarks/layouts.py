"""Layouts a second on one core, each with its time and memory: Llama 3.1 405B on 16,384 H100.

    python benchmarks/layouts.py

The number of Calculon, the best open model before, is its authors' code on one core of a similar machine: 182 a second.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from aiplan import layout_search
from aiplan.catalog import open_catalog
from aiplan.plan import train
from aiplan.specs.question import Question

CALCULON = 182.0
LAYOUTS = 400_000


def values_of(accelerators: float) -> dict[str, float]:
    """Inputs of the costs of a layout, as a plan resolves them."""
    question = Question(
        given={"accelerators": accelerators}, choices={"model": "llama-3.1-405b", "accelerator": "h100"}
    )
    plan = train(question, open_catalog()[0])
    return {name: node.value for name, node in plan.nodes.items() if node.value is not None}


def main() -> None:
    """Print layouts a second for several sizes of a chunk."""
    values = {n: v for n, v in values_of(16384.0).items() if n in layout_inputs()}
    space = layout_search.candidates(values, 16384.0)
    count = len(space["tp"])
    repeats = -(-LAYOUTS // count)
    many = {name: np.tile(member, repeats) for name, member in space.items()}
    total = count * repeats
    print(f"{count:,} layouts in the space, {total:,} timed, float64, one core")
    for chunk in (2048, 8192, 32768, 131072):
        layout_search.CHUNK = chunk
        best = min(once(values, many) for _ in range(3))
        print(
            f"chunks of {chunk:>7,}: {total / best:>12,.0f} layouts a second, {total / best / CALCULON:,.0f} x Calculon"
        )


def once(values: dict[str, float], layouts: dict[str, np.ndarray]) -> float:
    """Time of one pass over the layouts [s]."""
    start = time.perf_counter()
    for _ in layout_search.timed(values, layouts):
        pass
    return time.perf_counter() - start


def layout_inputs() -> tuple[str, ...]:
    """Names that a layout's costs are computed from."""
    from aiplan.quantities.layout import choose_layout

    code = choose_layout.__code__
    return tuple(code.co_varnames[: code.co_argcount])


if __name__ == "__main__":
    main()
