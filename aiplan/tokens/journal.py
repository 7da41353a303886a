"""What was counted of a corpus, file by file, in one SQLite file: a killed run goes on where it was.

A file is known by its path, size and time of change. Each is one row, so that none is counted twice; a row is written
in one transaction with its batch, so that none is half counted. Totals come from the rows that the last run has seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from aiplan.errors import UserError

FORM = 1
EDGES = (0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Lower edges of the histogram of tokens in a file."""


@dataclass(slots=True)
class Row:
    """One file as it was counted."""

    path: str
    size: int
    mtime: int
    kind: str
    folder: str
    hash: str
    tokens: int
    klass: str
    """Class of the text, for estimates in other vocabularies."""
    pages: int
    pictures: str
    """Sizes of pictures and scanned pages, as JSON; empty for none."""
    seconds: float
    error: str
    """Why it, or a document inside it, could not be read."""


COLUMNS = tuple(Row.__slots__)
_values = attrgetter(*COLUMNS)


class Journal:
    """The journal of one corpus, one vocabulary, one shard."""

    def __init__(self, path: Path, *, about: dict[str, Any], fresh: bool = False) -> None:
        self.path = path
        if fresh:
            for tail in ("", "-wal", "-shm"):
                Path(f"{path}{tail}").unlink(missing_ok=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None)
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=NORMAL")
            self._create(about)
        except (sqlite3.Error, OSError) as error:
            raise UserError(f"the journal {path} cannot be used ({error})") from None

    def _create(self, about: dict[str, Any]) -> None:
        columns = ", ".join(f"{c} {'PRIMARY KEY' if c == 'path' else ''}" for c in COLUMNS)
        self.db.execute(f"CREATE TABLE IF NOT EXISTS files ({columns}, run)")
        self.db.execute("CREATE TABLE IF NOT EXISTS about (key PRIMARY KEY, value)")
        known = self.about()
        for key, value in (about | {"form": FORM}).items():
            if key in known and known[key] != value:
                differs = f"{key} {known[key]!r}, not {value!r}"
                raise UserError(f"the journal {self.path} is of another run ({differs}); --fresh empties it")
            self.put(key, value)
        self.run = int(known.get("run", 0))

    def about(self) -> dict[str, Any]:
        """What the journal is of."""
        return {key: json.loads(value) for key, value in self.db.execute("SELECT key, value FROM about")}

    def put(self, key: str, value: Any) -> None:
        """Write a fact about the journal."""
        self.db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, json.dumps(value)))

    def begin(self) -> None:
        """Begin a run: files that it does not see are no longer counted."""
        self.run += 1
        self.put("run", self.run)
        self.put("complete", False)

    def end(self) -> None:
        """All files have been seen."""
        self.put("complete", True)

    def known(self, files: Sequence[tuple[str, int, int]]) -> set[str]:
        """Paths of (path, size, mtime) that were read already and have not changed; they are seen now."""
        if self.run == 1:
            return set()
        out = set()
        for start in range(0, len(files), 500):
            part = files[start : start + 500]
            marks = ",".join("?" * len(part))
            found = self.db.execute(
                f"SELECT path, size, mtime FROM files WHERE kind != '' AND path IN ({marks})", [f[0] for f in part]
            ).fetchall()
            wanted = set(part)
            out |= {row[0] for row in found if tuple(row) in wanted}
        self.db.execute("BEGIN")
        self.db.executemany("UPDATE files SET run = ? WHERE path = ?", [(self.run, path) for path in out])
        self.db.execute("COMMIT")
        return out

    def write(self, rows: Iterable[Row]) -> None:
        """Write a batch in one transaction."""
        marks = ",".join("?" * (len(COLUMNS) + 1))
        self.db.execute("BEGIN")
        self.db.executemany(
            f"INSERT OR REPLACE INTO files VALUES ({marks})", [(*_values(row), self.run) for row in rows]
        )
        self.db.execute("COMMIT")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """A query over `seen`, the files that this run has seen."""
        return self.db.execute(f"WITH seen AS (SELECT * FROM files WHERE run = {self.run}) {sql}").fetchall()

    def pictures(self) -> Iterator[tuple[str, str, float, int, str]]:
        """Kind, sizes of pictures, seconds, tokens and class of the files that have pictures, sound or film."""
        yield from self.db.execute(
            "SELECT kind, pictures, seconds, tokens, klass FROM files "
            "WHERE run = ? AND (pictures != '' OR seconds > 0)",
            (self.run,),
        )

    def totals(self) -> dict[str, Any]:
        """Everything that the report says of the corpus."""
        files, size, tokens, most, pages = self.query(
            "SELECT count(*), ifnull(sum(size), 0), ifnull(sum(tokens), 0), ifnull(max(tokens), 0), "
            "ifnull(sum(pages), 0) FROM seen"
        )[0]
        cases = " ".join(f"WHEN tokens >= {edge} THEN {edge}" for edge in reversed(EDGES))
        bins = dict(self.query(f"SELECT CASE {cases} END, count(*) FROM seen WHERE kind != '' GROUP BY 1"))
        repeated = self.query(
            "SELECT ifnull(sum(n - 1), 0), ifnull(sum((n - 1) * s), 0), ifnull(sum((n - 1) * t), 0), count(*) FROM "
            "(SELECT count(*) n, max(size) s, max(tokens) t FROM seen WHERE hash != '' AND size > 0 "
            "GROUP BY hash HAVING n > 1)"
        )[0]
        errors = self.query("SELECT path, error FROM seen WHERE error != '' ORDER BY path LIMIT 1000")
        return {
            "files": files,
            "bytes": size,
            "tokens": tokens,
            "largest": most,
            "pages": pages,
            "unreadable": self.query("SELECT count(*) FROM seen WHERE error != ''")[0][0],
            "errors": [{"path": path, "error": error} for path, error in errors],
            "classes": dict(self.query("SELECT klass, sum(tokens) FROM seen GROUP BY klass")),
            "kinds": self._groups("kind"),
            "folders": self._groups("folder"),
            "histogram": [{"from": edge, "files": bins.get(edge, 0)} for edge in EDGES],
            "duplicates": dict(zip(("files", "bytes", "tokens", "groups"), repeated, strict=True)),
        }

    def _groups(self, column: str, most: int = 1000) -> list[dict[str, Any]]:
        rows = self.query(
            f"SELECT {column}, count(*), sum(size), sum(tokens) FROM seen GROUP BY 1 ORDER BY 4 DESC LIMIT {most}"
        )
        return [dict(zip((column, "files", "bytes", "tokens"), row, strict=True)) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def default_path(about: dict[str, Any]) -> Path:
    """Where the journal of a corpus is kept when none is named: the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    text = json.dumps(about, sort_keys=True)
    return Path(cache) / "aiplan" / "tokens" / f"{hashlib.blake2b(text.encode(), digest_size=10).hexdigest()}.journal"


def merge(paths: Sequence[Path], into: Path) -> tuple[Journal, list[str]]:
    """The journals of shards as one, and what is missing. Raises UserError."""
    target: Journal | None = None
    shards: dict[str, bool] = {}
    for path in paths:
        if not path.is_file():
            raise UserError(f"there is no journal {path}")
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                about = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM about")}
                shard, complete = about.get("shard", "1/1"), bool(about.get("complete"))
                kept = {key: about[key] for key in ("corpus", "vocabulary") if key in about}
                if target is None:
                    target = Journal(into, about=kept, fresh=True)
                    target.begin()
                elif any(target.about().get(key) != value for key, value in kept.items()):
                    raise UserError(f"{path} is of another corpus or vocabulary than {paths[0]}")
                shards[shard] = shards.get(shard, False) or complete
                rows = db.execute(f"SELECT {', '.join(COLUMNS)} FROM files WHERE run = ?", (about.get("run", 0),))
                while part := rows.fetchmany(1000):
                    target.write(Row(*row) for row in part)
        except (sqlite3.Error, ValueError) as error:
            raise UserError(f"{path} is no journal of a corpus ({error})") from None
    if target is None:
        raise UserError("merge needs the journals of the shards")
    count = max(int(shard.partition("/")[2]) for shard in shards)
    missing = [f"shard {i}/{count} is missing" for i in range(1, count + 1) if f"{i}/{count}" not in shards]
    missing += [f"shard {shard} is not complete" for shard, complete in shards.items() if not complete]
    target.end()
    return target, missing
