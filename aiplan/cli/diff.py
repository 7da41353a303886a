"""`aiplan diff`: two plans compared."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.options import BARE, All, CatalogDirs, CompareTo, Json, Output, emit
from aiplan.errors import UserError, nearest

app = typer.Typer(**BARE)

FORMATS = ("table", "md", "json")


@app.command()
def diff(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="BEFORE AFTER", help="Scenario files, or saved results; with --compare-to one file or folder."
        ),
    ],
    compare_to: CompareTo = None,
    catalog: CatalogDirs = [],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    json: Json = False,
    all_: All = False,
    output: Output = None,
) -> None:
    """Compare two plans: what changed, by how much, which inputs made it so, which assertions turned.

    aiplan diff old.yaml new.yaml

    aiplan diff plan.yaml --compare-to main
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    if (compare_to is None) != (len(files) == 2) or len(files) > 2:
        raise UserError("diff takes two files, or one file and --compare-to WHAT")
    from aiplan.catalog import open_catalog
    from aiplan.output.diff import render
    from aiplan.whatif.baseline import find, known_from
    from aiplan.whatif.diff import Difference, differences
    from aiplan.whatif.files import found_in
    from aiplan.whatif.scenario import Over

    found, defaults = open_catalog(catalog)
    plain = Over(baseline=lambda *_: None)
    newest = files[-1]
    told: list[Difference] = []
    with ExitStack() as keep:
        for file in found_in([Path(newest)])[0] if compare_to else [Path(newest)]:
            path = file if compare_to else None
            before = known_from(compare_to or files[0], path, found, defaults, plain, keep=keep)
            against = Over(baseline=partial(find, before))
            after = known_from(str(file), None, found, defaults, against)
            told += differences(before, after, found, defaults)
    emit(render(told, form, everything=all_), output)
