"""Lengths of sound and sizes of pictures, from their files' own heads."""

from __future__ import annotations

import io
import struct

import pytest

from aiplan.tokens import media


def mp3(rate: int, samples: int, *, mpeg: int = 3, head: bytes = b"", frames: int = 100) -> bytes:
    """Frames of one bit rate [an index] and sampling rate [an index]; the first has a head of the whole in it."""
    kbits, sampled = media._MP3_RATES[mpeg != 3][rate], media._MP3_SAMPLES[mpeg][samples]
    mark = bytes([0xFF, 0xE0 | mpeg << 3 | 2 | 1, rate << 4 | samples << 2, 0x44])
    body = bytes((144 if mpeg == 3 else 72) * kbits * 1000 // sampled - 4)
    first = mark + (bytes(32) + head + body)[: len(body)]
    return first + (mark + body) * (frames - 1)


def seconds(data: bytes) -> float:
    """Its length."""
    return media.duration(io.BytesIO(data), len(data))


def test_an_mp3_of_speech_has_its_length() -> None:
    assert seconds(mp3(8, 1, mpeg=2)) == pytest.approx(100 * 576 / 24000, rel=0.01)  # MPEG 2, 64 kbit/s, 24 kHz
    assert seconds(mp3(9, 0)) == pytest.approx(100 * 1152 / 44100, rel=0.01)  # MPEG 1, 128 kbit/s, 44.1 kHz


@pytest.mark.parametrize("name", [b"Xing", b"Info"])
def test_an_mp3_of_varying_rate_says_its_frames(name: bytes) -> None:
    head = name + struct.pack(">II", 1, 5000)
    assert seconds(mp3(5, 0, head=head)) == pytest.approx(5000 * 1152 / 44100)


def test_a_heic_has_the_size_of_the_whole_not_of_its_tiles() -> None:
    sizes = b"".join(struct.pack(">I4sIII", 20, b"ispe", 0, w, h) for w, h in ((512, 512), (4032, 3024), (320, 240)))
    assert media.picture_size(io.BytesIO(b"\0\0\0\x18ftypheic" + bytes(40) + sizes)) == (4032, 3024)
    with pytest.raises(ValueError, match="without a size"):
        media.picture_size(io.BytesIO(b"\0\0\0\x18ftypheic" + bytes(40)))
