"""Every page says what the program says today; its commands run as they are written."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from aiplan import docgen, docpages

PAGES = docgen.pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_is_fresh(path: Path) -> None:
    """A page is what `python -m aiplan.docgen` would write: outputs, tables and numbers."""
    old, new = path.read_text("utf-8"), PAGES[path]()
    changes = "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), "page", "program", n=1, lineterm=""))
    assert old == new, f"run `python -m aiplan.docgen {path.name}`:\n{changes[:3000]}"


def test_every_page_of_the_documentation_is_looked_after() -> None:
    """A page is either written here, or known to be written by another generator."""
    known = {path.name for path in PAGES} | set(docgen.WRITTEN_ELSEWHERE)
    assert {path.name for path in docpages.ROOT.glob("docs/*.md")} <= known


def test_a_failing_command_makes_no_page() -> None:
    """Documentation never shows a command that fails unless it shows the exit code as well."""
    page = "```console\n$ aiplan train --params banana\n```\n"
    with pytest.raises(docpages.StaleError, match="exits 2"):
        docpages.refreshed(page, {})
    shown = docpages.refreshed(page.replace("banana\n", "banana\n$ echo $?\n"), {})
    assert "$ echo $?\n2\n" in shown


def test_a_trim_that_finds_nothing_makes_no_page() -> None:
    """A quantity that was renamed shows up as an error, not as a silent gap."""
    page = "<!-- keep: no_such_row -->\n```console\n$ aiplan convert '3 GWh' J\n```\n"
    with pytest.raises(docpages.StaleError, match="no_such_row"):
        docpages.refreshed(page, {})


def test_trim_keeps_a_section_and_marks_gaps() -> None:
    """A rule with a colon keeps all under a heading, wrapped lines with their first."""
    text = "Sum.\n\nAssumptions\n- one: a\n  b\n- two\n\nWarnings\n- three"
    assert docpages.trim(text, ["Assumptions:"]) == "...\nAssumptions\n- one: a\n  b\n- two\n..."
    assert docpages.trim(text, ["two", "last 1"]) == "...\nAssumptions\n...\n- two\n\nWarnings\n- three"


def test_a_file_block_is_there_for_the_commands_below_it() -> None:
    """What a reader is told to save is what the commands then read."""
    page = "<!-- file: a/b.txt -->\n```text\nhello\n```\n\n```console\n$ cat a/b.txt\n```\n"
    assert docpages.refreshed(page, {}).endswith("$ cat a/b.txt\nhello\n```\n")
