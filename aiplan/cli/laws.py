"""`aiplan laws`: scaling laws, one by one and side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiplan.cli.options import Json, Listed, Output, emit
from aiplan.errors import UserError, nearest

if TYPE_CHECKING:
    from aiplan.quantities.scaling import LawAnswer

app = typer.Typer(
    cls=Listed, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True
)

FORMATS = ("table", "json", "csv", "md")

Format = Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")]
Plot = Annotated[bool, typer.Option("--plot", help="Plot tokens against parameters by each law below the table.")]


@app.callback()
def laws() -> None:
    """List, show and compare scaling laws."""


def laws_table() -> str:
    """All laws as the Markdown table of docs/laws.md."""
    from aiplan.output.laws import laws_markdown

    return laws_markdown()


@app.command("list")
def list_(format: Format = "table", json: Json = False) -> None:
    """List the scaling laws: whether they give a loss, whose they are, on what sizes they were fitted."""
    from aiplan.output import laws as text
    from aiplan.quantities.scaling import LAWS

    form = _format(format, json)
    if form == "json":
        emit(_json({"schema": text.SCHEMA, "laws": [text.to_dict(law) for law in LAWS.values()]}), None)
    elif form == "csv":
        raise UserError("the list of laws has no csv; laws compare has")
    else:
        emit(laws_table() if form == "md" else text.list_text(), None)


@app.command()
def show(name: Annotated[str, typer.Argument(help="A law, e.g. besiroglu_2024.")], json: Json = False) -> None:
    """Show one law: its equations, coefficients, source, range and what to know of it."""
    from aiplan.output import laws as text
    from aiplan.quantities.scaling import law_named

    law = law_named(name.strip().lower().replace("-", "_"))
    emit(_json({"schema": text.SCHEMA, **text.to_dict(law)}) if json else text.law_text(law), None)


@app.command()
def compare(
    params: Annotated[str | None, typer.Option("--params", help="Size of the model, e.g. 100T.")] = None,
    flops: Annotated[str | None, typer.Option("--flops", help="Training compute, e.g. 5e25.")] = None,
    loss: Annotated[str | None, typer.Option("--loss", help="Loss to reach [nats per token], e.g. 2.0.")] = None,
    active_params: Annotated[
        str | None, typer.Option("--active-params", help="Parameters that a token uses, with --params, e.g. 5T.")
    ] = None,
    active_share: Annotated[
        str | None, typer.Option("--active-share", help="Share of the parameters that a token uses, e.g. 5%.")
    ] = None,
    format: Format = "table",
    json: Json = False,
    plot: Plot = False,
    output: Output = None,
) -> None:
    """Put one size, one amount of compute or one loss to every law."""
    from aiplan.output import laws as text
    from aiplan.quantities.scaling import compare_laws

    form = _format(format, json)
    if plot and form != "table":
        raise UserError(f"--plot is for the table, not for {form}")
    typed = {"params": ("--params", params), "training_flops": ("--flops", flops), "loss": ("--loss", loss)}
    known = {name: _positive(name, *what) for name, what in typed.items() if what[1] is not None}
    if len(known) != 1:
        raise UserError("give one of --params, --flops and --loss")
    (name, value), *_ = known.items()
    share = _share(known, active_params, active_share)
    answers = compare_laws(**known, active_share=share)
    given = known | ({"active_share": share} if share < 1.0 else {})
    if form == "json":
        emit(text.compare_json(answers, given), output)
    elif form == "csv":
        emit(text.compare_csv(answers), output)
    else:
        title = _title(name, value, share)
        if form == "md":
            emit(text.compare_markdown(answers, name, title), output)
            return
        said = text.compare_text(answers, name, title)
        emit(f"{said}\n\n{_plot(answers, share, output)}" if plot else said, output)


def _plot(answers: Sequence[LawAnswer], share: float, output: Path | None) -> str:
    from aiplan.output.laws import curves
    from aiplan.output.plots import can_draw, loglog

    series, mark = curves(answers, share)
    drawn = output is not None or can_draw()
    return loglog(series, x_label="       parameters", y_label="tokens", mark=mark, unicode=drawn)


def _title(name: str, value: float, share: float) -> str:
    from aiplan import units

    if name == "loss":
        what = f"The best model for a loss of {value:g}"
    elif name == "training_flops":
        what = f"The best model for {units.show(value, 'FLOP')}"
    else:
        what = f"The tokens for a model of {units.show(value, 'param')} parameters"
    experts = f", {units.show(share, '', 'active_share')} of the parameters active" if share < 1.0 else ""
    return f"{what} by each scaling law{experts}"


def _share(known: dict[str, float], active_params: str | None, active_share: str | None) -> float:
    if active_params is not None and active_share is not None:
        raise UserError("give one of --active-params and --active-share")
    if active_share is not None:
        share = _positive("active_share", "--active-share", active_share)
    elif active_params is None:
        return 1.0
    elif "params" not in known:
        raise UserError("--active-params needs --params; with --flops or --loss give --active-share")
    else:
        active = _positive("active_params", "--active-params", active_params)
        if active > known["params"]:
            raise UserError(f"--active-params {active_params!r} is above --params")
        share = active / known["params"]
    return share


def _positive(name: str, flag: str, text: str | None) -> float:
    from aiplan.specs.question import read_value

    try:
        value = read_value(name, text)
    except UserError as error:
        said = str(error)
        raise UserError(f"{flag}{said[len(name) :]}" if said.startswith(name) else said) from None
    if not value > 0:
        raise UserError(f"{flag} is {text!r}, but must be above 0")
    return value


def _format(name: str, json: bool) -> str:
    if json:
        return "json"
    if name not in FORMATS:
        raise UserError(f"--format {name!r} is not one of {', '.join(FORMATS)}{nearest(name, FORMATS, most=1)}")
    return name


def _json(value: object) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
