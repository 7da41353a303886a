"""The child of `sandbox`: reads one document a line, and answers with its length and its JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from typing import IO, Any

MOST_FILE = 1 << 30
"""Bytes of a document that are read at most."""


def main() -> None:
    """Read paths until the parent is gone."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get between the answers
    _limit(int(sys.argv[1]))
    for line in sys.stdin.buffer:
        path, kind, engine, seconds = json.loads(line)
        _limit_time(seconds)
        _send(out, _read(path, kind, engine))


def _read(path: str, kind: str, engine: str) -> dict[str, Any]:
    from aiplan.tokens import office, pdf
    from aiplan.tokens.archive import BrokenDocument
    from aiplan.tokens.documents import Document

    try:
        size = os.path.getsize(path)
        if size > MOST_FILE:
            return dataclasses.asdict(Document(path, kind, size, error=f"larger than {MOST_FILE >> 20} MiB"))
        with open(path, "rb") as file:
            data = file.read()
        document = pdf.read(path, data, engine) if engine else office.read(path, data, kind=kind)
    except BrokenDocument as error:
        document = Document(path, kind, error=str(error))
    except MemoryError:
        document = Document(path, kind, error="it needs more memory than its limit")
    except OSError as error:
        document = Document(path, kind, error=error.strerror or str(error))
    except Exception as error:  # a reader's own bug is that file's error, not the batch's
        document = Document(path, kind, error=f"its reader failed ({type(error).__name__}: {str(error)[:100]})")
    return dataclasses.asdict(document)


def _send(out: IO[bytes], document: dict[str, Any]) -> None:
    answer = json.dumps(document).encode()
    out.write(len(answer).to_bytes(8, "big") + answer)
    out.flush()


def _limit(memory: int) -> None:
    """Cap the address space, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: float) -> None:
    """Cap the processor time of the next file."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime + seconds) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
