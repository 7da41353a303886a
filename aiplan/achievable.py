"""How much of its peak each chip's largest matrix products were measured to reach, in a short test of nothing else.

Where the same silicon is sold at another rated power, the measured chip's share is scaled by the power per peak FLOP/s.
"""

from __future__ import annotations

SOURCE = "ml-engineering, maximum achievable matmul FLOPS: the best of many shapes in bf16"
UNKNOWN = 0.78

# Chip: achieved and peak bf16 [TFLOP/s] as published there.
MEASURED = {
    "a100-sxm-80gb": (271.2, 312.0),  # from memory
    "h100-sxm-80gb": (794.5, 989.0),
    "b200-sxm-180gb": (1745.0, 2250.0),
    "b300-sxm-270gb": (1769.0, 2250.0),
    "gb200-186gb": (1822.0, 2500.0),
    "mi300x-192gb": (668.0, 1300.0),
    "mi355x-288gb": (1565.0, 2500.0),
    "gaudi3": (1243.0, 1678.0),  # 74% as published; the rate follows from it
}
# Chip: the measured one of the same silicon, and that one's rated power per peak FLOP/s [W s/FLOP].
SAME_SILICON = {
    "a100-sxm-40gb": ("a100-sxm-80gb", 400 / 312e12),
    "a100-pcie-40gb": ("a100-sxm-80gb", 400 / 312e12),
    "a100-pcie-80gb": ("a100-sxm-80gb", 400 / 312e12),
    "a800-sxm-80gb": ("a100-sxm-80gb", 400 / 312e12),
    "h100-sxm-96gb": ("h100-sxm-80gb", 700 / 989.4e12),
    "h100-pcie-80gb": ("h100-sxm-80gb", 700 / 989.4e12),
    "h100-nvl-94gb": ("h100-sxm-80gb", 700 / 989.4e12),
    "h200-sxm-141gb": ("h100-sxm-80gb", 700 / 989.4e12),
    "h800-sxm-80gb": ("h100-sxm-80gb", 700 / 989.4e12),
    "gh200-96gb": ("h100-sxm-80gb", 700 / 989.4e12),
    "b100-192gb": ("b200-sxm-180gb", 1000 / 2250e12),
    "gb300-288gb": ("b300-sxm-270gb", 1100 / 2250e12),
    "mi325x-256gb": ("mi300x-192gb", 750 / 1307.4e12),
    "mi350x-288gb": ("mi355x-288gb", 1400 / 2516.6e12),
}


def chip_traits(chip: str, tdp: float, peak: float) -> dict[str, float]:
    """Achievable share of the 16-bit peak and power headroom of a chip, from its rated power [W] and peak [FLOP/s].

    >>> chip_traits("gb200-186gb", 1200.0, 2.5e15)
    {'achievable_share': 0.7288, 'power_headroom': 1.0}
    """
    headroom = 1.0
    measured = chip
    if chip in SAME_SILICON:
        measured, reference = SAME_SILICON[chip]
        if tdp > 0 and peak > 0:
            headroom = tdp / peak / reference
    rate = MEASURED.get(measured)
    return {"achievable_share": rate[0] / rate[1] if rate else UNKNOWN, "power_headroom": headroom}
