"""The catalogue: finds, reads and overlays the YAML entries of accelerators, servers, networks, sites and models.

One name reads one file, through a generated index of ids and aliases; a file that the index does not know is found
by scanning. `python -m aiplan.catalog` writes the indexes and the JSON Schemas anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from aiplan import yamlio
from aiplan.errors import UserError, nearest

if TYPE_CHECKING:
    from aiplan.catalog_files import check_file, index_texts, kind_of, schema_texts, write_index, write_schemas
    from aiplan.specs.accelerator import Accelerator, best_precision, expand_accelerator, main_precision, peak_of
    from aiplan.specs.base import Entry
    from aiplan.specs.model import Model, expand_model
    from aiplan.specs.network import Network
    from aiplan.specs.server import Server
    from aiplan.specs.site import Site, expand_site

__all__ = [
    "KINDS", "Catalog", "Settings", "best_precision", "check_file", "expand_accelerator", "expand_model", "expand_site",
    "index_texts", "kind_of", "load_settings", "main_precision", "open_catalog", "peak_of", "schema_texts",
    "write_index", "write_schemas",
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
_VERSIONS = re.compile(r"[-_ ](instruct|chat|base|it|hf|fp8|nvfp4|bf16|awq|gptq|v0\.\d|preview|0905|0324|0528)$", re.I)
MAKERS = ("nvidia", "geforce", "tesla", "amd", "instinct", "google", "cloud", "aws", "intel", "huawei", "apple")
# What is found here, but lives in a module that is imported when it is first asked for.
_EXPORTS = {
    **dict.fromkeys(("best_precision", "expand_accelerator", "main_precision", "peak_of"), "specs.accelerator"),
    "expand_site": "specs.site",
    "expand_model": "specs.model",
    **dict.fromkeys(
        ("check_file", "index_texts", "kind_of", "schema_texts", "write_index", "write_schemas"), "catalog_files"
    ),
}


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(f"aiplan.{_EXPORTS[name]}"), name)
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
    """The folded name, then what is left of it without what does not tell entries apart.

    That is an accelerator's maker (`NVIDIA Tesla T4` is a T4), and of a model a remark in brackets, the owner before
    a slash and the endings of tuned and packed versions (`nvidia/Llama-3.1-8B-Instruct-FP8` has Llama 3.1 8B's shape).
    """
    folded = fold(name)
    yield folded
    if kind == "model":
        plain = re.sub(r"\([^()]*\)", " ", name).strip().rpartition("/")[2]
        yield fold(plain)
        while (shorter := _VERSIONS.sub("", plain)) != plain:
            plain = shorter
            yield fold(plain)
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
        self._from_files: dict[tuple[str, str], Any] = {}
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
        """The entry of that id or alias, or of a file; an unknown name is an error with the nearest ones.

        A file is a YAML entry, or for a model a Hugging Face `config.json` (or the folder that holds one).
        """
        file = _file_named(kind, name)
        if file is not None:
            return self._of_file(kind, file)
        if (kind, name) in self._from_files:  # the id that a file gave before
            return self._from_files[kind, name]
        entry = self.id_of(kind, name)
        key = (kind, entry)
        if key not in self._found:
            path = self.path(kind, entry)
            self._found[key] = self._build(kind, self.merged(kind, path), path)
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
            self._names[len(self.overlays), kind] = self.scan(len(self.overlays), kind)
            return self.id_of(kind, name)
        shown = name if len(name) <= 60 else name[:57] + "..."
        raise UserError(f"there is no {kind} {shown!r} in the catalogue{self._nearest(kind, shown)}")

    def ids(self, kind: str) -> list[str]:
        """All ids of a kind."""
        return sorted({e for level in range(len(self.overlays) + 1) for e in self._layer(level, kind).files})

    def file_of(self, kind: str, name: str) -> Path:
        """The file of an entry by id, alias or its own name."""
        return _file_named(kind, name) or self.path(kind, self.id_of(kind, name))

    def path(self, kind: str, entry: str) -> Path:
        """The file that holds an id: the topmost one, where an overlay replaces ours."""
        for level in range(len(self.overlays) + 1):
            files = self._layer(level, kind).files
            if entry in files:
                return files[entry]
        raise UserError(f"there is no {kind} {entry!r}")

    def names(self, level: int, kind: str) -> dict[str, str]:
        """Ids by folded name in one layer; ours is the last."""
        return self._layer(level, kind).names

    # -- layers ------------------------------------------------------------------------------------------------

    def _layer(self, level: int, kind: str) -> _Names:
        if kind not in KINDS:
            raise UserError(f"there is no kind {kind!r}; kinds: {', '.join(KINDS)}")
        key = (level, kind)
        if key not in self._names:
            names = self._indexed(kind) if level == len(self.overlays) else None
            self._names[key] = self.scan(level, kind) if names is None else names
        return self._names[key]

    def _nearest(self, kind: str, name: str) -> str:
        """The ids and aliases nearest to a name, as they are written and one an entry, as the tail of a message."""
        from difflib import get_close_matches

        names: dict[str, str] = {}
        for level in range(len(self.overlays), -1, -1):
            names |= self._layer(level, kind).names
        near: dict[str, str] = {}
        for folded in get_close_matches(fold(name), names, n=12, cutoff=0.5):
            entry = names[folded]
            if entry not in near and len(near) < 3:
                near[entry] = entry if fold(entry) == folded else self._spelled(kind, entry, folded)
        return f"; nearest: {', '.join(near.values())}" if near else ""

    def _spelled(self, kind: str, entry: str, folded: str) -> str:
        aliases = read_map(self.path(kind, entry)).get("aliases") or []
        return next((str(alias) for alias in aliases if fold(str(alias)) == folded), entry)

    def _indexed(self, kind: str) -> _Names | None:
        top = self.root / KINDS[kind].partition("/")[0]
        try:
            index = json.loads((top / "index.json").read_text("utf-8"))[kind]
        except (OSError, ValueError, KeyError):
            return None
        return _Names({entry: top / file for entry, file in index["files"].items()}, index["names"])

    def scan(self, level: int, kind: str) -> _Names:
        """The entries of one kind in one layer, from its files alone; ours is the last layer."""
        out = _Names()
        ours = level == len(self.overlays)
        for file in _yaml_files(self.root if ours else self.overlays[level], kind):
            raw = read_map(file)
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

    def merged(self, kind: str, path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
        """The raw entry of a file, over that of its `base`: maps merge, all else replaces, null removes."""
        if path in seen or len(seen) > MAX_BASES:
            raise UserError(f"{path}: base leads back to itself or through more than {MAX_BASES} files")
        raw = read_map(path)
        if "base" not in raw:
            return raw
        base = raw.pop("base")
        if not isinstance(base, str):
            raise UserError(f"{path}: base is the name of an entry, not {base!r}")
        parent_path = self._below(kind, base, {path, *seen})
        if parent_path is None:
            raise UserError(f"{path}: there is no {kind} {base!r} to build on{self._nearest(kind, base)}")
        parent = self.merged(kind, parent_path, (*seen, path))
        if raw.get("id", parent.get("id")) != parent.get("id"):
            parent.pop("aliases", None)  # they stay the parent's own
        return _merge(parent, raw)

    def _below(self, kind: str, name: str, not_these: set[Path]) -> Path | None:
        entry, above = self.id_of(kind, name), {path.resolve() for path in not_these}
        for level in range(len(self.overlays) + 1):
            file = self._layer(level, kind).files.get(entry)
            if file is not None and file.resolve() not in above:
                return file
        return None

    def _of_file(self, kind: str, path: Path) -> Any:
        key = (kind, str(path))
        if key not in self._found:
            if path.suffix.lower() == ".json":
                from aiplan.specs.hf_config import read_config

                spec: Any = read_config(path)
            else:
                spec = self._build(kind, self.merged(kind, path), path)
            self._found[key] = spec
            if spec.id not in self.ids(kind):
                self._from_files[kind, spec.id] = spec
        return self._found[key]

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


def _file_named(kind: str, name: str) -> Path | None:
    """The file that a name stands for: one that ends as such, or a path with a separator that is there."""
    if len(name) > 4000 or "\0" in name:
        return None
    path, ending = Path(name), os.path.splitext(name)[1].lower()
    if ending in (".yaml", ".yml"):
        return path
    if ending == ".json":
        if kind != "model":
            raise UserError(f"{name}: {kind}s are YAML files; JSON is read for models only (config.json)")
        return path
    if "/" not in name and os.sep not in name:
        return None
    if kind == "model" and os.path.isfile(path / "config.json"):
        return path / "config.json"
    return path if os.path.isfile(path) else None


def _yaml_files(root: Path, kind: str) -> list[Path]:
    folders = {root / KINDS[kind], root / KINDS[kind].rpartition("/")[2]}
    return sorted(f for folder in folders for pattern in ("*.yaml", "*.yml") for f in folder.glob(pattern))


def read_map(path: Path) -> dict[str, Any]:
    """The raw map of a file."""
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
    raw = read_map(path)
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


if __name__ == "__main__":
    from aiplan.catalog_files import write_index, write_schemas

    for written in (*write_index(), *write_schemas()):
        print(written)
