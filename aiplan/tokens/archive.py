"""ZIP files read with caps against bombs, and the XML in them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

MOST_MEMBER = 256 << 20
"""Bytes of one member of an archive, unpacked."""
MOST_TOTAL = 1 << 30
"""Bytes of all members of an archive, unpacked."""
MOST_MEMBERS = 20_000
"""Documents in one archive."""
MOST_DEPTH = 3
"""Archives inside archives, and mails inside mails."""
MOST_RATIO = 1000
"""How many times smaller a member of more than 1 MiB may be packed."""


class BrokenDocument(Exception):
    """A document that cannot be read; the text says why."""


class Archive:
    """A ZIP file read with caps: sizes are checked as said in it, and again while reading."""

    def __init__(self, data: bytes) -> None:
        try:
            self.zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise BrokenDocument(f"a broken archive ({error})") from None
        self.names = {info.filename: info for info in self.zip.infolist()}
        self.total = 0

    def read(self, name: str) -> bytes:
        """The bytes of a member. Raises BrokenDocument for a bomb, a password or broken data."""
        info = self.names.get(name)
        if info is None:
            raise BrokenDocument(f"its part {name} is missing")
        if info.flag_bits & 1:
            raise BrokenDocument("it is encrypted")
        size, packed = info.file_size, max(info.compress_size, 1)
        if size > MOST_MEMBER or (size > 1 << 20 and size > MOST_RATIO * packed):
            raise BrokenDocument(f"a bomb: {size >> 20} MiB in {packed} bytes")
        try:
            with self.zip.open(info) as file:
                data = file.read(MOST_MEMBER + 1)
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise BrokenDocument(f"a broken archive ({error})") from None
        except Exception as error:  # zlib.error and its like are no common class
            raise BrokenDocument(f"a broken archive ({type(error).__name__})") from None
        self.total += len(data)
        if len(data) > MOST_MEMBER or self.total > MOST_TOTAL:
            raise BrokenDocument("a bomb: it unpacks to more than its cap")
        return data


def elements(data: bytes) -> Iterator[tuple[str, str, Any]]:
    """(event, local name, element) of an XML document; elements are dropped once seen."""
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(data), ("start", "end")):
            yield event, element.tag.rpartition("}")[2], element
            if event == "end":
                element.clear()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BrokenDocument(f"broken XML ({error})") from None


def numbered(names: Any, pattern: str) -> list[str]:
    """The names that match, by the number in them."""
    found = [(int(m[1] or 0), n) for n in names if (m := re.fullmatch(pattern, n))]
    return [n for _, n in sorted(found)]
