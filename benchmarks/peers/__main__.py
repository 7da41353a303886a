"""Our predictions beside those of other tools, on the same measured steps.

    python benchmarks/peers [--json | --markdown] [--only GROUP] [--python TOOL=INTERPRETER]

Each tool answers in a process of its own, so that none needs another's dependencies: `--python` names the interpreter
of an environment where a tool is installed, else it is this one. A tool that is not there is one line on stderr.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cases import KIND, USUAL_MFU, Cases, cases_of, groups

import aiplan
from aiplan import yamlio
from aiplan.residuals import quantile

HERE = Path(__file__).parent
PEERS = {"llm-analysis": "llm_analysis_peer.py", "mlsysim": "mlsysim_peer.py"}
FOLDS, DIVISIONS = 5, 3
Line = dict[str, Any]


def score(tool: str, errors: list[float], cases: int, seconds: float | None = None, note: str = "") -> Line:
    """A line of the table of errors, predicted / measured - 1; `scaled`: the median after one factor in hindsight."""
    line: Line = {"tool": tool, "cases": cases, "predicted": len(errors), "refused": cases - len(errors)}
    if errors:
        sizes = [abs(e) for e in errors]
        middle = statistics.median(errors)
        line |= {"median": statistics.median(sizes), "mean": statistics.fmean(sizes), "p90": quantile(sizes, 0.9)}
        line |= {"bias": middle, "scaled": statistics.median(abs((1 + e) / (1 + middle) - 1) for e in errors)}
    return line | {"seconds": seconds, "note": note}


def errors_of(cases: Cases, times: Mapping[str, float]) -> list[float]:
    """Errors of the predicted step times of a group."""
    return [times[name] / measured - 1 for name, measured in cases.measured.items() if name in times]


# -- each tool -----------------------------------------------------------------------------------------------------


def ours(cases: Cases) -> Line:
    """The installed program as it is shipped, by its own command."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "cases.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(cases.rows[0]))
            writer.writeheader()
            writer.writerows(cases.rows)
        command = [sys.executable, "-m", "aiplan", "validate", "--data", str(table), "--kind", KIND, "--json"]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
    rates = {p["id"]: p["value"] for p in json.loads(done.stdout)["predictions"]}
    times = {c["id"]: c["batch_tokens"] / c["accelerators"] / rates[c["id"]] for c in cases.asked if c["id"] in rates}
    note = "was fitted to them" if cases.group.fitted else "has not seen them"
    return score(f"aiplan {aiplan.__version__}, as shipped", errors_of(cases, times), len(cases.asked), seconds, note)


def held_out(wanted: list[Cases]) -> dict[str, Line]:
    """Errors of fits that did not see the model on that chip, for the groups that the calibration was fitted to."""
    try:
        import numpy as np
        import scipy  # noqa: F401

        from aiplan import calibrate
        from aiplan.calibration_cases import cases_of
        from aiplan.catalog import open_catalog
        from aiplan.measurements import shipped
    except ImportError:
        say("aiplan, held out: needs numpy and scipy (pip install 'aiplan[calibrate]')")
        return {}
    if not any(c.group.fitted for c in wanted):
        return {}
    catalog, _ = open_catalog()
    every, _ = cases_of(shipped(KIND), catalog)
    model = calibrate.Model(every)
    runs = [calibrate.held_out(model, calibrate.folds(every, FOLDS, seed)) for seed in range(DIVISIONS)]
    note = f"{FOLDS}-fold by model and chip, {DIVISIONS} divisions"
    lines = {}
    for cases in wanted:
        if cases.group.fitted:
            mask = np.array([c.id in cases.measured for c in every])
            errors = [float(e) for run in runs for e in np.expm1(run[mask])]
            line = score("aiplan, held out", errors, len(errors), None, note)
            usable = int(mask.sum())
            lines[cases.group.name] = line | {
                "cases": len(cases.asked), "predicted": usable, "refused": len(cases.asked) - usable,
            }  # fmt: skip
    return lines


def peer(tool: str, python: str, cases: Cases) -> Line | None:
    """A tool in its own process; None where it is not there."""
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [python, str(HERE / PEERS[tool])], input=json.dumps(cases.asked), capture_output=True, text=True
        )
    except OSError as error:
        say(f"{tool}: {python} cannot be run ({error.strerror}), left out")
        return None
    if done.returncode == 3:
        say(f"{tool}: not installed for {python}, left out (pip install {tool}, or --python {tool}=INTERPRETER)")
        return None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        say(f"{tool}: failed, left out ({reason})")
        return None
    seconds = time.perf_counter() - start
    found = json.loads(done.stdout)
    times = {a["id"]: a["step_time"] for a in found["answers"] if "step_time" in a}
    why = [a["refused"] for a in found["answers"] if "refused" in a]
    note = f"refused: {max(why, key=why.count)}" if why else ""
    return score(f"{tool} {found['version']}", errors_of(cases, times), len(cases.asked), seconds, note)


