"""A corpus behind http:// or https://: the files that the index pages of a web server link to, or one file."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiplan.tokens import store
from aiplan.tokens.documents import SUFFIXES, decode
from aiplan.tokens.reader import File

MOST_PAGE = 256 << 20
"""Bytes of an index page at most."""
BLOCK = 1 << 16


class Seen(NamedTuple):
    """What a server says of a URL."""

    url: str
    """Where it led to."""
    file: File
    folder: bool


class Served:
    """A folder or a file behind HTTP. Folders end with a slash, here as on most servers."""

    quick = False

    def __init__(self, url: str) -> None:
        aiohttp: Any = importlib.import_module("aiohttp")
        fsspec: Any = importlib.import_module("fsspec")
        self._url: Any = importlib.import_module("yarl").URL
        self._sync: Any = importlib.import_module("fsspec.asyn").sync
        # Identity: else the size that is told is not that of the file. Proxies and passwords are those of the system.
        waits = aiohttp.ClientTimeout(total=None, sock_connect=store.QUIET, sock_read=store.QUIET)
        client = {"timeout": waits, "trust_env": True, "headers": {"Accept-Encoding": "identity"}}
        self.system = fsspec.filesystem("https", skip_instance_cache=True, client_kwargs=client)
        self.unlisted: dict[str, OSError] = {}
        """Folders that could not be listed, and why."""
        top = self._look(url)
        self.single = None if top.folder else top.file
        self.root = top.url if top.folder else url
        self._first = [] if self.single else self._links(self.root)

    def files(self, wanted: Callable[[str], bool]) -> Iterator[File]:
        """The files whose paths below the folder are wanted, in the order in which their servers answer."""
        if self.single:
            yield self.single
            return

        def mine(url: str) -> bool:
            return wanted(self.name(url[len(self.root) :]))

        seen, lists = {self.root}, {self.root: _list(self.root, self._first)}
        todo = self._new(self.root, self._first, seen)
        running: dict[Future[list[str] | Seen], str] = {}
        with ThreadPoolExecutor(store.AT_ONCE) as pool:
            while todo or running:
                while todo and len(running) < 2 * store.AT_ONCE:
                    url = todo.pop()
                    # what has no suffix that we know may be a folder whose link lacks the slash
                    if _folder(url) or mine(url) or url.rpartition(".")[2] not in SUFFIXES:
                        running[pool.submit(self._links if _folder(url) else self._look, url)] = url
                for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                    url = running.pop(future)
                    try:
                        found = future.result()
                        if isinstance(found, list):
                            _check_loop(url, found, lists)
                    except Exception as error:
                        if _folder(url):
                            self.unlisted[url] = OSError(0, f"this folder could not be listed ({store.reason(error)})")
                        if _folder(url) or mine(url):
                            yield File(url, 0, 0)  # reading it will say why
                        continue
                    if isinstance(found, list):
                        todo += self._new(url, found, seen)
                    elif found.folder and found.url.startswith(self.root):
                        todo += self._new(url, [found.url], seen)
                    elif mine(url):
                        yield found.file

    def fetch(self, file: File, most: int) -> bytes:
        """The first bytes of a file. Raises OSError, and what the client does."""
        if file.path in self.unlisted:
            raise self.unlisted[file.path]
        data: bytes = self._sync(self.system.loop, self._read, file.path, most, timeout=store.patience(file))
        if file.size and len(data) > file.size:
            raise OSError(0, "it is longer than its server said")
        return data

    def price(self, files: int) -> str:
        """What fetching so many files costs: nobody knows."""
        return ""

    def copy(self, file: File, path: Path) -> None:
        """Write a whole file to a path of this machine. Raises OSError, and what the client does."""
        self._sync(self.system.loop, self._write, file.path, path)

    def name(self, path: str) -> str:
        """A path as people write it."""
        return unquote(path)

    def _new(self, page: str, links: list[str], seen: set[str]) -> list[str]:
        """Those links of a page that no other page gave; only a page above can give a file of this one too."""
        out = [link for link in links if link not in seen and store.visible(self.name(link[len(self.root) :]))]
        seen.update(link for link in out if "/" in link[len(page) :])
        return out

    def _look(self, url: str) -> Seen:
        seen: Seen = self._sync(self.system.loop, self._asked, url, timeout=store.LONGEST)
        return seen

    async def _asked(self, url: str) -> Seen:
        session = await self.system.set_session()
        for verb in ("HEAD", "GET"):
            async with session.request(verb, self._url(url), allow_redirects=True, **self.system.kwargs) as answer:
                size = answer.headers.get("Content-Length", "")
                plain = answer.headers.get("Content-Encoding", "identity") == "identity"
                told = answer.status < 400 and plain and size.isdigit()
                if verb == "HEAD" and not told:
                    continue  # some servers know no HEAD, or less by it
                _check(answer)
                file = File(url, int(size) if told else 0, store.changed(dict(answer.headers)))
                where = _address(answer.url)
                return Seen(where, file, _folder(where) and answer.content_type == "text/html")
        raise AssertionError

    def _links(self, url: str) -> list[str]:
        """What a page links to below itself, without what only sorts it."""
        data, where = self._sync(self.system.loop, self._page, url, timeout=store.LONGEST)
        page = self._url(where)
        if not where.startswith(self.root):
            raise OSError(0, f"it leads out of the corpus, to {where}")
        parser = _Links()
        parser.feed(decode(data)[0])
        found: dict[str, None] = {}
        for text in parser.found:
            try:
                link = _address(page.join(self._url(text.strip())))
            except ValueError:
                continue
            link = page.scheme + "://" + link.partition("://")[2] if link.startswith(("http://", "https://")) else link
            if _folder(link.partition("?")[0]):
                link = link.partition("?")[0]
            if link.startswith(where) and link[len(where) :] and link[len(where)] != "?":
                found[link] = None
        return list(found)

    async def _page(self, url: str) -> tuple[bytes, str]:
        session = await self.system.set_session()
        async with session.get(self._url(url), **self.system.kwargs) as answer:
            _check(answer)
            return await _body(answer, MOST_PAGE), _address(answer.url).partition("?")[0]

    async def _read(self, url: str, most: int) -> bytes:
        session = await self.system.set_session()
        async with session.get(self._url(url), **self.system.kwargs) as answer:
            _check(answer)
            return await _body(answer, most)

    async def _write(self, url: str, path: Path) -> None:
        session = await self.system.set_session()
        async with session.get(self._url(url), **self.system.kwargs) as answer:
            _check(answer)
            with path.open("wb") as file:
                async for block in answer.content.iter_chunked(BLOCK):
                    file.write(block)


class _Links(HTMLParser):
    """Collects what the links of a page lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _list(page: str, links: list[str]) -> int:
    """A mark of what a page lists."""
    return hash(tuple(link[len(page) :] for link in links))


def _check_loop(url: str, links: list[str], lists: dict[str, int]) -> None:
    """Raises OSError where a folder is one that is above it, as a link of its server's disk makes it."""
    mark = lists[url] = _list(url, links)
    above = (url[:end] for end, letter in enumerate(url, 1) if letter == "/" and end < len(url))
    if any(map(_folder, links)) and any(lists.get(folder) == mark for folder in above):
        raise OSError(0, "it lists what a folder above it lists")


def _address(url: Any) -> str:
    """A URL without its fragment, and with a slash where it has no path."""
    text = str(url.with_fragment(None))
    return f"{text}/" if text.count("/") == 2 else text


def _folder(url: str) -> bool:
    return url.endswith("/")


def _check(answer: Any) -> None:
    """Raises OSError for an answer that is none."""
    if answer.status >= 400:
        raise OSError(0, f"{answer.status} {answer.reason or ''}".strip())


async def _body(answer: Any, most: int) -> bytes:
    """The first bytes of an answer, and no more than that of one without an end."""
    blocks, size = [], 0
    async for block in answer.content.iter_chunked(BLOCK):
        blocks.append(block)
        size += len(block)
        if size >= most:
            break
    return b"".join(blocks)[:most]
