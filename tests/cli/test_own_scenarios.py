"""The project's own plans are checked as a user's are: `aiplan check` on every file of scenarios/."""

from __future__ import annotations

import pytest

from tests.cli.helpers import ROOT, aiplan

FOLDERS = ("examples", "runs", "essay")


@pytest.mark.parametrize("folder", FOLDERS)
def test_our_own_plans_pass(folder: str) -> None:
    """Every file at once, as `aiplan check scenarios/examples/*.yaml` in CI."""
    files = sorted(str(file) for file in (ROOT / "scenarios" / folder).glob("*.yaml"))
    done = aiplan("check", *files)
    assert files
    assert (done.code, done.err) == (0, ""), [line for line in done.out.splitlines() if "FAILED" in line]
    assert all(file in done.out for file in files)


def test_every_file_has_the_modeline_and_is_of_the_schema() -> None:
    """Editors find the schema, and the schema takes the file."""
    import json

    import jsonschema

    from aiplan import yamlio

    schema = json.loads(aiplan("schema", "scenario").out)
    for file in sorted((ROOT / "scenarios").rglob("*.yaml")):
        first = file.read_text("utf-8").partition("\n")[0]
        assert first == "# yaml-language-server: $schema=../../schema/scenario.json", file
        assert (file.parent / first.partition("$schema=")[2]).resolve() == ROOT / "schema" / "scenario.json"
        jsonschema.validate(yamlio.load(file), schema)
