"""Tokens of pictures, pages, sound and film: the vendors' published rules, and what others have measured of them."""

from __future__ import annotations

import math
from typing import NamedTuple

DEFAULT_PAGE = (1275, 1650)
"""A page of 8.5 x 11 inches at 150 dpi [pixels]."""


class Rule(NamedTuple):
    """How a family of models counts a picture."""

    sentence: str
    source: str


RULES = {
    "claude_area": Rule("width x height / 750, the long side at most 1,568 pixels", "Anthropic, vision documentation"),
    "claude_patch": Rule(
        "patches of 28 pixels, at most 3,928", "fit to published counts of the Claude 5 family, 2026-10"
    ),
    "openai_tile": Rule("85 and 170 a tile of 512 pixels, the short side at most 768", "OpenAI, images documentation"),
    "openai_tile_mini": Rule("2,833 and 5,667 a tile of 512 pixels", "OpenAI, images documentation; from memory"),
    "openai_tile_5": Rule("70 and 140 a tile of 512 pixels", "OpenAI, images documentation; from memory"),
    "openai_tile_o": Rule("75 and 150 a tile of 512 pixels", "OpenAI, images documentation; from memory"),
    "openai_patch_162": Rule("1.62 a patch of 32 pixels, at most 1,536 patches", "OpenAI, images documentation"),
    "openai_patch_246": Rule("2.46 a patch of 32 pixels, at most 1,536 patches", "OpenAI, images documentation"),
    "openai_patch_172": Rule("1.72 a patch of 32 pixels, at most 1,536 patches", "OpenAI, images documentation"),
    "openai_patch_120": Rule("1.2 a patch of 32 pixels", "fit to published counts of GPT-5.5, 2026-10"),
    "gemini_tile": Rule("258, or 258 a tile of 768 pixels above 384", "Google, Gemini token documentation"),
    "gemini_flat": Rule("about 1,090 whatever the size", "published counts of Gemini 3 at default resolution, 2026-10"),
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

        factor min(ceil(w/32) ceil(h/32), most)

    OpenAI, images documentation.

    >>> openai_patch(1024, 1024, factor=1.62), openai_patch(1800, 2400, factor=1.0)
    (1659, 1536)
    """
    patches = math.ceil(width / 32) * math.ceil(height / 32)
    return math.ceil(min(patches, most) * factor)


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


# Tokens a second; None where the vendor takes no such input or says no number.
AUDIO = {"google": (32.0, "Google, audio documentation: 32 tokens a second"),
         "openai": (10.0, "about 600 tokens a minute as commonly quoted; not verified")}  # fmt: skip
VIDEO = {"google": (263.0, "Google, video documentation: 263 tokens a second at default resolution")}

# Tokens of a page of a PDF that is sent as PDF, beside those of its text.
PAGE_AS_PDF = {
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
