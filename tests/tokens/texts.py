# ruff: noqa: RUF001
"""Texts in many scripts and forms with their counts, which the makers' own tokenizers gave (November 2026).

llama-3, deepseek-3, qwen-3 and qwen-3.5 by the library `tokenizers` from the models' tokenizer.json; tekken by tiktoken
from mistral-common's tekken_240911; o200k, cl100k and phi-4 (the vocabulary of cl100k) by tiktoken.
"""

from __future__ import annotations

TEXTS = {
    "en": "The tenant pays the rent on the first of each month; the landlord keeps the roof in repair.\n" * 3,
    "de": "Der Mieter zahlt die Miete am Ersten jedes Monats; der Vermieter hält das Dach instand. Größe: 80 m².\n",
    "fr": "Le locataire paie le loyer le premier de chaque mois ; l'état des lieux est signé à l'entrée.\n",
    "es": "El inquilino paga el alquiler el día uno de cada mes, ¿de acuerdo? ¡Claro que sí!\n",
    "pl": "Najemca płaci czynsz pierwszego dnia każdego miesiąca, a właściciel dba o dach.\n",
    "tr": "Kiracı kirayı her ayın ilk günü öder; ev sahibi çatıyı onarır.\n",
    "ru": "Арендатор платит за квартиру первого числа каждого месяца.\n",
    "el": "Ο ενοικιαστής πληρώνει το ενοίκιο την πρώτη κάθε μήνα.\n",
    "ar": "يدفع المستأجر الإيجار في أول كل شهر.\n",
    "he": "השוכר משלם את שכר הדירה בראשון לכל חודש.\n",
    "hi": "किरायेदार हर महीने की पहली तारीख को किराया देता है।\n",
    "th": "ผู้เช่าจ่ายค่าเช่าทุกวันที่หนึ่งของเดือน\n",
    "ja": "借主は毎月一日に家賃を支払い、貸主は屋根を修理する。\n",
    "zh": "承租人每月一日支付租金，出租人负责修缮屋顶。\n",
    "ko": "세입자는 매달 1일에 임대료를 내고, 집주인은 지붕을 수리한다.\n",
    "code": 'def rent(months: int, *, flat=900.5) -> float:\n\t"""Sum."""\n    return months*flat  # €\n\n\nx = rent(12)\n',  # noqa: E501
    "json": '{"flat": {"rent": 900.50, "paid": [true, false, null]}, "tags": ["a\\u00e9", "b"]}',
    "csv": "flat,rent,paid\nA1,900.50,2026-01-01\nB22,1234567.89,2026-12-31\r\n",
    "emoji": "Rent paid 👍🏽 by the family 👩‍👩‍👧‍👦 in 🇫🇷, 𝔉𝔯𝔞𝔨𝔱𝔲𝔯 too\n",
    "space": "a  b   c\t\td \n\n\n  e\u00a0f\u2003g\r\n\r\n   ",
    "control": "<|endoftext|><|im_start|>user <s>[INST] <bos></s>\n",
    "marks": "e\u0301tude, \u212bngstro\u0308m, \ufb01n, \u00bd, \u2460\n",
    "long": "supercalifragilisticexpialidocious" * 40 + "=" * 300 + "0123456789" * 30,
}
COUNTS = {
    "o200k": [60, 30, 24, 23, 23, 21, 13, 21, 13, 14, 16, 15, 24, 20, 27, 36, 35, 36, 49, 16, 23, 21, 505],
    "cl100k": [60, 37, 29, 27, 31, 28, 25, 49, 23, 37, 48, 35, 32, 29, 33, 36, 34, 36, 58, 17, 23, 24, 624],
    "phi-4": [60, 37, 29, 27, 31, 28, 25, 49, 23, 37, 48, 35, 32, 29, 33, 36, 34, 36, 58, 17, 23, 24, 624],
    "llama-3": [60, 36, 29, 27, 31, 20, 14, 22, 13, 37, 27, 20, 25, 21, 26, 36, 34, 36, 55, 16, 23, 20, 624],
    "deepseek-3": [60, 34, 30, 27, 28, 30, 15, 25, 13, 19, 27, 15, 25, 12, 27, 36, 36, 37, 49, 19, 23, 21, 547],
    "qwen-3": [60, 37, 28, 27, 25, 24, 16, 46, 12, 16, 46, 24, 24, 15, 28, 39, 38, 53, 39, 17, 23, 18, 824],
    "qwen-3.5": [63, 30, 26, 25, 24, 22, 13, 22, 14, 22, 24, 10, 20, 13, 23, 42, 38, 53, 58, 17, 24, 18, 824],
    "tekken": [63, 32, 24, 27, 27, 26, 16, 21, 12, 18, 20, 18, 28, 26, 25, 39, 39, 54, 69, 21, 24, 24, 790],
}
"""Tokens of each text, in their order, by vocabulary."""
