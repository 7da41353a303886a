"""Scenario files that nobody should write, made by number: python -m tests.whatif.hostile COUNT [SEED]

Prints how many were refused, answered or failed, the slowest and the most memory; exits 1 on a file that was not
refused in one line, took over 5 s or over 500 MB.
"""

from __future__ import annotations

import gc
import json
import os
import random
import re
import resource
import string
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.cli.helpers import aiplan

SECONDS, MEGABYTES = 5.0, 500.0
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
SCALARS: list[Any] = [
    None, True, -1, 0, 1e308, 1e-308, float("nan"), float("inf"), -float("inf"), "", " ", "NaN", ".inf", "1e999",
    "70B", "30% to 45%", "45% to 30%", "1 to 1e400", "1..1e9 by 1", "1T..100T x10", "1..2 x1.0000001", "a..b", "..",
    "by", "x", "<script>alert(1)</script>", "=1+1", "é" * 50, "../../../../etc/passwd", "/dev/zero", "baseline + 10%",
    "fits", "run_cost <= baseline", "run_cost.p90 ~ $1 within 1e999%", "mfu >= 1 GW", "9" * 500, "h100", "gb200",
    "$1e300", "-$5", "1 GW", "60 days", "0x10", "1_000", "12:30", "2024-01-01", 10**400, "\u200b", "\U0001d54f" * 9,
]  # fmt: skip
NAMES = [
    "params", "tokens", "accelerator", "accelerators", "mfu", "pue", "training_days", "run_cost", "facility_power",
    "law", "precision", "seq_len", "nonesuch", "electricity_price", "choice", "low", "mid", "high", "normal", "uniform",
    "",
]  # fmt: skip
KEYS = ["set", "limit", "vary", "sweep", "skip", "assert", "warn", "plans", "base", "ask", "name", "ours", "claim", "x"]
PLAIN = {"params": "7B", "accelerator": "h100", "accelerators": 64, "tokens": "1T"}
TEXT = (
    "aiplan: 1\nname: Ours\nset:\n  params: 7B\n  accelerator: h100\n  accelerators: 64\n  tokens: 1T\n"
    "vary:\n  pue: 1.1 to 1.3\nassert:\n  - fits\n  - run_cost.p90 <= $1M\nplans:\n  a: {set: {params: 8B}}\n"
)


def value(rng: random.Random, depth: int = 0) -> Any:
    """Anything that YAML can hold."""
    kind = rng.random()
    if depth > 3 or kind < 0.45:
        return rng.choice(SCALARS)
    if kind < 0.7:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def random_scenario(rng: random.Random) -> str:
    """The keys of a scenario with anything under them."""
    out: dict[str, Any] = {"aiplan": 1 if rng.random() < 0.95 else rng.choice(SCALARS)}
    if rng.random() < 0.7:
        out["set"] = dict(PLAIN)
    for key in rng.sample(KEYS, rng.randrange(5)):
        out[key] = value(rng)
    for key, names in (("vary", NAMES[:9]), ("sweep", NAMES[:9])):
        if rng.random() < 0.3:
            out[key] = {rng.choice(names): value(rng, 2)}
    return str(yaml.safe_dump(out, allow_unicode=True))


def set_anything(rng: random.Random) -> str:
    """A plan with odd values of quantities that exist."""
    import aiplan.quantities  # noqa: F401  (fills the graph)
    from aiplan.graph import GRAPH
    from aiplan.units import UNIT_EXAMPLES

    def typed(name: str) -> str:
        example = UNIT_EXAMPLES.get(GRAPH[name].unit, "1.5")
        number = rng.choice(["1e300", "1e308", "5e-324", "0", "-1", "1e-300", "1e15", "3", "7.5", "100", "0.5"])
        return re.sub(r"[0-9][0-9.]*(e[0-9]+)?", number, example, count=1)

    names = rng.sample(list(GRAPH.quantities), rng.randrange(1, 4))
    plan = {"aiplan": 1, "set": PLAIN | {n: typed(n) for n in names}, "assert": ["fits"]}
    if rng.random() < 0.2:
        plan["vary"] = {names[0]: {"low": typed(names[0]), "mid": typed(names[0]), "high": typed(names[0])}}
    return str(yaml.safe_dump(plan))


def deep(rng: random.Random) -> str:
    """Brackets or indents without end."""
    depth, kind = rng.choice([30, 100, 1000, 50_000]), rng.randrange(3)
    if kind == 0:
        return "aiplan: 1\nset: " + "[" * depth + "]" * rng.choice([0, depth])
    if kind == 1:
        return "aiplan: 1\nset: " + "{a: " * depth + "1" + "}" * rng.choice([0, depth])
    depth = min(depth, 1000)
    return "aiplan: 1\nset:\n" + "".join(f"{' ' * (i + 1)}k:\n" for i in range(depth))


