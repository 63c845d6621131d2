"""What became of renewals, from the read models: one row per renewal that was tried to be charged.

A pass is a day on which it was tried: methods that are tried one after the other are one pass, as a rung is. What the
balance paid alone was never tried to be charged, and is no part of it.
"""

from typing import LiteralString

RENEWALS: LiteralString = """
    tries AS (
        SELECT card_id, term_number, status, attempted_at,
            dense_rank() OVER (
                PARTITION BY card_id, term_number ORDER BY (attempted_at AT TIME ZONE 'UTC')::date
            ) AS pass
        FROM charges WHERE top_up IS NULL AND attempted_at >= %(since)s::timestamptz - interval '90 days'
    ),
    purposes AS (
        SELECT card_id, term_number, min(attempted_at) AS opened_at, max(pass) AS passes,
            min(pass) FILTER (WHERE status = 'succeeded') AS paid_at
        FROM tries GROUP BY card_id, term_number HAVING min(attempted_at) >= %(since)s
    ),
    renewals AS (
        SELECT card_id, purposes.term_number, opened_at, passes, paid_at,
            CASE WHEN paid_at = 1 THEN 'first' WHEN paid_at IS NOT NULL THEN 'recovered'
                WHEN cards.term_number >= purposes.term_number THEN 'balance'
                WHEN cards.status = 'reclaimed' THEN 'lost' WHEN cards.status = 'closed' THEN 'closed'
                WHEN cards.status = 'suspended' THEN 'suspended' ELSE 'open' END AS outcome
        FROM purposes JOIN cards USING (card_id)
    )
"""
"""Common table expressions; renewals that were first tried before the window, by 90 days at most, are left out."""

FUNNEL: LiteralString = (
    "WITH "  # noqa: S608 (both parts are ours)
    + RENEWALS
    + """
    SELECT outcome, CASE WHEN outcome = 'recovered' THEN paid_at END AS pass, count(*)
    FROM renewals GROUP BY 1, 2 ORDER BY 1, 2
"""
)

RUNGS: LiteralString = (
    "WITH "  # noqa: S608 (both parts are ours)
    + RENEWALS
    + """
    SELECT pass, count(*) FILTER (WHERE passes >= pass), count(*) FILTER (WHERE paid_at = pass)
    FROM renewals, generate_series(1, (SELECT max(passes) FROM renewals)) AS pass GROUP BY pass ORDER BY pass LIMIT 30
"""
)
"""Of each pass: how many renewals came to it, and how many were paid in it."""

CODES: LiteralString = """
    SELECT code, count(*), count(DISTINCT card_id) FROM charges
    WHERE status = 'failed' AND top_up IS NULL AND attempted_at >= %(since)s GROUP BY code ORDER BY 2 DESC, 1 LIMIT 20
"""

REVENUE: LiteralString = """
    SELECT to_char(date_trunc('month', at AT TIME ZONE 'UTC'), 'YYYY-MM') AS month, currency,
        sum(CASE WHEN credit = 'sales' THEN minor ELSE -minor END)::bigint, count(DISTINCT card_id)
    FROM ledger WHERE 'sales' IN (debit, credit) AND at >= %(months)s GROUP BY 1, 2 ORDER BY 1, 2
"""
"""What was earned: charges and what the balance paid, less top-ups, refunds and disputes."""
