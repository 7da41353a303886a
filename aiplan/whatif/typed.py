"""What a command line says, laid over scenario files or made a scenario of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.specs.question import CHOICES, read_pairs, read_question
from aiplan.specs.scenario import Scenario, Variant
from aiplan.whatif import grid, inputs
from aiplan.whatif.scenario import TYPED, Answered, Over, answer_one, read_all, run_all

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.plan import Plan
    from aiplan.specs.question import Question
    from aiplan.whatif.draws import Model
    from aiplan.whatif.inputs import Input


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
    if any(name not in GRAPH and name not in CHOICES for name in (*over.set, *over.limit, *over.vary, *over.sweep)):
        import aiplan.tokens.formulas  # noqa: F401  (they may be quantities of documents)
    typed = {name: value for name, value in over.set.items() if name in GRAPH or name in CHOICES}
    read_question(typed, over.limit)  # what else `set` may hold is read with the file
    reads: list[tuple[str, Callable[[], object]]] = [
        *(("vary", partial(inputs.read_input, n, raw)) for n, raw in over.vary.items()),
        *(("sweep", partial(grid.read_axis, n, raw, most=most_points)) for n, raw in over.sweep.items()),
    ]
    for option, read in reads:
        try:
            read()
        except UserError as error:
            raise UserError(f"--{option}: {str(error).removeprefix(f'{option}: ')}") from None
    return over


def scenario_of(over: Over, *, name: str | None = None) -> Scenario:
    """The scenario that was typed."""
    parts = {"set": over.set, "limit": over.limit, "vary": over.vary, "sweep": over.sweep, "assert": over.assert_}
    return Scenario.model_validate({"aiplan": 1, "name": name} | parts)


def answer_typed(over: Over, catalog: Catalog, defaults: dict[str, Any] | None) -> Answered:
    """The answer to what was typed, which is one plan."""
    return answer_one(TYPED, "", scenario_of(over), None, catalog, defaults, over)


def answer_files(
    paths: list[Path], catalog: Catalog, defaults: dict[str, Any] | None, over: Over, compare_to: str | None = None
) -> list[Answered]:
    """The answers to every plan of these files, with a baseline where one is named."""
    if not paths:
        raise UserError("no scenario file is named")
    out: list[Answered] = []
    for path in paths:
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
    data: dict[str, Any] = {"aiplan": 1, "name": name} | {key: _plain(value) for key, value in parts.items() if value}
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))


def _plain(value: Any) -> Any:
    """Whole numbers without quotes."""
    if isinstance(value, dict):
        return {key: _plain(found) for key, found in value.items()}
    if isinstance(value, list):
        return [_plain(found) for found in value]
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else value


def model_typed(
    paths: list[Path], of: str | None, catalog: Catalog, defaults: dict[str, Any] | None, over: Over
) -> tuple[Model, dict[str, list[Plan]], str]:
    """The one plan of a file or what was typed, ready to be moved; the plans of each drawn name; the answer asked."""
    from aiplan.plan import train
    from aiplan.whatif.draws import central, model_of

    question, vary = one_question(paths, over)
    name = None if of is None else _quantity(of)
    more = [name] if name else []
    named = [i for i in vary if i.kind == "names"]
    first = {i.name: i.names[0] for i in named}
    plan = train(central(question, vary, first), catalog, defaults, more=more)
    plans = {
        i.name: [train(central(question, vary, first | {i.name: n}), catalog, defaults, more=more) for n in i.names]
        for i in named
    }
    return model_of(plan, vary), plans, name or ("run_cost" if plan.value("run_cost") else "training_days")


def one_plan(path: Path | None, over: Over) -> tuple[Path, str, Scenario]:
    """The one plan of a file, or what was typed."""
    if path is None:
        return TYPED, "", scenario_of(Over(set=over.set, limit=over.limit))
    found = read_all(path)
    if len(found) != 1:
        raise UserError(f"{path} holds {len(found)} plans, where one is asked")
    key, scenario = next(iter(found.items()))
    return path, key, scenario


def one_question(paths: list[Path], over: Over) -> tuple[Question, list[Input]]:
    """The question of the one training plan of a file or of what was typed, and what varies in it."""
    from aiplan.whatif.scenario import overlaid, question_of

    if len(paths) > 1:
        raise UserError(f"one file is looked at, not {len(paths)}")
    path, key, found = one_plan(paths[0] if paths else None, over)
    scenario = overlaid(found, over)
    if scenario.ask != "train" or scenario.sweep:
        raise UserError(f"{path}: this looks at one training plan, and the file asks for something else")
    question = question_of(path, key, Variant(set=scenario.set, limit=scenario.limit), "train")
    return question, inputs.read_inputs(scenario.vary, where=str(path))


def _quantity(name: str) -> str:
    from aiplan.errors import nearest
    from aiplan.graph import GRAPH

    name = name.replace("-", "_")
    if name not in GRAPH:
        raise UserError(f"--of: there is no quantity {name!r}{nearest(name, GRAPH.quantities)}")
    return name
