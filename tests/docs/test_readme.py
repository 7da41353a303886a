"""The README's two commands, and that none of its numbers is typed by hand."""

from __future__ import annotations

import re
import subprocess

from aiplan.docpages import ROOT

README = (ROOT / "README.md").read_text("utf-8")
FIRST = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/aiplan train --params 100T"


def test_first_command_is_there_once() -> None:
    """One line installs into a venv and runs the main job."""
    assert README.count(f"```sh\n{FIRST}\n```") == 1


def test_ci_runs_the_test_command() -> None:
    """`.ci/run` takes the one command after the marker; the rest of the script is not run here."""
    assert README.count("<!-- test command -->\n") == 1
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert script.rstrip().endswith('eval "$command"')
    only_look = script.replace('eval "$command"', "")
    done = subprocess.run(
        ["bash", "-c", only_look, str(ROOT / ".ci" / "run")], cwd=ROOT / ".ci", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"+ {command_for_tests()}"


def test_command_installs_the_tests_and_runs_them() -> None:
    """The test command is one line that works on a fresh clone."""
    command = command_for_tests()
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]'")
    assert command.endswith(".venv/bin/pytest")


def test_numbers_come_from_the_program() -> None:
    """Outside code, generated parts and links the README holds no figure but two versions and the interval."""
    text = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!-- = .+? -->.*?<!-- / -->", "", text)
    text = re.sub(r"<!-- begin .+? -->.*?<!-- end -->", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`]*`|\([^()\s]*\)", "", text)
    found = set(re.findall(r"\S*\d\S*", text))
    assert found <= {"3.11", "2.0)", "80%"}, found


def test_licence() -> None:
    """The licence is Apache 2.0, with a holder."""
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Copyright 2026 the aiplan authors" in text


def command_for_tests() -> str:
    """The command in the block after the marker."""
    found = re.search(r"<!-- test command -->\n```\w*\n(.+?)\n```", README)
    assert found
    return found[1]
