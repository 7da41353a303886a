"""Tokens of pictures, pages, sound and film: the vendors' published rules, and what others have measured of them."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from aiplan.tokens.documents import Document

DEFAULT_PAGE = (1275, 1650)
"""A page of 8.5 x 11 inches at 150 dpi [pixels]."""


class Rule(NamedTuple):
    """How a family of models counts a picture, or a second of sound or film."""

    sentence: str
    source: str
    error: float = 0.0
    """Half width of its 90% interval, as a share, where it is no rule of the vendor's own."""
    tokens: float = 0.0
    """Tokens a second, of sound and film."""


DOCS = "OpenAI, images documentation"
RULES = {
    "claude_area": Rule("width x height / 750, the long side at most 1,568 pixels", "Anthropic, vision documentation"),
    "claude_patch": Rule(
        "patches of 28 pixels, at most 3,928", "fit to published counts of the Claude 5 family, 2026-10", 0.03
    ),
    "openai_tile": Rule("85 and 170 a tile of 512 pixels, the short side at most 768", DOCS),
    "openai_tile_mini": Rule("2,833 and 5,667 a tile of 512 pixels", f"{DOCS}; from memory"),
    "openai_tile_5": Rule("70 and 140 a tile of 512 pixels", f"{DOCS}; from memory"),
    "openai_tile_o": Rule("75 and 150 a tile of 512 pixels", f"{DOCS}; from memory"),
    "openai_patch_162": Rule("1.62 a patch of 32 pixels, shrunk to 1,536 patches", DOCS),
    "openai_patch_246": Rule("2.46 a patch of 32 pixels, shrunk to 1,536 patches", DOCS),
    "openai_patch_172": Rule("1.72 a patch of 32 pixels, shrunk to 1,536 patches", DOCS),
    "openai_patch_120": Rule("1.2 a patch of 32 pixels", "fit to published counts of GPT-5.5, 2026-10", 0.03),
    "gemini_tile": Rule("258, or 258 a tile of 768 pixels above 384", "Google, Gemini token documentation"),
    "gemini_flat": Rule(
        "about 1,090 whatever the size", "published counts of Gemini 3 at default resolution, 2026-10", 0.03
    ),
}


def picture(rule: str, width: float, height: float) -> int:
    """Tokens of a picture of so many pixels under a rule.

    >>> picture("openai_tile", 1024, 1024), picture("claude_area", 1000, 1000), picture("claude_patch", 1024, 1024)
    (765, 1334, 1369)
    >>> picture("openai_patch_120", 1024, 1024), picture("gemini_tile", 384, 384), picture("gemini_tile", 1536, 768)
    (1229, 258, 516)
    """
    if rule == "claude_area":
        return claude_area(width, height)
    if rule == "claude_patch":
        return min(math.ceil(width / 28) * math.ceil(height / 28), 3928)
    if rule == "gemini_tile":
        return gemini_tile(width, height)
    if rule == "gemini_flat":
        return 1090
    base, tile = {"openai_tile": (85, 170), "openai_tile_mini": (2833, 5667), "openai_tile_o": (75, 150)}.get(
        rule, (70, 140)
    )
    if rule.startswith("openai_tile"):
        return openai_tile(width, height, base=base, tile=tile)
    return openai_patch(width, height, factor=float(rule[-3:]) / 100, most=1536 if rule != "openai_patch_120" else 6000)


def claude_area(width: float, height: float, *, most_side: float = 1568.0, most: int = 1600) -> int:
    """Tokens of a picture for Claude up to 4.6.

        w h / 750, after shrinking the long side to 1,568 pixels and the whole to about 1,600 tokens

    Anthropic, vision documentation.

    >>> claude_area(200, 200), claude_area(4000, 3000)
    (54, 1600)
    """
    shrink = min(1.0, most_side / max(width, height))
    return min(math.ceil(width * shrink * height * shrink / 750), most)


def openai_tile(width: float, height: float, *, base: int = 85, tile: int = 170) -> int:
    """Tokens of a picture for GPT-4o and GPT-4.1 at high detail.

        base + tile ceil(w/512) ceil(h/512), after fitting into 2,048 and the short side into 768 pixels

    OpenAI, images documentation.

    >>> openai_tile(2048, 4096), openai_tile(512, 512)
    (1105, 255)
    """
    shrink = min(1.0, 2048 / max(width, height))
    width, height = width * shrink, height * shrink
    shrink = min(1.0, 768 / min(width, height))
    return base + tile * math.ceil(width * shrink / 512 - 1e-9) * math.ceil(height * shrink / 512 - 1e-9)


