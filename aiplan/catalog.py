"""The catalogue: finds, checks and overlays the YAML entries of accelerators, servers, networks, sites and models.

One name reads one file, through a generated index of ids and aliases; a file that the index does not know is found
by scanning. `python -m aiplan.catalog` writes the indexes and the JSON Schemas anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from aiplan import yamlio
from aiplan.errors import UserError, nearest

if TYPE_CHECKING:
    from aiplan.specs.accelerator import Accelerator, best_precision, expand_accelerator, peak_of
    from aiplan.specs.base import Entry
    from aiplan.specs.model import Model, expand_model
    from aiplan.specs.network import Network
    from aiplan.specs.server import Server
    from aiplan.specs.site import Site, expand_site

__all__ = [
    "KINDS", "Catalog", "Settings", "best_precision", "check_file", "expand_accelerator", "expand_model", "expand_site",
    "load_settings", "open_catalog", "peak_of", "write_index", "write_schemas",
]  # fmt: skip

# Kind of entry -> its folder under the data root.
KINDS = {
    "accelerator": "hardware/accelerators",
    "server": "hardware/servers",
    "network": "hardware/networks",
    "site": "hardware/sites",
    "model": "models",
}
MAX_BASES = 8
MAKERS = ("nvidia", "geforce", "tesla", "amd", "instinct", "google", "cloud", "aws", "intel", "huawei", "apple")
_EXPORTS = {
    "best_precision": "accelerator",
    "expand_accelerator": "accelerator",
    "peak_of": "accelerator",
    "expand_site": "site",
    "expand_model": "model",
}


def __getattr__(name: str) -> Any:
    # The specs bring pydantic, so each is imported when its kind is first asked for.
    if name in _EXPORTS:
        return getattr(import_module(f"aiplan.specs.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'aiplan.catalog' has no attribute {name!r}")


def data_root() -> Path:
    """The folder that holds hardware/ and models/: inside the installed package, else the repository's root."""
    package = Path(__file__).parent
    return package / "data" if (package / "data" / "hardware").is_dir() else package.parent


def fold(name: str) -> str:
    """A name without case and punctuation, as names are compared.

    >>> fold("TPU-v7x-Ironwood") == fold("tpu v7x ironwood")
    True
    """
    return "".join(c for c in name.lower() if c.isalnum())


def _spellings(kind: str, name: str) -> Iterator[str]:
    """The folded name, then what is left of an accelerator's without its maker: `NVIDIA Tesla T4` is a T4."""
    folded = fold(name)
    yield folded
    while kind == "accelerator":
        maker = next((m for m in MAKERS if folded.startswith(m)), "")
        if not maker:
            return
        folded = folded.removeprefix(maker)
        yield folded


@dataclass(slots=True)
class _Names:
    """The entries of one kind in one layer: file by id, and id by folded name (ids and aliases)."""

    files: dict[str, Path] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, entry: str, aliases: Iterable[str], file: Path) -> None:
        if entry in self.files:
            raise UserError(f"{file}: {entry!r} is also in {self.files[entry]}")
        self.files[entry] = file
        for name in (entry, *aliases):
            other = self.names.setdefault(fold(name), entry)
            if other != entry:
                raise UserError(f"{file}: the name {name!r} is also {other}'s ({self.files[other]})")


