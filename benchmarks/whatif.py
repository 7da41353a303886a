"""How fast the what-if commands are: python benchmarks/whatif.py

Best of three, in processes of their own where a start belongs to it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aiplan.catalog import Catalog
from aiplan.plan import train
from aiplan.specs.question import read_question
from aiplan.whatif.draws import model_of, simulate
from aiplan.whatif.inputs import read_inputs
from aiplan.whatif.percentiles import drawn
from aiplan.whatif.sensitivity import sobol_of

TEN = (
    "aiplan: 1\nset: {accelerator: h100, accelerators: 512, tokens: 1T, mfu: 40%}\nassert: [fits]\nplans:\n"
    + "".join(f"  p{i}: {{set: {{params: {i + 5}B}}}}\n" for i in range(10))
)


def best(what: Callable[[], object]) -> float:
    """The shortest of three runs, in seconds."""
    took = []
    for _ in range(3):
        start = time.perf_counter()
        what()
        took.append(time.perf_counter() - start)
    return min(took)


def process(*words: str) -> Callable[[], object]:
    """A command in a process of its own."""
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


def main() -> None:
    """Print one line a measurement."""
    catalog = Catalog()
    question = read_question({"params": "70B", "accelerator": "h100"})
    vary = read_inputs({"electricity_price": "$0.04/kWh to $0.09/kWh"})

    def draws(count: int) -> None:
        plan, found = simulate(lambda q: train(q, catalog), question, vary, count=count, seed=0)
        drawn(plan, found, vary)

    plan = train(question, catalog)
    model = model_of(plan, [])
    print(f"one plan                              {best(lambda: train(question, catalog)) * 1e3:8.1f} ms")
    print(f"10,000 draws of it, with the plan     {best(lambda: draws(10_000)) * 1e3:8.1f} ms")
    print(f"100,000 draws                         {best(lambda: draws(100_000)) * 1e3:8.1f} ms")
    print(
        f"Sobol' indices, n 1,024               {best(lambda: sobol_of(model, 'run_cost', count=1024)) * 1e3:8.1f} ms"
    )
    empty = best(process("-c", "pass"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ten.yaml"
        file.write_text(TEN)
        took = best(process("-m", "aiplan", "check", str(file)))
    print(f"check of ten plans, mfu given         {took * 1e3:8.1f} ms, {took / empty:.0f} times an empty Python")
    words = (
        "sweep",
        "--params",
        "70B",
        "--sweep",
        "accelerators=512..2048 by 16",
        "--accelerator",
        "h100",
        "-f",
        "csv",
    )
    took = best(process("-m", "aiplan", *words))
    print(f"sweep of 97 plans with layout search  {took * 1e3:8.1f} ms, {took / 97 * 1e3:.1f} ms a plan")


if __name__ == "__main__":
    main()
