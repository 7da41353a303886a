"""Scenario files: read, merged with their bases, split into the plans that they name, and the place of each key."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aiplan import yamlio
from aiplan.errors import UserError, nearest
from aiplan.specs.scenario import Scenario

MOST_BASES = 8
MOST_PLANS = 1_000
Keys = tuple[str | int, ...]


def read(path: Path) -> Scenario:
    """A scenario from a file, merged with its bases. Raises UserError with the place of what is wrong."""
    return _checked(path, _merged(path, root=root_of(path), chain=()))


def read_all(path: Path) -> dict[str, Scenario]:
    """The plans of a file by their keys; a file that names none is one plan, with an empty key."""
    data = _merged(path, root=root_of(path), chain=())
    whole = _checked(path, data)
    if not whole.plans:
        return {"": whole}
    if len(whole.plans) > MOST_PLANS:
        raise UserError(f"{path}: {len(whole.plans)} plans, above the cap of {MOST_PLANS}")
    shared = {key: value for key, value in data.items() if key != "plans"}
    out = {}
    for key, part in data["plans"].items():
        title = part.get("name") or (f"{whole.name}: {key}" if whole.name else key)
        out[key] = _checked(path, merge(shared, part) | {"name": title}, above=("plans", key))
    return out


def _checked(path: Path, data: dict[str, Any], above: Keys = ()) -> Scenario:
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise UserError(_explain(path, error, above)) from None


def _merged(path: Path, *, root: Path, chain: tuple[Path, ...]) -> dict[str, Any]:
    here = path.resolve()
    if here in chain:
        raise UserError(f"{path}: base files go in a circle: {' -> '.join(p.name for p in (*chain, here))}")
    if len(chain) > MOST_BASES:
        raise UserError(f"{path}: more than {MOST_BASES} base files above one another")
    data = yamlio.load(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}: a scenario is a map that begins with 'aiplan: 1', not {type(data).__name__}")
    base = data.get("base")
    if base is None:
        return data
    if not isinstance(base, str):
        raise UserError(f"{path}: base is the path of one file, not {base!r}")
    parent = parent_of(path, base)
    if not parent.is_relative_to(root):
        raise UserError(f"{path}: base {base[:80]!r} is outside {root}")
    if not is_file(parent):
        raise UserError(f"{path}: there is no base file {base[:80]!r}")
    return merge(_merged(parent, root=root, chain=(*chain, here)), data)


def parent_of(path: Path, base: str) -> Path:
    """The file that `base` names, from the file that names it."""
    try:
        return (path.parent / base).resolve()
    except (OSError, ValueError, RuntimeError):
        raise UserError(f"{path}: base {base[:80]!r} is no path") from None


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Two maps as one: maps merge deep, lists and scalars replace, null removes.

    >>> merge({"set": {"params": "1T", "pue": 1.2}}, {"set": {"pue": None}})
    {'set': {'params': '1T'}}
    """
    out = dict(base)
    for key, value in over.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            below = out.get(key)
            out[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            out[key] = value
    return out


def root_of(path: Path) -> Path:
    """The folder that base files must stay in: the checkout or the scenarios folder, else the file's own."""
    here = path.resolve().parent
    for folder in (here, *here.parents):
        if (folder / ".git").exists() or (folder / "aiplan.yaml").exists() or folder.name == "scenarios":
            return folder
    return here


def _explain(path: Path, error: ValidationError, above: Keys) -> str:
    first = error.errors()[0]
    loc: Keys = first["loc"]
    scalar = loc[-1:] in (("str",), ("int",), ("float",))  # one of the kinds that a value may be
    loc = loc[:-1] if scalar else loc
    nested = [keys[:n] for keys in ((*above, *loc), loc) for n in range(len(keys), 0, -1)]
    where, name = place(path, *nested), ".".join(str(part) for part in loc)
    if first["type"] == "extra_forbidden":
        names = [f.alias or n for n, f in Scenario.model_fields.items()]
        key = str(loc[-1])
        hint = nearest(key, names) if len(loc) == 1 else ""
        return f"{where}: there is no key {key!r}{hint or '; allowed: ' + ', '.join(names)}"
    if first["type"] == "missing":
        return f"{path}: the key {name!r} is missing{'; a scenario begins with aiplan: 1' if name == 'aiplan' else ''}"
    if scalar:
        return f"{where}: {name} is one value, text or a number, not {str(first['input'])[:60]!r}"
    return f"{where}: {name}: {first['msg'][:1].lower()}{first['msg'][1:]}, but it is {str(first['input'])[:60]!r}"


# -- folders ---------------------------------------------------------------------------------------------------

_SCENARIO = re.compile(r"(?m)^(?:\s*\{\s*)?[\"']?aiplan[\"']?\s*:")


def found_in(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Scenario files of these paths, each once and in order, and a line for each YAML file that is none.

    Of a folder they are the .yaml and .yml files below it, in the order of their names. Hidden ones and links to
    folders are left out, and so is a base of others that asserts nothing. A path that is no folder stands for itself.
    Raises UserError where a folder holds no scenario.
    """
    out: dict[Path, None] = {}
    skipped: list[str] = []
    for path in paths:
        if not path.is_dir():
            out[path] = None
            continue
        files = {file: _is_scenario(file) for file in _yaml_below(path)}
        plans = [file for file, ours in files.items() if ours]
        bases = {base for file in plans if (base := _base(file))}
        empty = [file for file in plans if file.resolve() in bases and not _asserts(file)]
        if not set(plans) - set(empty):
            raise UserError(f"{path}: this folder holds no scenario, a .yaml file with a line 'aiplan: 1'")
        skipped += [f"{file}: skipped, no line begins with 'aiplan: 1'" for file, ours in files.items() if not ours]
        skipped += [f"{file}: skipped, a base of others that asserts nothing" for file in empty]
        out |= dict.fromkeys(file for file in plans if file not in empty)
    return list(out), skipped


def named_files(data: Any, key: str = "") -> set[str]:
    """The files and folders that a scenario about documents names, of patterns the folder above the first sign."""
    if isinstance(data, dict):
        return {p for name, value in data.items() for p in named_files(value, key if name == "choice" else str(name))}
    if isinstance(data, list):
        return {found for value in data for found in named_files(value, key)}
    if key not in ("doc", "tokenizer", "prices") or not isinstance(data, str):
        return set()
    parts = Path(data).parts
    plain = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return {str(Path(*parts[:plain]))}


def _yaml_below(folder: Path) -> Iterator[Path]:
    """YAML files below a folder, in the order of their names."""
    try:
        entries = sorted(folder.iterdir(), key=lambda p: p.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _yaml_below(entry)
        elif entry.suffix.lower() in (".yaml", ".yml") and is_file(entry):
            yield entry


def _is_scenario(file: Path) -> bool:
    """Whether a file says that it is one, well-formed or not; of one that cannot be read, answering says why."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return _SCENARIO.search(lines.read(yamlio.MAX_BYTES)) is not None
    except OSError:
        return True


def _base(file: Path) -> Path | None:
    """The file that a scenario builds on."""
    try:
        data = yamlio.load(file)
        base = data.get("base") if isinstance(data, dict) else None
        return parent_of(file, base) if isinstance(base, str) else None
    except UserError:
        return None


def _asserts(file: Path) -> bool:
    """Whether a scenario has conditions, or cannot be read."""
    try:
        return any(scenario.assert_ for scenario in read_all(file).values())
    except UserError:
        return True


# -- places ----------------------------------------------------------------------------------------------------


def place(path: Path, *candidates: Keys) -> str:
    """`file:line:column` of the first of these keys that the file or one of its bases has; else the file's name."""
    found = position(path, *candidates)
    return f"{found[0]}:{found[1]}:{found[2]}" if found else str(path)


def position(path: Path, *candidates: Keys) -> tuple[Path, int, int] | None:
    """File, line and column of the value of the first of these keys that the file or one of its bases has."""
    file: Path | None = path
    for _ in range(MOST_BASES + 1):
        if file is None:
            return None
        places: yamlio.Places = {}
        try:
            data = yamlio.loads(yamlio.read_text(file), str(file), places=places)
        except UserError:
            return None
        for keys in candidates:
            if keys in places:
                return file, *places[keys]
        base = data.get("base") if isinstance(data, dict) else None
        if not isinstance(base, str):
            return None
        parent = parent_of(file, base)
        file = _relative(parent) if is_file(parent) else None
    return None


def _relative(path: Path) -> Path:
    """The path from the working folder, where it is below it."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
