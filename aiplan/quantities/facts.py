"""Yardsticks to hold a plan against: the grid, the law, an earlier model, the link between sites, books."""

from __future__ import annotations

from aiplan.graph import default, quantity

YEAR = 365.25 * 86400.0  # s

default(
    "us_generation",
    "J",
    4300e12 * 3600.0,
    "Electricity made in the United States in a year.",
    source="US EIA, Short-Term Energy Outlook 2025-09: 4,300 TWh in 2024",
    spread=(4249e12 * 3600.0, 4530e12 * 3600.0),
)
default(
    "reporting_threshold",
    "FLOP",
    1e25,
    "Training compute above which an authority must be told of the model.",
    source="EU AI Act, Art. 51: systemic risk is presumed, and the Commission told within two weeks",
)
default(
    "earlier_flops",
    "FLOP",
    3.14e23,
    "Training compute of an earlier model to compare with.",
    source="Brown et al. 2020 (GPT-3 175B), App. D",
)
default(
    "context_window",
    "token",
    200e3,
    "Tokens that a model reads at once.",
    source="Claude 3.5 Sonnet, 2024; others of that year 128,000 to 2,000,000",
    spread=(128e3, 1e6),
)
default(
    "book_words",
    "",
    90e3,
    "Words of one book.",
    source="usual length of a novel, 70,000 to 120,000 words, from memory",
    spread=(70e3, 120e3),
)
default(
    "tokens_per_word",
    "",
    1.3,
    "Tokens of one English word.",
    source="rule of thumb for English: a token is three quarters of a word, from memory",
    spread=(1.2, 1.5),
)


@quantity("W", source="definition")
def server_power(server_power_per_accelerator: float, accelerators_per_server: float) -> float:
    """Rated power of one whole server or rack.

        server_power_per_accelerator * accelerators_per_server

    >>> server_power(1275.0, 8.0)
    10200.0
    """
    return server_power_per_accelerator * accelerators_per_server


@quantity("J", source="definition")
def yearly_energy(average_power: float) -> float:
    """Electrical energy that the facility takes in a year of work.

        average_power * year

    >>> yearly_energy(1.0)
    31557600.0
    """
    return average_power * YEAR


@quantity("", source="energy with energy: a year of the facility, a year of the country")
def grid_share(yearly_energy: float, us_generation: float) -> float:
    """Share of the electricity of the United States that the facility takes in a year of work.

        yearly_energy / us_generation

    >>> grid_share(43e12, 4300e12)
    0.01
    """
    return yearly_energy / us_generation


@quantity("", source="definition")
def threshold_share(training_flops: float, reporting_threshold: float) -> float:
    """Training compute over the compute above which an authority must be told.

        training_flops / reporting_threshold

    >>> threshold_share(5e25, 1e26)
    0.5
    """
    return training_flops / reporting_threshold


@quantity("", source="definition")
def compute_ratio(training_flops: float, earlier_flops: float) -> float:
    """Training compute over that of an earlier model.

        training_flops / earlier_flops

    >>> round(compute_ratio(5e25, 3.14e23))
    159
    """
    return training_flops / earlier_flops


@quantity("B/s", source="ring all-reduce of the gradients among sites, once a step")
def site_bandwidth(sites: float, params: float, bytes_per_gradient: float, step_time: float) -> float:
    """One-way bandwidth that each site needs to the others to average the gradients in every step.

        2 (1 - 1 / sites) params * bytes_per_gradient / step_time

    Time to compute and time to exchange are taken to overlap; none where there is one site.

    >>> site_bandwidth(2.0, 1e12, 2.0, 10.0)
    200000000000.0
    """
    return 2.0 * (1.0 - 1.0 / sites) * params * bytes_per_gradient / step_time


@quantity("token", source="definition")
def book_tokens(book_words: float, tokens_per_word: float) -> float:
    """Tokens of one book.

        book_words * tokens_per_word

    >>> book_tokens(90e3, 1.5)
    135000.0
    """
    return book_words * tokens_per_word


@quantity("", source="definition")
def books_per_window(context_window: float, book_tokens: float) -> float:
    """Books that a model reads at once.

        context_window / book_tokens

    >>> books_per_window(200e3, 50e3)
    4.0
    """
    return context_window / book_tokens
