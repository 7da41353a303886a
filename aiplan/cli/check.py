"""`aiplan check`: the assertions of scenario files, for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.options import BARE, CatalogDirs, Limit, Set, read_pairs
from aiplan.errors import ASSERTION_FAILED
from aiplan.output import clean

app = typer.Typer(**BARE)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario files (YAML).")],
    set_: Set = [],
    limit: Limit = [],
    catalog: CatalogDirs = [],
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Let a file without assertions pass.")] = False,
) -> None:
    """Check the assertions of scenario files: one line each, exit 1 when any fails.

    A file without assertions fails, since an empty gate looks green; an impossible plan fails too.
    """
    from aiplan.catalog import open_catalog
    from aiplan.whatif.scenario import run

    found, defaults = open_catalog(catalog)
    settings, limits = read_pairs(set_), read_pairs(limit, "--limit")
    failures = 0
    for path in files:
        answered = run(path, found, defaults, settings=settings, limits=limits)
        lines = []
        for outcome in answered.result.checks:
            word = "ok" if outcome.passed else "FAILED" if outcome.kind == "assert" else "warning"
            lines.append(f"{word:8}{outcome.message}")
        asserted = [c for c in answered.result.checks if c.kind == "assert"]
        wrong = len(answered.failed)
        if answered.impossible:
            wrong += 1
            lines.append(f"{'FAILED':8}the plan is impossible: {'; '.join(answered.result.binding)}")
        if not asserted and not allow_empty:
            wrong += 1
            lines.append(f"{'FAILED':8}0 assertions: nothing is checked (--allow-empty lets it pass)")
        print(f"{path}: {'failed' if wrong else 'passed'}, {len(asserted)} assertions")
        print("\n".join(f"  {clean(line)}" for line in lines))
        failures += wrong
    if failures:
        raise typer.Exit(ASSERTION_FAILED)
