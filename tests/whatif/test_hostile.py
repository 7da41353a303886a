"""Scenario files that nobody should write: one line and exit 2, or an answer; never a traceback, never long."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import yaml

from aiplan.cli.app import COMMANDS
from aiplan.cli.options import FLAGS
from aiplan.docgen import command_paths, taken
from aiplan.graph import GRAPH
from tests.cli.helpers import aiplan

SCALARS: list[Any] = [
    None, True, -1, 0, 1e308, 1e-308, "", " ", "NaN", ".inf", "1e999", "70B", "30% to 45%", "45% to 30%", "1 to 1e400",
    "1..1e9 by 1", "1T..100T x10", "1..2 x1.0000001", "a..b", "..", "by", "x", "<script>alert(1)</script>", "=1+1",
    "\x1b[2J", "\u202e", "é" * 50, "../../../../etc/passwd", "/dev/zero", "baseline + 10%", "fits",
    "run_cost <= baseline",
    "run_cost.p90 ~ $1 within 1e999%", "mfu >= 1 GW", "9" * 500, "h100", "gb200", "$1e300", "-$5", "1 GW", "60 days",
]  # fmt: skip
NAMES = [
    "params", "tokens", "accelerator", "accelerators", "mfu", "pue", "training_days", "run_cost", "facility_power",
    "law", "precision", "seq_len", "nonesuch", "electricity_price", "choice", "low", "mid", "high", "normal", "uniform",
    "",
]  # fmt: skip
KEYS = ["set", "limit", "vary", "sweep", "skip", "assert", "warn", "plans", "base", "ask", "name", "ours", "claim", "x"]


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth > 3 or kind < 0.45:
        return rng.choice(SCALARS)
    if kind < 0.7:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def scenario(rng: random.Random) -> Any:
    out: dict[str, Any] = {"aiplan": 1 if rng.random() < 0.95 else rng.choice(SCALARS)}
    if rng.random() < 0.7:
        out["set"] = {"params": "7B", "accelerator": "h100", "accelerators": 64, "tokens": "1T"}
    for key in rng.sample(KEYS, rng.randrange(5)):
        out[key] = value(rng)
    for key, names in (("vary", NAMES[:9]), ("sweep", NAMES[:9])):
        if rng.random() < 0.3:
            out[key] = {rng.choice(names): value(rng, 2)}
    return out


def test_hostile_files_are_refused_in_one_line(tmp_path: Path) -> None:
    """A thousand random files: an answer, or one line; none takes over 5 s."""
    rng = random.Random(7)
    seen = dict.fromkeys((0, 1, 2, 3), 0)
    file = tmp_path / "plan.yaml"
    for _ in range(1000):
        file.write_text(yaml.safe_dump(scenario(rng), allow_unicode=True), encoding="utf-8")
        start = time.perf_counter()
        done = aiplan("check", str(file), "--draws", "50", "--max-points", "20")
        assert time.perf_counter() - start < 5, file.read_text()
        assert done.code in seen, (done, file.read_text())
        seen[done.code] += 1
        if done.code == 2:
            assert len(done.err.splitlines()) == 1, done.err
        assert "\x1b" not in done.out + done.err
    assert seen[2] > 100
    assert seen[0] + seen[1] > 20


def test_no_option_takes_the_name_of_a_quantity() -> None:
    """Any quantity is an option of a planning command, so no option of ours may be called as one."""
    assert COMMANDS
    planned = {flag.flag for flag in FLAGS}
    for path, function in command_paths().items():
        options = {word.strip("`- ") for t in taken(function) if not t.is_argument for word in t.spelling.split(",")}
        names = {option.split()[0] for option in options if option} - planned
        if planned <= {option.split()[0] for option in options if option}:
            clash = {name for name in names if name.replace("-", "_") in GRAPH}
            assert not clash, (path, clash)
