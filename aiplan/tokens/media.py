"""Sizes of pictures and durations of sound and film, from the first bytes of their files; nothing is decoded."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

from aiplan.tokens.documents import Document

Size = tuple[int, int]


def read(name: str, kind: str, path: Path) -> Document:
    """A picture, sound or film as a document."""
    with path.open("rb") as file:
        return from_file(name, kind, file, path.stat().st_size)


def from_file(name: str, kind: str, file: BinaryIO, size: int) -> Document:
    """A picture, sound or film from its open file."""
    document = Document(name, kind, size, extractor="header")
    try:
        if kind == "image":
            document.images = [picture_size(file)]
        else:
            document.seconds = duration(file, size)
    except (ValueError, struct.error, IndexError, OverflowError) as error:
        document.error = f"a broken {kind}: {error}" if str(error) else f"a broken {kind}"
    return document


def picture_size(file: BinaryIO) -> Size:
    """Width and height [pixels] of a PNG, JPEG, GIF, WebP, BMP, HEIC or AVIF. Raises ValueError.

    >>> import io
    >>> picture_size(io.BytesIO(b"GIF89a" + struct.pack("<HH", 640, 480)))
    (640, 480)
    """
    head = file.read(32)
    size: Size
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        size = struct.unpack(">II", head[16:24])
    elif head.startswith(b"GIF8"):
        size = struct.unpack("<HH", head[6:10])
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        size = _webp(head)
    elif head.startswith(b"BM"):
        width, height = struct.unpack("<ii", head[18:26])
        size = (width, abs(height))
    elif head.startswith(b"\xff\xd8"):
        file.seek(2)
        size = _jpeg(file)
    elif head[4:8] == b"ftyp":
        size = _heif(head + file.read(1 << 20))
    else:
        raise ValueError("neither PNG, JPEG, GIF, WebP, BMP, HEIC nor AVIF")
    if min(size) < 1 or max(size) > 1_000_000:
        raise ValueError(f"{size[0]} x {size[1]} pixels cannot be")
    return size


def _webp(head: bytes) -> Size:
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if form == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("an unknown form of WebP")


def _heif(head: bytes) -> Size:
    """The largest of the sizes that are said: the picture is made of tiles, and has a small one beside it."""
    sizes = [struct.unpack(">II", found[1]) for found in re.finditer(rb"ispe\0{4}(.{8})", head, re.DOTALL)]
    if not sizes:
        raise ValueError("a HEIC or AVIF without a size")
    return max(sizes)


def _jpeg(file: BinaryIO) -> Size:
    for _ in range(1000):
        marker = file.read(2)
        while marker[1:] == b"\xff":
            marker = marker[1:] + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF:
            break
        length = struct.unpack(">H", file.read(2))[0]
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)
    raise ValueError("a JPEG without a size")


def duration(file: BinaryIO, size: int) -> float:
    """Seconds of a WAV, FLAC, MP3 or MP4. Raises ValueError."""
    head = file.read(64)
    if head[:4] == b"RIFF":
        file.seek(12)
        rate = 0
        while len(chunk := file.read(8)) == 8:
            name, length = chunk[:4], int.from_bytes(chunk[4:], "little")
            if name == b"fmt ":
                rate = struct.unpack("<I", file.read(length)[8:12])[0]
            elif name == b"data" and rate:
                return min(length, size) / rate
            else:
                file.seek(length + length % 2, 1)
        raise ValueError("a WAV without sound")
    if head.startswith(b"fLaC"):
        bits = int.from_bytes(head[18:26], "big")
        rate, samples = bits >> 44, bits & 0xFFFFFFFFF
        return _positive(samples, rate)
    if head[4:8] == b"ftyp":
        file.seek(0)
        return _mp4(file, size)
    return _mp3(file, head, size)


def _positive(amount: float, rate: float) -> float:
    if not rate or not amount:
        raise ValueError("its length is not said")
    return amount / rate


def _mp4(file: BinaryIO, end: int) -> float:
    """The duration in the movie header, which is inside the box `moov`."""
    at = 0
    for _ in range(10_000):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        length, name = struct.unpack(">I4s", head[:8])
        start = 8
        if length == 1 and len(head) == 16:
            length, start = int.from_bytes(head[8:], "big"), 16
        if name == b"moov":
            end, at = min(end, at + length) if length else end, at + start
            continue
        if name == b"mvhd":
            file.seek(at + start)
            body = file.read(32)
            if body[0] == 1:
                return _positive(int.from_bytes(body[24:32], "big"), int.from_bytes(body[20:24], "big"))
            return _positive(int.from_bytes(body[16:20], "big"), int.from_bytes(body[12:16], "big"))
        if length < 8 or at + length > end:
            break
        at += length
    raise ValueError("a film without a length")


_MP3_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
"""Bits a second [thousands] by the index in a frame, of MPEG 1 and of MPEG 2 and 2.5."""
_MP3_SAMPLES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Samples a second by the version in a frame and the index."""


def _mp3(file: BinaryIO, head: bytes, size: int) -> float:
    """The duration of an MP3: the number of frames where its first one says so, else from that one's bit rate."""
    start = 0
    if head.startswith(b"ID3"):
        start = 10 + sum((b & 0x7F) << shift for b, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(4096)
    for i in range(len(frame) - 3):
        if frame[i] != 0xFF or frame[i + 1] & 0xE6 != 0xE2:
            continue
        version, rate, sample = frame[i + 1] >> 3 & 3, frame[i + 2] >> 4, frame[i + 2] >> 2 & 3
        kbits = _MP3_RATES[version != 3][rate]
        if version == 1 or sample == 3 or not kbits:
            continue
        for name, at in ((b"Xing", 8), (b"Info", 8), (b"VBRI", 14)):
            found = frame.find(name, i, i + 200)
            if found > 0 and (name == b"VBRI" or frame[found + 7] & 1):
                frames = int.from_bytes(frame[found + at : found + at + 4], "big")
                return _positive(frames * (1152 if version == 3 else 576), _MP3_SAMPLES[version][sample])
        return (size - start - i) * 8 / (kbits * 1000)
    raise ValueError("neither WAV, FLAC, MP3 nor MP4")
