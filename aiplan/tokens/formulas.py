"""Quantities of reading documents: tokens, cost, share of the window, time. They are in the graph for `ask: tokens`."""

from __future__ import annotations

import aiplan.quantities  # noqa: F401  (context_window and tokens_per_word are there)
from aiplan.graph import GRAPH, default, given, quantity
from aiplan.maths import maximum, where

_BEFORE = frozenset(GRAPH.quantities)

given("documents", "", "Documents that were read.")
given("words_per_document", "", "Words of a document, on average.")
given("document_bytes", "B", "Bytes of the documents' files.")
given("document_pages", "", "Pages of the documents.")
given("document_images", "", "Pictures and scanned pages that are sent as pictures.")
given("image_tokens", "token", "Tokens of the pictures, sound and film among the document tokens.")
given("price_per_fresh_token", "USD/token", "Price of a token that is read and was in no cache.")
given("price_per_cached_token", "USD/token", "Price of a token that is read from a cache.")
given("answer_window", "token", "Part of the context window that only an answer can take.")
given("cached_share", "", "Share of the documents' tokens that is read from a cache.", bounds=(0.0, 1.0))
given("price_per_output_token", "USD/token", "Price of a token that is written.")
default("answer_tokens", "token", 0.0, "Tokens of the answer.", source="no answer is asked for")
default(
    "reading_speed",
    "token/s",
    8000.0,
    "Speed at which a model reads its prompt.",
    source="3,000 to 16,400 token/s of five hosted models, Artificial Analysis 2024",
    spread=(3000.0, 16000.0),
)
default(
    "writing_speed",
    "token/s",
    60.0,
    "Speed at which a model writes.",
    source="23 to 82 token/s of five hosted models, Artificial Analysis 2024",
    spread=(25.0, 150.0),
)


@quantity("", source="definition")
def document_words(documents: float, words_per_document: float) -> float:
    """Words of the documents.

        documents words_per_document

    >>> document_words(100e6, 130)
    13000000000.0
    """
    return documents * words_per_document


@quantity("USD/token", source="definition")
def price_per_input_token(price_per_fresh_token: float, price_per_cached_token: float, cached_share: float) -> float:
    """Price of a token that is read, on average.

        (1 - cached_share) price_per_fresh_token + cached_share price_per_cached_token

    >>> round(price_per_input_token(2.5, 1.25, 0.8), 6)
    1.5
    """
    return (1.0 - cached_share) * price_per_fresh_token + cached_share * price_per_cached_token


@quantity("token", source="definition")
def document_tokens(document_words: float, tokens_per_word: float) -> float:
    """Tokens of the documents.

        document_words tokens_per_word

    A count of the text itself, where there is one, takes the place of this rule.

    >>> document_tokens(63_000, 1.3)
    81900.0
    """
    return document_words * tokens_per_word


@quantity("USD", source="definition")
def input_cost(document_tokens: float, price_per_input_token: float) -> float:
    """Cost of reading the documents once.

        document_tokens price_per_input_token

    >>> round(input_cost(5000, 3e-6), 6)
    0.015
    """
    return document_tokens * price_per_input_token


@quantity("USD", source="definition")
def output_cost(answer_tokens: float, price_per_output_token: float) -> float:
    """Cost of the answer.

        answer_tokens price_per_output_token

    >>> round(output_cost(500, 15e-6), 6)
    0.0075
    """
    return answer_tokens * price_per_output_token


@quantity("USD", source="definition")
def cost(input_cost: float, output_cost: float) -> float:
    """Cost of reading the documents and of the answer.

        input_cost + output_cost

    >>> cost(0.015, 0.0075)
    0.0225
    """
    return input_cost + output_cost


@quantity("", source="definition")
def context_share(document_tokens: float, answer_tokens: float, context_window: float, answer_window: float) -> float:
    """Share of the context window that the documents and the answer take; above 1 they do not fit.

        max((document_tokens + answer_tokens) / context_window, document_tokens / (context_window - answer_window))

    >>> context_share(99_500, 500, 200_000, 0), context_share(300_000, 500, 400_000, 128_000)
    (0.5, 1.1029411764705883)
    """
    share: float = maximum(
        (document_tokens + answer_tokens) / context_window, document_tokens / (context_window - answer_window)
    )
    return share


@quantity("", source="definition")
def fits_context(context_share: float) -> float:
    """Whether the documents and the answer fit into the context window: 1 or 0.

        context_share <= 1

    >>> fits_context(0.5)
    1.0
    """
    fits: float = where(context_share <= 1.0, 1.0, 0.0)
    return fits


@quantity("s", source="definition")
def reading_time(document_tokens: float, reading_speed: float) -> float:
    """Time in which the model reads the documents.

        document_tokens / reading_speed

    >>> reading_time(17e9, 10_000) / 86400
    19.675925925925927
    """
    return document_tokens / reading_speed


@quantity("s", source="definition")
def answer_time(answer_tokens: float, writing_speed: float) -> float:
    """Time in which the model writes the answer.

        answer_tokens / writing_speed

    >>> answer_time(600, 60)
    10.0
    """
    return answer_tokens / writing_speed


NAMES = frozenset(GRAPH.quantities) - _BEFORE
"""Quantities of documents alone, which no plan has."""
