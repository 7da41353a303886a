"""What a plan is compared with: another scenario, a saved result, or the same file at a revision of git."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiplan.errors import UserError
from aiplan.specs.result import Result
from aiplan.whatif.files import is_file
from aiplan.whatif.saved import read_saved
from aiplan.whatif.scenario import Answered, Over, run_all

if TYPE_CHECKING:
    from aiplan.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Known:
    """One plan to compare with."""

    result: Result
    key: str = ""
    point: str = ""
    folder: Path | None = None
    """Where the files lie that it names; none where it was saved."""


def known_from(
    what: str,
    path: Path | None,
    catalog: Catalog,
    defaults: dict[str, Any] | None,
    over: Over | None = None,
    *,
    keep: ExitStack | None = None,
) -> list[Known]:
    """The plans of a scenario file, a saved result, or of `path` at a revision; none where it did not exist there.

    Files of a revision stay readable until `keep` is closed.
    """
    file = Path(what)
    if is_file(file):
        if file.suffix.lower() == ".json":
            return [Known(result) for result in read_saved(file)]
        return [_known(a) for a in run_all(file, catalog, defaults, over)]
    if path is None:
        raise UserError(f"{what}: no such file")
    from aiplan.whatif.history import file_at

    with ExitStack() as own:
        copy = (keep or own).enter_context(file_at(what, path))
        if copy is None:
            return []
        try:
            return [_known(a) for a in run_all(copy, catalog, defaults, over)]
        except UserError as error:
            raise UserError(f"{path} at {what}: {str(error).replace(str(copy), path.name)}") from None


def _known(answered: Answered) -> Known:
    return Known(answered.result, answered.key, point_text(answered), answered.path.parent)


def point_text(answered: Answered) -> str:
    """The point of a sweep as text, nothing where there is none."""
    return ", ".join(f"{name} {text}" for name, text in answered.point.items())


def find(known: list[Known], key: str, point: str, name: str) -> Result | None:
    """The plan that corresponds: of the same key and point, else of the same title, else the only one there is."""
    for each in known:
        if (each.key, each.point) == (key, point) and (key or point):
            return each.result
    for each in known:
        if each.result.name and each.result.name == name:
            return each.result
    return known[0].result if len(known) == 1 and not key and not point else None


def baseline_for(
    what: str, path: Path, catalog: Catalog, defaults: dict[str, Any] | None, over: Over
) -> Callable[[str, str, str], Result | None]:
    """How to find the baseline of each plan of a file; assertions of the baseline itself are not looked at."""
    plain = Over(
        draws=over.draws, seed=over.seed, most_points=over.most_points, search=over.search, baseline=lambda *_: None
    )
    known = known_from(what, path, catalog, defaults, plain)
    return lambda key, point, name: find(known, key, point, name)