def calculon(cases: Cases) -> Line | None:
    """Calculon's errors as we once measured them; it is in no registry."""
    known = yamlio.load(HERE / "calculon.yaml")
    entry = known["groups"].get(cases.group.name)
    if entry is None:
        return None
    tool, note = f"Calculon {known['version']}", entry.get("note", "")
    note = f"run {known['ran']}{', ' if note else ''}{note}"
    if "errors" in entry:
        return score(tool, [float(e) for e in entry["errors"]], entry["cases"], None, note)
    line = score(tool, [], entry["cases"], None, note)
    line |= {n: entry[n] for n in ("predicted", "median", "mean", "p90", "bias") if n in entry}
    return line | {"refused": entry["cases"] - entry["predicted"]}


# -- the table -----------------------------------------------------------------------------------------------------


def compare(wanted: list[Cases], pythons: Mapping[str, str]) -> list[dict[str, Any]]:
    """All lines of all groups."""
    unseen = held_out(wanted)
    missing: set[str] = set()
    out = []
    for cases in wanted:
        name = cases.group.name
        lines = [unseen[name]] if name in unseen else []
        lines.append(ours(cases))
        for tool in PEERS:
            line = None if tool in missing else peer(tool, pythons.get(tool, sys.executable), cases)
            if line is None:
                missing.add(tool)
            else:
                lines.append(line)
        rival = calculon(cases)
        lines += [rival] if rival else []
        count = len(cases.asked)
        lines.append(score("flat MFU", errors_of(cases, cases.flat), count, None, "median of other models and chips"))
        lines.append(score(f"MFU of {USUAL_MFU:.0%}", errors_of(cases, cases.usual), count))
        out.append({"group": name, "title": cases.group.title, "rows": len(cases.asked), "tools": lines})
    return out


def show(groups_: list[dict[str, Any]]) -> None:
    """The table as text."""
    heads = ("predicted", "refused", "median", "mean", "p90", "bias", "scaled", "seconds")
    print("Error of the step time, predicted / measured - 1. scaled: median after one factor fitted in hindsight.")
    for group in groups_:
        print(f"\n{group['title']}: {group['rows']} rows")
        print(f"{'':30}" + "".join(f"{head:>10}" for head in heads))
        for line in group["tools"]:
            cells = [f"{line['predicted']:>10,}", f"{line['refused']:>10,}"]
            shown = {"median": ".1%", "mean": ".1%", "p90": ".1%", "bias": "+.1%", "scaled": ".1%", "seconds": ".1f"}
            for name, form in shown.items():
                value = line.get(name)
                cells.append(f"{'-' if value is None else format(value, form):>10}")
            print(f"{line['tool']:30}{''.join(cells)}{'  ' + line['note'] if line['note'] else ''}")


def show_markdown(found: list[dict[str, Any]]) -> None:
    """One table for a page: median and 90th percentile of each tool, and how many cases it answered if not all."""
    tools = ("aiplan", "llm-analysis", "mlsysim", "Calculon", "MFU")
    print(f"| cases | rows | {' | '.join('MFU of 40%' if tool == 'MFU' else tool for tool in tools)} |")
    print("| --- | ---: |" + " ---: |" * len(tools))
    for group in found:
        first: dict[str, Line] = {}
        for line in group["tools"]:
            first.setdefault(line["tool"].split()[0].strip(","), line)  # ours held out comes first
        cells = [_cell(first.get(tool)) for tool in tools]
        print(f"| {group['title']} | {group['rows']:,} | {' | '.join(cells)} |")


def _cell(line: Line | None) -> str:
    if line is None:
        return "not run"
    if not line["predicted"]:
        return f"refuses {'both' if line['cases'] == 2 else 'all'}"
    part = f" ({line['predicted']:,} of {line['cases']:,})" if line["refused"] else ""
    return f"{line['median']:.1%}, {line['p90']:.1%}{part}"


def say(text: str) -> None:
    """A line for the reader that is not the result."""
    print(text, file=sys.stderr)


def main() -> int:
    """Read the arguments, compare, print."""
    names = [g.name for g in groups()]
    parser = argparse.ArgumentParser(prog="python benchmarks/peers", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--markdown", action="store_true", help="print one short table in Markdown")
    parser.add_argument("--only", action="append", choices=names, help="a group; may be repeated")
    parser.add_argument("--python", action="append", default=[], metavar="TOOL=INTERPRETER",
                        help=f"the interpreter of {' or '.join(PEERS)}")  # fmt: skip
    args = parser.parse_args()
    pythons = dict(pair.partition("=")[::2] for pair in args.python)
    for tool in pythons:
        if tool not in PEERS:
            parser.error(f"--python {tool!r} is not one of {', '.join(PEERS)}")
    wanted = [g for g in groups() if not args.only or g.name in args.only]
    found = compare(cases_of(wanted), pythons)
    if args.json:
        made = {"date": datetime.date.today().isoformat(), "aiplan_version": aiplan.__version__, "groups": found}
        print(json.dumps(made, allow_nan=False))
    elif args.markdown:
        show_markdown(found)
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