class Catalog:
    """Our entries under the user's: of several overlays, the earlier one wins."""

    def __init__(self, overlays: Iterable[Path | str] = (), *, root: Path | None = None) -> None:
        self.root = root or data_root()
        self.overlays = [Path(overlay) for overlay in overlays]
        for overlay in self.overlays:
            if not overlay.is_dir():
                problem = "is not a folder" if overlay.exists() else "does not exist"
                raise UserError(f"catalogue folder {str(overlay)!r} {problem}")
        self._names: dict[tuple[int, str], _Names] = {}
        self._found: dict[tuple[str, str], Any] = {}
        self._scanned: set[str] = set()

    @overload
    def find(self, kind: Literal["accelerator"], name: str) -> Accelerator: ...
    @overload
    def find(self, kind: Literal["server"], name: str) -> Server: ...
    @overload
    def find(self, kind: Literal["network"], name: str) -> Network: ...
    @overload
    def find(self, kind: Literal["site"], name: str) -> Site: ...
    @overload
    def find(self, kind: Literal["model"], name: str) -> Model: ...
    def find(self, kind: str, name: str) -> Any:
        """The entry of that id or alias; an unknown name is an error with the nearest ones."""
        entry = self.id_of(kind, name)
        key = (kind, entry)
        if key not in self._found:
            path = self.path(kind, entry)
            self._found[key] = self._build(kind, self._merged(kind, path), path)
        return self._found[key]

    def id_of(self, kind: str, name: str) -> str:
        """The id that a name, alias or other spelling stands for."""
        for folded in filter(None, _spellings(kind, name)):
            for level in range(len(self.overlays) + 1):
                names = self._layer(level, kind).names
                if folded in names:
                    return names[folded]
        if kind not in self._scanned:  # the index may be older than the files
            self._scanned.add(kind)
            self._names[len(self.overlays), kind] = self._scan(len(self.overlays), kind)
            return self.id_of(kind, name)
        shown = name if len(name) <= 60 else name[:57] + "..."
        near = nearest(shown, [*self.ids(kind), *self._all_names(kind)])
        raise UserError(f"there is no {kind} {shown!r} in the catalogue{near}")

    def ids(self, kind: str) -> list[str]:
        """All ids of a kind."""
        return sorted({e for level in range(len(self.overlays) + 1) for e in self._layer(level, kind).files})

    def path(self, kind: str, entry: str) -> Path:
        """The file that holds an id: the topmost one, where an overlay replaces ours."""
        for level in range(len(self.overlays) + 1):
            files = self._layer(level, kind).files
            if entry in files:
                return files[entry]
        raise UserError(f"there is no {kind} {entry!r}")

    # -- layers ------------------------------------------------------------------------------------------------

    def _layer(self, level: int, kind: str) -> _Names:
        if kind not in KINDS:
            raise UserError(f"there is no kind {kind!r}; kinds: {', '.join(KINDS)}")
        key = (level, kind)
        if key not in self._names:
            names = self._indexed(kind) if level == len(self.overlays) else None
            self._names[key] = self._scan(level, kind) if names is None else names
        return self._names[key]

    def _all_names(self, kind: str) -> Iterator[str]:
        for level in range(len(self.overlays) + 1):
            yield from self._layer(level, kind).names

    def _indexed(self, kind: str) -> _Names | None:
        top = self.root / KINDS[kind].partition("/")[0]
        try:
            index = json.loads((top / "index.json").read_text("utf-8"))[kind]
        except (OSError, ValueError, KeyError):
            return None
        return _Names({entry: top / file for entry, file in index["files"].items()}, index["names"])

    def _scan(self, level: int, kind: str) -> _Names:
        out = _Names()
        ours = level == len(self.overlays)
        for file in _yaml_files(self.root if ours else self.overlays[level], kind):
            raw = _read_map(file)
            entry = raw.get("id")
            if entry is None and "base" in raw:
                entry = self._base_id(kind, raw["base"], level, file)
            if not isinstance(entry, str):
                raise UserError(f"{file}: id is missing")
            aliases = raw.get("aliases") or []
            if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
                raise UserError(f"{file}: aliases is a list of names")
            out.add(entry, aliases, file)
        return out

    def _base_id(self, kind: str, base: Any, level: int, file: Path) -> str:
        for below in range(level + 1, len(self.overlays) + 1):
            names = self._layer(below, kind).names
            if isinstance(base, str) and fold(base) in names:
                return names[fold(base)]
        raise UserError(f"{file}: base {base!r} is no {kind} of the catalogue below; an entry of its own needs an id")

    # -- entries -----------------------------------------------------------------------------------------------

    def _merged(self, kind: str, path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
        """The raw entry of a file, over that of its `base`: maps merge, all else replaces, null removes."""
        if path in seen or len(seen) > MAX_BASES:
            raise UserError(f"{path}: base leads back to itself or through more than {MAX_BASES} files")
        raw = _read_map(path)
        if "base" not in raw:
            return raw
        base = raw.pop("base")
        if not isinstance(base, str):
            raise UserError(f"{path}: base is the name of an entry, not {base!r}")
        parent_path = self._below(kind, base, {path, *seen})
        if parent_path is None:
            raise UserError(f"{path}: there is no {kind} {base!r} to build on{nearest(base, self._all_names(kind))}")
        parent = self._merged(kind, parent_path, (*seen, path))
        if raw.get("id", parent.get("id")) != parent.get("id"):
            parent.pop("aliases", None)  # they stay the parent's own
        return _merge(parent, raw)

    def _below(self, kind: str, name: str, not_these: set[Path]) -> Path | None:
        entry = self.id_of(kind, name)
        for level in range(len(self.overlays) + 1):
            file = self._layer(level, kind).files.get(entry)
            if file is not None and file not in not_these:
                return file
        return None

    def _build(self, kind: str, raw: dict[str, Any], path: Path) -> Entry:
        spec = parse(kind, raw, path)
        if kind == "accelerator":
            return spec.in_server(self.find("server", spec.server) if spec.server else None)  # type: ignore[no-any-return]
        return spec  # type: ignore[no-any-return]


def parse(kind: str, raw: dict[str, Any], path: Path) -> Any:
    """An entry of a kind from its raw map, where null is the same as absent.

    What is wrong is one line with the file and, where known, the line.
    """
    from pydantic import ValidationError

    from aiplan.specs.base import first_problem

    model = getattr(import_module(f"aiplan.specs.{kind}"), kind.capitalize())
    try:
        return model.model_validate({key: value for key, value in raw.items() if value is not None})
    except ValidationError as error:
        keys, problem = first_problem(error)
        line = yamlio.line_of(path, keys)
        allowed = nearest(str(keys[-1]), model.model_fields) if problem.startswith("there is no field") and keys else ""
        raise UserError(f"{path}{f':{line}' if line else ''}: {problem}{allowed}") from None


def _yaml_files(root: Path, kind: str) -> list[Path]:
    folders = {root / KINDS[kind], root / KINDS[kind].rpartition("/")[2]}
    return sorted(f for folder in folders for pattern in ("*.yaml", "*.yml") for f in folder.glob(pattern))


def _read_map(path: Path) -> dict[str, Any]:
    raw = yamlio.load(path)
    if not isinstance(raw, dict):
        raise UserError(f"{path}: an entry is a map of fields, such as `id: h100-sxm-80gb`")
    return raw


def _merge(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    out = dict(parent)
    for key, value in child.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merge(out[key], value)
        else:
            out[key] = value
    return out


# -- settings ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """What an aiplan.yaml sets: catalogue folders and planning defaults."""

    path: Path | None = None
    catalog: tuple[Path, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)


def load_settings(cwd: Path | str | None = None) -> Settings:
    """The nearest aiplan.yaml at or above a folder, not above the folder that holds .git."""
    start = Path(cwd or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        path = folder / "aiplan.yaml"
        if path.is_file():
            return _read_settings(path)
        if (folder / ".git").exists():
            break
    return Settings()


def _read_settings(path: Path) -> Settings:
    raw = _read_map(path)
    for key in raw:
        if key not in ("catalog", "defaults"):
            line = yamlio.line_of(path, (key,))
            raise UserError(f"{path}:{line}: there is no setting {key!r}; settings: catalog, defaults")
    folders = raw.get("catalog") or []
    if isinstance(folders, str):
        folders = [folders]
    if not isinstance(folders, list) or not all(isinstance(folder, str) for folder in folders):
        raise UserError(f"{path}: catalog is a list of folders")
    defaults = raw.get("defaults") or {}
    if not isinstance(defaults, dict):
        raise UserError(f"{path}: defaults is a map such as `site: us-texas`")
    if defaults:
        import aiplan.quantities  # noqa: F401  (fills the graph that the names are checked against)
        from aiplan.specs.question import read_question

        read_question(defaults, where=str(path))
    return Settings(path, tuple(path.parent / folder for folder in folders), defaults)


def open_catalog(overlays: Iterable[Path] = (), cwd: Path | None = None) -> tuple[Catalog, dict[str, Any]]:
    """The catalogue with the overlays of --catalog, AIPLAN_CATALOG and aiplan.yaml in that order, and the defaults."""
    settings = load_settings(cwd)
    environment = [Path(p) for p in os.environ.get("AIPLAN_CATALOG", "").split(os.pathsep) if p]
    return Catalog([*overlays, *environment, *settings.catalog]), settings.defaults


# -- checking and generating -------------------------------------------------------------------------------------


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
    raw = _read_map(path)
    kind = kind or kind_of(path, raw)
    spec = parse(kind, catalog._merged(kind, path), path)
    module = import_module(f"aiplan.specs.{kind}")
    out: list[str] = module.doubts(spec)
    if "base" not in raw and path.stem != spec.id:
        out.append(f"the file is named {path.name}, not {spec.id}.yaml")
    for name in (spec.id, *spec.aliases):
        for level in range(len(catalog.overlays) + 1):
            other = catalog._layer(level, kind).names.get(fold(name))
            if other not in (None, spec.id):
                out.append(f"the name {name!r} is also {other}'s")
    if kind == "accelerator" and spec.server and spec.server not in catalog.ids("server"):
        out.append(f"server {spec.server!r} is not in the catalogue{nearest(spec.server, catalog.ids('server'))}")
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
        names = catalog._scan(0, kind)
        files = {entry: file.relative_to(root / top).as_posix() for entry, file in sorted(names.files.items())}
        texts.setdefault(top, {})[kind] = {"files": files, "names": dict(sorted(names.names.items()))}
    return {root / top / "index.json": json.dumps(index, indent=1) + "\n" for top, index in texts.items()}


def write_index(root: Path | None = None) -> list[Path]:
    """Write hardware/index.json and models/index.json anew."""
    return _write(index_texts(root))


def schema_texts(root: Path | None = None) -> dict[Path, str]:
    """The JSON Schema of each kind, for editors; a file with a `base` need not have the rest."""
    out: dict[Path, str] = {}
    for kind in KINDS:
        model = getattr(import_module(f"aiplan.specs.{kind}"), kind.capitalize())
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        schema["properties"]["base"] = {"type": "string", "description": "In an overlay: the entry that it alters."}
        for key, value in schema["properties"].items():
            if key not in schema["required"] and "anyOf" not in value:
                schema["properties"][key] = {"anyOf": [value, {"type": "null"}]}
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


if __name__ == "__main__":
    for written in (*write_index(), *write_schemas()):
        print(written)
