"""`aiplan laws`: scaling laws, side by side."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True)


@app.callback()
def laws() -> None:
    """List and compare scaling laws."""


@app.command("list")
def list_() -> None:
    """List the scaling laws with their sources."""
    from aiplan.output.plain import columns
    from aiplan.quantities.scaling import LAWS

    rows = [(law.name, "yes" if law.has_loss else "no", law.source) for law in LAWS.values()]
    print(columns(("law", "loss", "source"), rows))


@app.command()
def compare(
    params: Annotated[str | None, typer.Option("--params", help="Size of the model, e.g. 100T.")] = None,
    flops: Annotated[str | None, typer.Option("--flops", help="Training compute, e.g. 5e25.")] = None,
) -> None:
    """Put one size or one amount of compute to every law."""
    from aiplan import units
    from aiplan.errors import UserError
    from aiplan.output.plain import columns
    from aiplan.quantities.scaling import spread_across_laws
    from aiplan.specs.question import read_value

    if (params is None) == (flops is None):
        raise UserError("give one of --params and --flops")
    size = read_value("params", params) if params else None
    compute = read_value("training_flops", flops) if flops else None
    rows = [
        (
            law,
            units.show(n, "param"),
            units.show(d, "token"),
            units.show(c, "FLOP"),
            units.show(d / n if d and n else None, ""),
        )
        for law, n, d, c in spread_across_laws(params=size, training_flops=compute)
    ]
    print(columns(("law", "params", "tokens", "training_flops", "tokens_per_param"), rows, right=(1, 2, 3, 4)))
