"""Every command explains itself, and stands in the documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aiplan.cli.app import COMMANDS
from aiplan.docgen import command_paths, commands, taken
from aiplan.docpages import ROOT
from tests.cli.helpers import aiplan

PATHS = command_paths()


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    """`--help` exits 0, fits 80 columns, and has the command's sentence and all of its options."""
    done = aiplan(*path, "--help")
    assert done.code == 0
    sentence = (PATHS[path].__doc__ or "").strip().splitlines()[0]
    words = " ".join(done.out.split())
    assert sentence.rstrip(".")[:40] in words
    assert max(map(len, done.out.splitlines())) <= 80
    for option in taken(PATHS[path]):
        if not option.is_argument:
            assert option.spelling.strip("`").split("`")[0].split(" ")[0] in words


@pytest.mark.parametrize("function", PATHS.values(), ids=[" ".join(path) for path in PATHS])
def test_every_option_is_explained(function: Callable[..., Any]) -> None:
    """A docstring for the command, a sentence for each option and argument."""
    assert (function.__doc__ or "").strip()
    for option in taken(function):
        assert option.help.endswith("."), option.spelling


def test_the_page_has_every_command() -> None:
    """docs/commands.md has a heading for each command and subcommand."""
    page = commands()
    for path in PATHS:
        assert f"# aiplan {' '.join(path)}\n" in page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown_in_use(name: str) -> None:
    """Each command is used in a page written by hand."""
    pages = [ROOT / "README.md", *(p for p in ROOT.glob("docs/*.md") if p.name != "commands.md")]
    assert any(f"aiplan {name}" in page.read_text("utf-8") for page in pages)
