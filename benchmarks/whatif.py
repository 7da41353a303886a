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
from aiplan.whatif.asked import Training
from aiplan.whatif.draws import model_of, simulate
from aiplan.whatif.inputs import read_inputs
from aiplan.whatif.percentiles import drawn
from aiplan.whatif.sensitivity import sobol_of

TEN = (
    "aiplan: 1\nset: {accelerator: h100, accelerators: 512, tokens: 1T, mfu: 40%}\nassert: [fits]\nplans:\n"
    + "".join(f"  p{i}: {{set: {{params: {i + 5}B}}}}\n" for i in range(10))
)


FLEET = ("sweep", "--accelerator", "h100", "--accelerators", "1024", "--quiet", "--max-points", "1000000")
MILLION = (
    "--sweep", "params=1B..100B by 1B", "--sweep", "tokens=100B..10T by 100B", "--sweep", "mfu=20%..59.6% by 0.4%",
    "--show", "training_days,run_cost",
)  # fmt: skip
SOLVED = ("--sweep", "params=10B..100B by 1B", "--sweep", "training_days=30..60 by 5", "--quiet")


def best(what: Callable[[], object], runs: int = 3) -> float:
    """The shortest of some runs, in seconds."""
    took = []
    for _ in range(runs):
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

    asked = Training(question, vary, catalog)

    def draws(count: int) -> None:
        plan, found = simulate(asked.solve, asked.ready, vary, count=count, seed=0)
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
    with tempfile.TemporaryDirectory() as folder:
        for form in ("csv", "parquet"):
            words = (*FLEET, "--set", "fits=1", "--mfu", "40%", *MILLION, "-f", form, "-o", f"{folder}/grid.{form}")
            took = best(process("-m", "aiplan", *words))
            print(f"sweep of 1,000,000 points, mfu and fits given, to {form:8} {took:5.2f} s")
        words = (*FLEET, *MILLION[:4], "--show", "training_days", "-f", "csv", "-o", f"{folder}/searched.csv")
        took = best(process("-m", "aiplan", *words), 1)
        print(f"sweep of 10,000 points with layout search {took:8.1f} s, {10_000 / took:,.0f} a second")
        words = ("sweep", "--accelerator", "h100", "--tokens", "1T", "-f", "csv", "-o", f"{folder}/solved.csv", *SOLVED)
        took = best(process("-m", "aiplan", *words), 1)
        print(f"sweep of 637 points solved for accelerators {took:6.1f} s, {637 / took:,.0f} a second")
        words = (*FLEET, "--vary", "mfu=30% to 45%", "--sweep", "params=1B..64B by 1B", "-f", "csv")
        took = best(process("-m", "aiplan", *words), 1)
        print(f"sweep of 64 points of 10,000 draws each   {took:8.1f} s, {64 / took:,.1f} a second")


if __name__ == "__main__":
    main()
