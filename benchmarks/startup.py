"""How long commands take from the shell, beside an empty Python: medians of whole processes, one round after another.

python benchmarks/startup.py [--rounds 20] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "aiplan --version": ["-m", "aiplan", "--version"],
    "aiplan --help": ["-m", "aiplan", "--help"],
    "aiplan train --help": ["-m", "aiplan", "train", "--help"],
    "aiplan train --params 100T": ["-m", "aiplan", "train", "--params", "100T"],
    "aiplan train --params 100T --json": ["-m", "aiplan", "train", "--params", "100T", "--json"],
    "aiplan train --params 1B --accelerator laptop": "-m aiplan train --params 1B --accelerator laptop".split(),
    "aiplan why capex --params 100T": ["-m", "aiplan", "why", "capex", "--params", "100T"],
    "aiplan train --budget $1B": ["-m", "aiplan", "train", "--budget", "$1B"],
}
# Multiples of an empty Python that we hold ourselves to.
WANTED = {"aiplan --version": 2.0, "aiplan train --params 100T": 30.0}


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds of each command in each round; a round runs all of them, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds + 1):
            for name, arguments in COMMANDS.items():
                start = time.perf_counter()
                subprocess.run([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=True)
                if turn:  # the first round fills caches
                    times[name].append(time.perf_counter() - start)
    return times


def main() -> None:
    """Measure and print a table, or JSON for programs."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    times = measure(asked.rounds)
    floor = statistics.median(times["python -c pass"])
    rows = [
        {
            "command": n,
            "median_ms": statistics.median(t) * 1e3,
            "least_ms": min(t) * 1e3,
            "ratio": statistics.median(t) / floor,
        }
        for n, t in times.items()
    ]
    if asked.json:
        print(json.dumps({"python": platform.python_version(), "cores": os.cpu_count(), "rows": rows}, indent=2))
        return
    print(f"CPython {platform.python_version()}, {os.cpu_count()} cores, {asked.rounds} rounds")
    print(f"{'command':46} {'median':>9} {'least':>9} {'times':>6}  wanted")
    for row in rows:
        wanted = WANTED.get(str(row["command"]))
        print(
            f"{row['command']:46} {row['median_ms']:6.1f} ms {row['least_ms']:6.1f} ms {row['ratio']:6.1f}"
            f"{f'  at most {wanted:g}' if wanted else ''}"
        )


if __name__ == "__main__":
    main()
