"""Links between the pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiplan.docpages import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a page, as a code host makes them."""
    out: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text("utf-8")), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        again = sum(1 for known in out if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", known))
        out.add(f"{anchor}-{again}" if again else anchor)
    return out


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_resolve(path: Path) -> None:
    """Every relative link names a file that exists, and every anchor a heading that exists."""
    own = anchors(path)
    for target in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in (anchors(found) if file else own), f"{path.name} links to {target}"


@pytest.mark.parametrize(
    "name", ["guide", "method", "nomenclature", "commands", "scenarios", "data", "essay", "accuracy"]
)
def test_the_readme_leads_to_every_page(name: str) -> None:
    """No page is hidden."""
    assert f"(docs/{name}.md)" in (ROOT / "README.md").read_text("utf-8")
