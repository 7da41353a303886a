"""Scenario files as they were at a revision of git: read only, through `git show`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aiplan import yamlio
from aiplan.errors import UserError
from aiplan.whatif.files import MOST_BASES, named_files

SECONDS = 30


def git(folder: Path, *words: str) -> str | None:
    """What git prints, or None where it exits with an error. Raises UserError where there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise UserError("comparing with a revision needs git, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"git took over {SECONDS} s") from None
    try:
        return done.stdout.decode("utf-8") if done.returncode == 0 else None
    except UnicodeDecodeError:
        return None


@contextlib.contextmanager
def file_at(revision: str, path: Path) -> Iterator[Path | None]:
    """A copy of a scenario and its bases as they were; None where there was no such file.

    Raises UserError where there is no git, no repository or no such revision.
    """
    folder = path.resolve().parent
    top = git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        raise UserError(f"--compare-to {revision!r} is no file, and {path} is in no git repository")
    commit = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise UserError(f"--compare-to {revision!r} is neither a file nor a revision of git")
    root = Path(top.strip()).resolve()
    with tempfile.TemporaryDirectory(prefix="aiplan-") as made:
        copy = Path(made).resolve()
        (copy / ".git").mkdir()  # marks where base files must stay
        yield _copied(path.resolve(), root, copy, commit.strip(), folder)


def _copied(path: Path, root: Path, copy: Path, commit: str, folder: Path) -> Path | None:
    first: Path | None = None
    file: Path | None = path
    for _ in range(MOST_BASES + 2):
        if file is None or not file.is_relative_to(root):
            break
        inside = file.relative_to(root)
        text = git(folder, "cat-file", "blob", f"{commit}:{inside.as_posix()}")
        target = copy / inside
        if text is None or target.exists():
            break
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        first = first or target
        try:
            data = yamlio.loads(text, str(file))
        except UserError:
            break  # answering it says what is wrong
        for named in sorted(named_files(data)):
            _copy_files(Path(os.path.normpath(file.parent / named)), root, copy, commit)
        base = data.get("base") if isinstance(data, dict) else None
        file = (file.parent / base).resolve() if isinstance(base, str) else None
    return first


def _copy_files(path: Path, root: Path, copy: Path, commit: str) -> None:
    """Copy a file or a folder as it was; what did not exist there is left out, and answering says so."""
    if not path.is_relative_to(root):
        return
    inside = path.relative_to(root).as_posix()
    words = ["git", "-C", str(root), "archive", "--format=tar", commit, *([inside] if inside != "." else [])]
    with tempfile.TemporaryFile() as packed:
        if subprocess.run(words, stdout=packed, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL).returncode:
            return
        packed.seek(0)
        with tarfile.open(fileobj=packed) as files:
            for member in files:
                target, data = Path(os.path.normpath(copy / member.name)), files.extractfile(member)
                if data is not None and member.isfile() and target.is_relative_to(copy) and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with data, target.open("wb") as out:
                        shutil.copyfileobj(data, out)
