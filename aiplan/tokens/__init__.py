"""Documents, exact and estimated token counts, prices and corpora; imported by `aiplan tokens` alone."""