def bomb(rng: random.Random) -> str:
    """Aliases of aliases of aliases."""
    width, levels = rng.choice([2, 9, 100]), rng.choice([3, 9, 40])
    lines = ["aiplan: 1", "a0: &a0 [lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join([*lines, f"set: *a{levels - 1}", "loop: &l [*l]"])


def bytes_of(rng: random.Random) -> bytes:
    """Bytes that are no text, or another encoding of it."""
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 300))
    if kind == 1:
        return TEXT.encode(rng.choice(["utf-16", "utf-32", "utf-8-sig", "latin-1"]))
    if kind == 2:
        return TEXT.replace("Ours", rng.choice(["\x00", "\x1b[2J", "\u202e", "\x85", "\ufeff", "\x7f"])).encode()
    if kind == 3:
        return b'aiplan: 1\nname: "\xff\xfe\xed\xa0\x80"\n'
    return b"aiplan: 1\n" + bytes([rng.randrange(256)]) * rng.choice([1, 1000, 2_000_000])


def mutated(rng: random.Random) -> bytes:
    """A good file with some bytes changed, doubled or lost."""
    data = bytearray(TEXT.encode())
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.choice(string.printable.encode())
        elif kind == 1:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = rng.choice(
                [b"&a ", b"*a", b"!!python/object:os.system ", b"<<: ", b"---\n", b"'", b"\t", b"%"]
            )
        else:
            data[at:at] = data[at : at + rng.randrange(1, 40)]
    return bytes(data)


def escape(rng: random.Random) -> str:
    """A base outside the folder, or that is no file."""
    bases = [
        "../" * 9 + "etc/passwd", "/etc/passwd", "/dev/zero", "/dev/stdin", "/proc/self/mem", "~/x.yaml", ".", "..",
        "file:///etc/passwd", "https://x.y/z.yaml", "a" * 5000, "plan.yaml", "C:\\x.yaml", "link.yaml", "$HOME/x.yaml",
        "\\\\host\\share", "base\u2024yaml", "/" * 300, "fifo",
    ]  # fmt: skip
    return f"aiplan: 1\nbase: {json.dumps(rng.choice(bases))}\nassert: [fits]\n"


def large(rng: random.Random) -> str:
    """Very many of something."""
    count = rng.choice([100, 5_000, 200_000])
    kind = rng.randrange(5)
    if kind == 0:
        return "aiplan: 1\nassert: [" + ", ".join(["capex <= $1x"] * count) + "]"
    if kind == 1:
        return "aiplan: 1\nplans: {" + ", ".join(f"p{i}: {{set: {{params: {i}}}}}" for i in range(count)) + "}"
    if kind == 2:
        return "aiplan: 1\nset: {params: 7B}\nsweep: {pue: [" + ", ".join(["1.1"] * count) + "], mfu: 1%..99% by 1e-6}"
    if kind == 3:
        return "aiplan: 1\nname: " + "x" * (count * 20)
    return "aiplan: 1\n" + "\n".join(f"k{i}: 1" for i in range(count))


KINDS: dict[str, tuple[int, Callable[[random.Random], str | bytes]]] = {
    "random": (8, random_scenario),
    "values": (4, set_anything),
    "deep": (1, deep),
    "bomb": (1, bomb),
    "bytes": (2, bytes_of),
    "mutated": (4, mutated),
    "escape": (2, escape),
    "large": (1, large),
}


def peak() -> float:
    """Most memory that this process held [MB]; getrusage would count what its parent held when it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024  # type: ignore[index]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(count: int, seed: int = 7, limits: tuple[str, ...] = ()) -> dict[str, Any]:
    """Check so many files; what became of them, and what was wrong."""
    rng = random.Random(seed)
    kinds = [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]
    told: dict[str, Counter[int]] = {kind: Counter() for kind in KINDS}
    wrong: list[str] = []
    slowest = 0.0
    gc.disable()  # as the program does
    gc.freeze()  # what the caller holds is not looked through after every file
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        (folder / "link.yaml").symlink_to("/etc/passwd")
        os.mkfifo(folder / "fifo")
        file = folder / "plan.yaml"
        for i in range(count):
            kind = rng.choice(kinds)
            made = KINDS[kind][1](rng)
            file.write_bytes(made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made)
            start = time.perf_counter()
            command = ("check",) if rng.random() < 0.7 else ("run", "--json")
            done = aiplan(*command, str(file), *limits)
            took = time.perf_counter() - start
            slowest = max(slowest, took)
            told[kind][done.code] += 1
            fine = done.code in (0, 1, 3) or (done.code == 2 and len(done.err.splitlines()) == 1)
            clean = not CONTROL.search(done.out + done.err)
            if not fine or not clean or took > SECONDS:
                wrong.append(
                    f"{i} {kind}: exit {done.code}, {took:.1f} s: {done.err[:300]!r}: {file.read_bytes()[:300]!r}"
                )
            gc.collect()
    gc.enable()
    gc.unfreeze()
    memory = peak()
    if memory > MEGABYTES:
        wrong.append(f"{memory:.0f} MB")
    return {
        "files": count,
        "exits": {kind: dict(sorted(codes.items())) for kind, codes in told.items()},
        "slowest_s": round(slowest, 2),
        "memory_mb": round(memory),
        "wrong": wrong,
    }


if __name__ == "__main__":
    found = main(*(int(word) for word in sys.argv[1:3]))
    print(json.dumps(found, indent=1))
    sys.exit(bool(found["wrong"]))
