"""The table of scaling laws: for each its form, coefficients, source, range of fit and, where known, its covariance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiplan.quantities.scaling_experts import CLARK_PARAMS, CLARK_TOKENS, krajewski_scale

Covariance = tuple[tuple[float, ...], ...]
Span = tuple[float, float]

# Bootstrap of the 240 runs of Hoffmann et al. as extracted by Besiroglu et al. (4,000 resamples, Huber loss 1e-3,
# the five runs of fewest tokens per parameter dropped). ln A and alpha, and ln B and beta, correlate at 0.999:
# never draw them independently.
BESIROGLU_COVARIANCE: Covariance = (
    (0.06388735264296806, -0.026354057306725312, 0.002050898883941045, 0.0038092950754171507, -0.0013219845286304688),
    (-0.026354057306725312, 0.1793109594611336, 0.0037474918374524246, -0.0016394177744205507, 0.008771136259576632),
    (
        0.002050898883941045,
        0.0037474918374524246,
        0.00019947851714203701,
        0.00012104816529141446,
        0.00018263401378859146,
    ),
    (
        0.0038092950754171507,
        -0.0016394177744205507,
        0.00012104816529141446,
        0.00022743831163754894,
        -8.228935056249755e-05,
    ),
    (
        -0.0013219845286304688,
        0.008771136259576632,
        0.00018263401378859146,
        -8.228935056249755e-05,
        0.0004293221449167886,
    ),
)

HOFFMANN_PARAMS: Span = (70e6, 16e9)
HOFFMANN_TOKENS: Span = (5e9, 500e9)
SARDANA_PARAMS: Span = (150e6, 6e9)
GRANULARITY = 8.0  # expert width as in DeepSeek-V3: d_ff / d_ff_expert = 18,432 / 2,048 = 9


@dataclass(frozen=True, slots=True)
class Law:
    """A scaling law: its form (the rival in the graph) and the coefficients that the form needs.

    `derived`: a coefficient is our own fit. `recalled`: a coefficient or a range is from memory. `doubtful`: the
    coefficients contradict their paper. `variant`: a second fit of the same runs, printed for comparison.
    """

    name: str
    form: str
    sentence: str
    source: str
    coefficients: Mapping[str, float] = field(default_factory=dict)
    has_loss: bool = True
    params_range: Span | None = HOFFMANN_PARAMS
    tokens_range: Span | None = HOFFMANN_TOKENS
    covariance: Covariance | None = None
    derived: bool = False
    recalled: bool = False
    doubtful: bool = False
    variant: bool = False
    note: str = ""

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader should know before trusting it."""
        said = (("derived", self.derived), ("from memory", self.recalled), ("doubtful", self.doubtful))
        return (*(word for word, holds in said if holds), *(("variant",) if self.variant else ()))


def _two_term(E: float, A: float, B: float, alpha: float, beta: float) -> dict[str, float]:
    return {"law_E": E, "law_A": A, "law_B": B, "law_alpha": alpha, "law_beta": beta}


def _power_law(scale: float, exponent: float) -> dict[str, float]:
    return {"law_token_scale": scale, "law_token_exponent": exponent}


def _sardana(name: str, up_to: str, E: float, A: float, B: float, alpha: float, beta: float, variant: bool) -> Law:
    return Law(
        name,
        "two_term",
        f"Fit of 47 small models on up to {up_to} tokens per parameter, for models that serve much.",
        "Sardana et al. 2024, Table 1",
        _two_term(E, A, B, alpha, beta),
        params_range=SARDANA_PARAMS,
        tokens_range=None,
        recalled=True,
        variant=variant,
        note="for the price of overtraining; its optimum hangs on two-digit exponents, whose rounding moves the tokens "
        "by a factor of two or more far from the fit; range of parameters from memory",
    )


LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Law(
            "besiroglu_2024",
            "two_term",
            "Refit of the runs of Hoffmann et al.; about 18 tokens per parameter at Chinchilla's compute.",
            "Besiroglu et al. 2024",
            _two_term(1.8172, 482.01, 2085.43, 0.3478, 0.3658),
            covariance=BESIROGLU_COVARIANCE,
            note="covariance derived by our own bootstrap of the same runs",
        ),
        Law(
            "besiroglu_with_outliers",
            "two_term",
            "The refit with the five outlying runs kept; shows what they do.",
            "Besiroglu et al. 2024, Table 3",
            _two_term(1.89, 463.3, 12530.0, 0.345, 0.452),
            doubtful=True,
            note="the paper says 25.6 tokens per parameter, but its coefficients give 15 at 1e21 FLOP and 6 at 5.76e23",
        ),
        Law(
            "hoffmann_a1",
            "power_law",
            "Approach 1 of Hoffmann et al.: the lower envelope of their training curves.",
            "Hoffmann et al. 2022, Table 3; fit derived",
            _power_law(1.6960843615009884, 0.5018542648378528),
            has_loss=False,
            derived=True,
            note="least squares of ln(tokens) on ln(compute) over the nine rows of the table",
        ),
        Law(
            "hoffmann_a2",
            "power_law",
            "Approach 2 of Hoffmann et al.: the minima of curves of equal compute.",
            "Hoffmann et al. 2022, Table 2 and Table A3; scale derived",
            _power_law(1.154047382446451, 0.51),
            has_loss=False,
            derived=True,
            note="the printed exponent; the scale is the geometric mean over the nine rows of the table",
        ),
        Law(
            "hoffmann_a3_rounded",
            "two_term",
            "Approach 3 of Hoffmann et al. as printed; its rounding inflates the tokens, so only for comparison.",
            "Hoffmann et al. 2022, eq. 10",
            _two_term(1.69, 406.4, 410.7, 0.34, 0.28),
            variant=True,
            note="93 tokens per parameter at Chinchilla's compute, which the paper does not mean",
        ),
        Law(
            "hoffmann_a3_tex",
            "two_term",
            "Approach 3 of Hoffmann et al. with the digits of the paper's source text.",
            "Hoffmann et al. 2022, source text, via Besiroglu et al. 2024",
            _two_term(1.6934, 406.4, 410.7, 0.3392, 0.2849),
        ),
        Law(
            "rule_20",
            "fixed_ratio",
            "Twenty tokens per parameter.",
            "Hoffmann et al. 2022, rule of thumb",
            {"law_ratio": 20.0},
            has_loss=False,
        ),
        Law(
            "kaplan_2020",
            "kaplan",
            "The laws of Kaplan et al.; superseded, they favour large models on few tokens.",
            "Kaplan et al. 2020",
            params_range=(768.0, 1.5e9),
            tokens_range=(22e6, 23e9),
            recalled=True,
            note="parameters without embeddings; compute at small batches, so 6 N D differs from it; the scale of the "
            "tokens is from memory",
        ),
        Law(
            "llama3",
            "power_law",
            "Tokens by the power of compute that sized Llama 3.",
            "Llama Team 2024, sec. 3.2.1, fig. 3",
            _power_law(0.299, 0.537),
            has_loss=False,
            params_range=(40e6, 16e9),
            tokens_range=None,
            recalled=True,
            note="pair of figure 3; the pair in the text (0.29, 0.53) does not give the paper's own 16.55T tokens; "
            "range of parameters from memory",
        ),
        Law(
            "deepseek_llm",
            "power_law",
            "Tokens by the power of compute that sized DeepSeek LLM.",
            "DeepSeek-AI 2024 (DeepSeek LLM), eq. 4",
            _power_law(5.8316, 0.4757),
            has_loss=False,
            params_range=(23e6, 1.5e9),
            tokens_range=(0.7e9, 32e9),
            recalled=True,
            note="compute without embeddings; fitted on 1e17 to 3e20 FLOP, from memory, of which the ranges are the "
            "optimum; on other data the exponent ran from 0.42 to 0.55",
        ),
        Law(
            "muennighoff_c4",
            "two_term",
            "Fit on C4 with equal exponents: about 20 tokens per parameter at every size.",
            "Muennighoff et al. 2023, published code",
            _two_term(math.exp(0.6254804), math.exp(6.255414), math.exp(7.3049974), 0.3526596, 0.3526596),
            params_range=(7e6, 9e9),
            tokens_range=(100e6, 900e9),
            recalled=True,
            note="lower ends of the ranges from memory",
        ),
        _sardana("sardana_all", "10,000", 1.45, 33.66, 138.9, 0.18, 0.24, False),
        _sardana("sardana_100", "100", 0.17, 7.199, 25.97, 0.08, 0.13, True),
        _sardana("sardana_250", "250", 0.98, 14.23, 39.54, 0.13, 0.16, True),
        _sardana("sardana_500", "500", 0.95, 17.07, 35.80, 0.13, 0.16, True),
        Law(
            "minicpm_avg",
            "fixed_ratio",
            "About 192 tokens per parameter, the average over the fits of MiniCPM; a ratio only.",
            "Hu et al. 2024 (MiniCPM)",
            {"law_ratio": 192.0},
            has_loss=False,
            params_range=(40e6, 2e9),
            tokens_range=None,
            recalled=True,
            note="its exponents (0.29, 0.23) make the ratio grow with compute, which a fixed ratio leaves out; "
            "range of parameters from memory",
        ),
        Law(
            "krajewski_dense",
            "two_term",
            "The dense models beside the experts of Krajewski et al.; about 43 tokens per parameter.",
            "Krajewski et al. 2024, Table 1",
            _two_term(0.47, 16.3, 26.7, 0.126, 0.127),
            params_range=None,
            tokens_range=(16e9, 130e9),
            note="parameters without embeddings",
        ),
        Law(
            "krajewski_moe",
            "krajewski",
            "Models of 64-fold experts by all their parameters; the compute by the active ones.",
            "Krajewski et al. 2024, Table 1",
            _two_term(0.47, krajewski_scale(GRANULARITY), 30.8, 0.115, 0.147),
            params_range=(129e6, 3.7e9),
            tokens_range=(16e9, 130e9),
            note=f"at granularity {GRANULARITY:.0f} (a feed-forward layer is as wide as that many experts); fitted "
            "where 1/43 of the parameters are active; parameters without embeddings",
        ),
        Law(
            "clark_moe",
            "clark",
            "Loss of models with experts by their active parameters and number of experts, after 130B tokens.",
            "Clark et al. 2022, eq. 1, Table 3 (S-BASE)",
            params_range=CLARK_PARAMS,
            tokens_range=(CLARK_TOKENS, CLARK_TOKENS),
            recalled=True,
            note="of one number of tokens, so it gives no tokens; range of parameters from memory",
        ),
        Law(
            "abnar_moe",
            "abnar",
            "Models with experts by all their parameters and the share that idles; dense models too.",
            "Abnar et al. 2025, eq. 6, Table 3",
            params_range=None,
            tokens_range=None,
            note="explains 68% of the variance at a sparsity that it was not fitted on",
        ),
    )
}