def openai_patch(width: float, height: float, *, factor: float, most: int = 1536) -> int:
    """Tokens of a picture for the models that cut it into patches of 32 pixels.

        factor ceil(r w/32) ceil(r h/32), r = 1, or where that were more than `most` patches
        r = s min(floor(s w/32) / (s w/32), floor(s h/32) / (s h/32)), s = sqrt(32^2 most / (w h))

    OpenAI, images documentation.

    >>> openai_patch(1024, 1024, factor=1.62), openai_patch(1800, 2400, factor=1.0)
    (1659, 1452)
    """
    across, down = width / 32, height / 32
    if math.ceil(across) * math.ceil(down) > most:
        shrink = math.sqrt(most / (across * down))
        across, down = across * shrink, down * shrink
        shrink = min(math.floor(side) / side for side in (across, down) if side >= 1)
        across, down = across * shrink, down * shrink
    return math.ceil(min(math.ceil(across - 1e-9) * math.ceil(down - 1e-9), most) * factor)


def gemini_tile(width: float, height: float) -> int:
    """Tokens of a picture for Gemini 1.5 and 2.

        258 where both sides are at most 384 pixels, else 258 ceil(w/768) ceil(h/768)

    Google, Gemini token documentation.

    >>> gemini_tile(300, 300), gemini_tile(1920, 1080)
    (258, 1548)
    """
    if max(width, height) <= 384:
        return 258
    return 258 * math.ceil(width / 768) * math.ceil(height / 768)


SOUND = {
    "google": Rule("32 a second of sound", "Google, audio documentation", tokens=32.0),
    "openai": Rule("10 a second of sound", "600 a minute as commonly quoted; not verified", 0.3, 10.0),
}
FILM = {"google": Rule("263 a second of film", "Google, video documentation, default resolution", tokens=263.0)}
HEARS = re.compile("audio|realtime|transcribe")
"""Models of OpenAI that take sound."""


def stream(kind: str, vendor: str, model: str) -> Rule | None:
    """How a model counts a second of `audio` or `video`; None where it takes none, or nobody says how.

    >>> stream("audio", "google", "gemini-2.5-pro").tokens, stream("audio", "openai", "gpt-4o")
    (32.0, None)
    """
    if kind == "audio" and vendor == "openai" and not HEARS.search(model):
        return None
    return (SOUND if kind == "audio" else FILM).get(vendor)


# Tokens of a page of a PDF that is sent as PDF, and whether its text is counted beside them.
PAGE_AS_PDF = {
    "claude_patch": (1600, True, "published counts of Claude 5.5, 2026-10: 1,600 a page beside its text"),
    "gemini_tile": (258, False, "Google, document documentation: 258 a page in place of its text"),
    "gemini_flat": (560, False, "published counts of Gemini 3, 2026-10: 560 a page in place of its text"),
}


def page_as_pdf(rule: str, size: tuple[int, int]) -> tuple[int, bool]:
    """Tokens of one page sent in a PDF, and whether its text is counted as well.

    >>> page_as_pdf("gemini_tile", DEFAULT_PAGE), page_as_pdf("claude_area", DEFAULT_PAGE)
    ((258, False), (1600, True))
    """
    if rule in PAGE_AS_PDF:
        tokens, with_text, _ = PAGE_AS_PDF[rule]
        return tokens, with_text
    return picture(rule, *size), True


class Seen(NamedTuple):
    """What the pictures, sound or film of a document cost a model."""

    tokens: float = 0.0
    error: float = 0.0
    """Tokens around it, of the 90% interval."""
    with_text: bool = True
    """Whether the document's text is counted as well."""
    source: str = ""
    unknown: str = ""
    """Why they are left out."""


def seen(document: Document, rule: str, vendor: str, model: str, as_: str) -> Seen:
    """Tokens of what a document holds that is no text, sent `as_` text, pdf or image."""
    if document.kind in ("audio", "video"):
        of = stream(document.kind, vendor, model)
        if of is None:
            return Seen(unknown=f"no number of tokens of {document.kind} is known, so it is left out")
        tokens = document.seconds * of.tokens
        return Seen(tokens, of.error * tokens, source=of.source)
    pages = document.page_images
    if as_ != "text" and not pages and not document.images and document.text:
        guess = max(1, -(-document.words // 500))
        pages = [DEFAULT_PAGE] * ((document.pages or guess) if as_ == "pdf" else guess)
    if as_ == "text" or not pages:
        as_, pages = "image", document.images
        with_text = True
    else:
        with_text = as_ == "pdf"
    if not pages:
        return Seen()
    if not rule:
        return Seen(unknown="it is not known how pictures are counted, so they are left out")
    if as_ == "pdf":
        found = [page_as_pdf(rule, size) for size in pages]
        tokens, with_text = float(sum(tokens for tokens, _ in found)), found[0][1]
    else:
        tokens = float(sum(picture(rule, *size) for size in pages))
    source = PAGE_AS_PDF[rule][2] if as_ == "pdf" and rule in PAGE_AS_PDF else RULES[rule].source
    return Seen(tokens, RULES[rule].error * tokens, with_text, source)
