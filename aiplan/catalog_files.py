"""The catalogue's files: what is doubtful about each, and the indexes and JSON Schemas made from them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from aiplan.catalog import KINDS, Catalog, data_root, fold, parse, read_map
from aiplan.errors import UserError, nearest


def kind_of(path: Path, raw: dict[str, Any]) -> str:
    """The kind of an entry's file, from its folder, else from what only that kind has."""
    for kind, folder in KINDS.items():
        if path.absolute().parent.name == folder.rpartition("/")[2]:
            return kind
    for kind, keys in (
        ("accelerator", {"peak", "memory", "tdp", "prices"}),
        ("site", {"electricity_price", "grid_carbon", "pue"}),
        ("network", {"role"}),
        ("server", {"max_power", "accelerators"}),
        ("model", {"layers", "d_model", "params"}),
    ):
        if keys & raw.keys():
            return kind
    raise UserError(f"{path}: cannot tell what it describes; put it in one of {', '.join(KINDS.values())}")


def check_file(path: Path | str, kind: str | None = None, catalog: Catalog | None = None) -> list[str]:
    """What is doubtful about an entry's file, one line each; what is wrong with it raises UserError."""
    path, catalog = Path(path), catalog or Catalog()
    raw = read_map(path)
    kind = kind or kind_of(path, raw)
    spec = parse(kind, catalog.merged(kind, path), path)
    module = import_module(f"aiplan.specs.{kind}")
    out: list[str] = module.doubts(spec)
    if "base" not in raw and path.stem != spec.id:
        out.append(f"the file is named {path.name}, not {spec.id}.yaml")
    for name in (spec.id, *spec.aliases):
        for level in range(len(catalog.overlays) + 1):
            other = catalog.names(level, kind).get(fold(name))
            if other not in (None, spec.id):
                out.append(f"the name {name!r} is also {other}'s")
    if kind == "accelerator" and spec.server and spec.server not in catalog.ids("server"):
        out.append(f"server {spec.server!r} is not in the catalogue{nearest(spec.server, catalog.ids('server'))}")
    if kind == "server":
        held = {part: count for part, count in spec.holds.items() if part in catalog.ids("server")}
        out += [f"holds {part!r}, which is not in the catalogue" for part in spec.holds if part not in held]
        total = sum(count * catalog.find("server", part).accelerators for part, count in held.items())
        if spec.holds and total != spec.accelerators:
            out.append(f"accelerators is {spec.accelerators}, but the servers that it holds have {total}")
    out += [f"{field} is doubtful: {text}" for field, text in spec.doubtful.items()]
    if spec.recalled:
        out.append(f"not read at a source: {', '.join(spec.recalled)}")
    return out


def index_texts(root: Path | None = None) -> dict[Path, str]:
    """The index files as they should be, from the entries that are there."""
    root = root or data_root()
    catalog = Catalog(root=root)
    texts: dict[str, dict[str, Any]] = {}
    for kind, folder in KINDS.items():
        top = folder.partition("/")[0]
        names = catalog.scan(0, kind)
        files = {entry: file.relative_to(root / top).as_posix() for entry, file in sorted(names.files.items())}
        texts.setdefault(top, {})[kind] = {"files": files, "names": dict(sorted(names.names.items()))}
    return {root / top / "index.json": json.dumps(index, indent=1) + "\n" for top, index in texts.items()}


def write_index(root: Path | None = None) -> list[Path]:
    """Write hardware/index.json and models/index.json anew."""
    return _write(index_texts(root))


def schema_texts(root: Path | None = None) -> dict[Path, str]:
    """The JSON Schema of each kind, for editors; a file with a `base` need not have the rest."""
    from aiplan.specs.describe import json_schema

    out: dict[Path, str] = {}
    for kind in KINDS:
        model = getattr(import_module(f"aiplan.specs.{kind}"), kind.capitalize())
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **json_schema(model)}
        schema["properties"]["base"] = {"type": "string", "description": "In an overlay: the entry that it alters."}
        for key, value in schema["properties"].items():
            if key not in schema["required"] and "anyOf" not in value:
                described = {"description": value.pop("description")} if "description" in value else {}
                schema["properties"][key] = described | {"anyOf": [value, {"type": "null"}]}
        schema["anyOf"] = [{"required": schema.pop("required")}, {"required": ["base"]}]
        out[(root or data_root()) / "schema" / f"{kind}.json"] = json.dumps(schema, indent=1) + "\n"
    return out


def write_schemas(root: Path | None = None) -> list[Path]:
    """Write schema/*.json of the catalogue's kinds anew."""
    return _write(schema_texts(root))


def _write(texts: dict[Path, str]) -> list[Path]:
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(texts)
