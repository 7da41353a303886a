"""What a command line says, laid over scenario files or made a scenario of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.output import clean
from aiplan.specs.question import CHOICES, read_pairs, read_question
from aiplan.specs.scenario import Scenario, Variant
from aiplan.whatif import grid, inputs
from aiplan.whatif.files import found_in
from aiplan.whatif.scenario import TYPED, Answered, Over, answer_one, overlaid, read_all, run_all

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.tokens.asked import Documents
    from aiplan.whatif.asked import Training


def overlay(
    settings: dict[str, Any],
    limits: list[str],
    vary: list[str],
    sweep: list[str],
    asserts: list[str],
    draws: int | None,
    seed: int,
    most_points: int,
    *,
    wanted: bool = False,
    search: bool = False,
) -> Over:
    """The options of a command as what is laid over a file; `wanted` draws are made where nothing varies too."""
    if (wanted or search) and draws is None:
        from aiplan.whatif.percentiles import checked_count

        draws = checked_count(None, search=search)
    over = Over(dict(settings), dict(read_pairs(limits, "--limit")), {}, {}, list(asserts), draws, seed, most_points)
    over.search = search
    over.vary, over.sweep = inputs.read_typed(vary), grid.read_typed(sweep)
    swept, drawn = grid.NAMED, CHOICES
    name_of: Callable[[str], str] = str
    if any(name not in GRAPH and name not in swept for name in (*over.set, *over.limit, *over.vary, *over.sweep)):
        import aiplan.tokens.formulas  # noqa: F401  (they may be quantities of documents)
        from aiplan.tokens import keys

        swept, drawn, name_of = {**swept, **keys.CHOICES}, {**drawn, **keys.CHOICES}, keys.canonical
    typed = {name: value for name, value in over.set.items() if name in GRAPH or name in CHOICES}
    read_question(typed, over.limit)  # what else `set` may hold is read with the file
    reads: list[tuple[str, Callable[[], object]]] = [
        *(("vary", partial(inputs.read_input, name_of(n), raw, choices=drawn)) for n, raw in over.vary.items()),
        *(
            ("sweep", partial(grid.read_axis, name_of(n), raw, most=most_points, choices=swept))
            for n, raw in over.sweep.items()
        ),
    ]
    for option, read in reads:
        try:
            read()
        except UserError as error:
            raise UserError(f"--{option}: {str(error).removeprefix(f'{option}: ')}") from None
    return over


def scenario_of(over: Over) -> Scenario:
    """The scenario that was typed, of documents where it names what only documents have."""
    return overlaid(Scenario(aiplan=1, ask=ask_of((*over.set, *over.vary, *over.sweep))), over)


def ask_of(names: Iterable[str]) -> Literal["train", "tokens"]:
    """What a question asks that sets these names."""
    if all(name in GRAPH or name in grid.NAMED for name in names) and "aiplan.tokens.formulas" not in sys.modules:
        return "train"
    from aiplan.tokens import keys
    from aiplan.tokens.formulas import NAMES

    ours = any(name in NAMES or (name in keys.CHOICES and name not in CHOICES) for name in names)
    return "tokens" if ours else "train"


def answer_typed(over: Over, catalog: Catalog, defaults: dict[str, Any] | None) -> Answered:
    """The answer to what was typed, which is one plan."""
    return answer_one(TYPED, "", scenario_of(over), None, catalog, defaults, over)


def answer_files(
    paths: list[Path], catalog: Catalog, defaults: dict[str, Any] | None, over: Over, compare_to: str | None = None
) -> list[Answered]:
    """The answers to every plan of these files and folders, with a baseline where one is named."""
    if not paths:
        raise UserError("no scenario file is named")
    files, skipped = found_in(paths)
    for line in skipped:
        print(clean(line), file=sys.stderr)
    out: list[Answered] = []
    for path in files:
        if compare_to is not None:
            from aiplan.whatif.baseline import baseline_for

            over.baseline = baseline_for(compare_to, path, catalog, defaults, over)
        out += run_all(path, catalog, defaults, over)
    return out


def write_draws(path: Path, answers: list[Answered]) -> None:
    """The draws of the one plan that has them, as CSV."""
    from aiplan.whatif.percentiles import write_samples

    drawn = [a for a in answers if a.draws is not None]
    if len(drawn) != 1 or drawn[0].draws is None:
        raise UserError(f"--save-draws writes the draws of one plan, and there are {len(drawn)} with draws")
    write_samples(
        path, drawn[0].draws, list(drawn[0].result.quantities) if drawn[0].result.ask in ("facts", "tokens") else None
    )


def save_scenario(path: Path, over: Over) -> None:
    """What was typed as a scenario file, which gives the same answer."""
    text = scenario_text(over, path.stem.replace("-", " ").replace("_", " ").capitalize())
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{path} exists, and is not overwritten") from None
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def scenario_text(over: Over, name: str) -> str:
    """A scenario as YAML, in the order of the documentation."""
    import yaml

    parts = {"set": over.set, "limit": over.limit, "vary": over.vary, "sweep": over.sweep, "assert": over.assert_}
    ask = ask_of((*over.set, *over.vary, *over.sweep))
    head: dict[str, Any] = {"aiplan": 1, "name": name} | ({"ask": ask} if ask != "train" else {})
    data = head | {key: _plain(value) for key, value in parts.items() if value}
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))


def _plain(value: Any) -> Any:
    """Whole numbers without quotes."""
    if isinstance(value, dict):
        return {key: _plain(found) for key, found in value.items()}
    if isinstance(value, list):
        return [_plain(found) for found in value]
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else value


def one_plan(path: Path | None, over: Over, about: str = "") -> tuple[Path, str, Scenario]:
    """The one plan of a file, or what was typed."""
    if path is None:
        names = (*over.set, *over.vary, *over.sweep, *([about] if about else []))
        return TYPED, "", Scenario(aiplan=1, ask=ask_of(names))
    found = read_all(path)
    if len(found) != 1:
        raise UserError(f"{path} holds {len(found)} plans, where one is asked")
    key, scenario = next(iter(found.items()))
    return path, key, scenario


def one_question(
    paths: list[Path], over: Over, catalog: Catalog, defaults: dict[str, Any] | None, *, about: str = ""
) -> Training | Documents:
    """The one question of a file or of what was typed, and what varies in it; `about` is the quantity looked at."""
    from aiplan.whatif.scenario import question_of, varied

    if len(paths) > 1:
        raise UserError(f"one file is looked at, not {len(paths)}")
    path, key, found = one_plan(paths[0] if paths else None, over, about)
    scenario = overlaid(found, over)
    if scenario.sweep:
        raise UserError(f"{path}: this looks at one plan, and the file has a grid of them: --set pins what is swept")
    vary = varied(path, key, scenario)
    if scenario.ask == "tokens":
        from aiplan.tokens.asked import Documents

        return Documents(scenario.set, vary, path, scenario.limit, title=scenario.name or path.stem)
    if scenario.ask != "train":
        raise UserError(f"{path}: this looks at one plan, and the file asks for {scenario.ask}")
    from aiplan.whatif.asked import Training

    question = question_of(path, key, Variant(set=scenario.set, limit=scenario.limit), "train")
    return Training(question, vary, catalog, defaults)


def quantity(name: str, option: str = "") -> str:
    """The name of a quantity as it was typed. Raises UserError with the nearest where there is none."""
    name = name.replace("-", "_")
    if name not in GRAPH:
        import aiplan.tokens.formulas  # noqa: F401  (it may be a quantity of documents)
    if name not in GRAPH:
        raise UserError(f"{option}there is no quantity {name!r}{nearest(name, GRAPH.quantities)}")
    return name
