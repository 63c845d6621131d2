"""What became of renewals, from the read models: one row per renewal that was tried to be charged.

A pass is a day on which it was tried: methods that are tried one after the other are one pass, as a rung is. Nothing is
tried after a success, so what is paid was paid in its last pass. What the balance paid alone was never tried to be
charged, and is no part of it.
"""

from typing import LiteralString

RENEWALS: LiteralString = """
    tried AS (
        SELECT card_id, term_number, status, attempted_at FROM charges
        WHERE top_up IS NULL AND attempted_at >= %(since)s::timestamptz - interval '90 days'
    ),
    troubled AS MATERIALIZED (SELECT DISTINCT card_id, term_number FROM tried WHERE status <> 'succeeded'),
    passes AS (
        SELECT card_id, term_number, min(attempted_at) AS first_at, bool_or(status = 'succeeded') AS is_paid
        FROM tried JOIN troubled USING (card_id, term_number)
        GROUP BY card_id, term_number, (attempted_at AT TIME ZONE 'UTC')::date
    ),
    purposes AS (
        SELECT card_id, term_number, count(*) AS passes, bool_or(is_paid) AS is_paid
        FROM passes GROUP BY card_id, term_number HAVING min(first_at) >= %(since)s
    ),
    renewals AS (
        SELECT card_id, 1 AS passes, 'first' AS outcome FROM tried
        WHERE status = 'succeeded' AND attempted_at >= %(since)s AND NOT EXISTS (
            SELECT FROM troubled WHERE troubled.card_id = tried.card_id AND troubled.term_number = tried.term_number
        )
        UNION ALL
        SELECT card_id, passes,
            CASE WHEN is_paid AND passes = 1 THEN 'first' WHEN is_paid THEN 'recovered'
                WHEN cards.term_number >= purposes.term_number THEN 'balance'
                WHEN cards.status = 'reclaimed' THEN 'lost' WHEN cards.status = 'closed' THEN 'closed'
                WHEN cards.status = 'suspended' THEN 'suspended' ELSE 'open' END
        FROM purposes JOIN cards USING (card_id)
    )
"""
"""Common table expressions; renewals that were first tried before the window, by 90 days at most, are left out.

What was paid at the first try, as most are, is counted without being grouped.
"""

ROOM: LiteralString = "SET LOCAL work_mem = '64MB'"
"""For the transaction that asks for them: with 100,000 cards and a year's charges it then takes about a second."""

FUNNEL: LiteralString = (
    "WITH "  # noqa: S608 (both parts are ours)
    + RENEWALS
    + "SELECT outcome, passes, count(*) FROM renewals GROUP BY outcome, passes ORDER BY outcome, passes"
)

CODES: LiteralString = """
    SELECT code, count(*), count(DISTINCT card_id) FROM charges
    WHERE status = 'failed' AND top_up IS NULL AND attempted_at >= %(since)s GROUP BY code ORDER BY 2 DESC, 1 LIMIT 20
"""

REVENUE: LiteralString = """
    SELECT to_char(month, 'YYYY-MM'), currency, minor, transfers FROM (
        SELECT date_trunc('month', at AT TIME ZONE 'UTC') AS month, currency, count(*) AS transfers,
            sum(CASE WHEN credit = 'sales' THEN minor ELSE -minor END)::bigint AS minor
        FROM ledger WHERE 'sales' IN (debit, credit) AND at >= %(months)s GROUP BY 1, 2
    ) AS by_month ORDER BY month, currency
"""
"""What was earned: charges and what the balance paid, less top-ups, refunds and disputes."""
