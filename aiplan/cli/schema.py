"""`aiplan schema`: JSON Schema of our files, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from aiplan.cli.options import BARE

app = typer.Typer(**BARE)

KINDS = ("scenario", "result", "accelerator", "server", "network", "site", "model")


@app.command()
def schema(kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")]) -> None:
    """Print the JSON Schema of a kind of file: aiplan schema scenario > scenario.json"""
    import json

    from aiplan.errors import UserError, nearest

    if kind not in KINDS:
        raise UserError(f"there is no schema {kind!r}; one of {', '.join(KINDS)}{nearest(kind, KINDS, most=1)}")
    print(json.dumps(schema_of(kind), indent=2, ensure_ascii=False))


def schema_of(kind: str) -> dict[str, object]:
    """The JSON Schema of one kind of file."""
    if kind == "scenario":
        from aiplan.specs.scenario import json_schema

        return json_schema()
    if kind == "result":
        from aiplan.specs.describe import json_schema as described
        from aiplan.specs.result import Result

        return described(Result)
    import json

    from aiplan.catalog import data_root, schema_texts

    found: dict[str, object] = json.loads(schema_texts()[data_root() / "schema" / f"{kind}.json"])
    return found
