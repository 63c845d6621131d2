"""Payment cards that a code or an issuer's advice has blocked for every card, and the cards they are bound to."""

from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.decline import ChargeFailed
from engine.card.methods import PaymentMethodBound, PaymentMethodUpdated
from engine.envelope import names_of

_BOUND = [*names_of(PaymentMethodBound), *names_of(PaymentMethodUpdated)]


class Blocked(NamedTuple):
    """A payment card that may not be tried: since when, until when (None: for good), and the code that said so last."""

    fingerprint: str
    since: datetime | None
    until: datetime | None
    code: str | None
    cards: int
    """To how many cards it was ever bound."""


def is_blocked(connection: Connection[Any], fingerprint: str, now: datetime) -> bool:
    """Whether a payment card may not be tried now."""
    query: LiteralString = "SELECT FROM card_events_blocked WHERE fingerprint = %s AND until > %s"
    row = connection.execute(query, (fingerprint, now)).fetchone()
    return row is not None


def count_blocked(connection: Connection[Any], now: datetime) -> int:
    """How many payment cards may not be tried now."""
    row = connection.execute("SELECT count(*) FROM card_events_blocked WHERE until > %s", (now,)).fetchone()
    return row[0] if row else 0


def list_blocked(connection: Connection[Any], now: datetime, limit: int, skip: int) -> list[Blocked]:
    """Some of them, by fingerprint; what blocked them is looked up in the log."""
    with connection.cursor(row_factory=class_row(Blocked)) as cursor:
        cursor.execute(
            """
            WITH page AS (
                SELECT fingerprint, nullif(until, 'infinity') AS until FROM card_events_blocked
                WHERE until > %(now)s ORDER BY fingerprint LIMIT %(limit)s OFFSET %(skip)s
            ), facts AS (
                SELECT notification_id, originator_id, topic, convert_from(state, 'UTF8')::jsonb -> 'fact' AS fact
                FROM card_events WHERE topic = ANY (%(failed)s) OR topic = ANY (%(bound)s)
            ), declines AS (
                SELECT DISTINCT ON (fingerprint) fact ->> 'fingerprint' AS fingerprint,
                       (fact ->> 'at')::timestamptz AS since, fact ->> 'code' AS code
                FROM facts WHERE topic = ANY (%(failed)s) AND (fact ->> 'consequence' = 'never' OR fact ? 'not_before')
                ORDER BY fingerprint, notification_id DESC
            ), holders AS (
                SELECT fact #>> '{method,fingerprint}' AS fingerprint, count(DISTINCT originator_id) AS cards
                FROM facts WHERE topic = ANY (%(bound)s) GROUP BY 1
            )
            SELECT fingerprint, since, until, code, coalesce(cards, 0) AS cards
            FROM page LEFT JOIN declines USING (fingerprint) LEFT JOIN holders USING (fingerprint)
            ORDER BY fingerprint
            """,
            {"now": now, "limit": limit, "skip": skip, "failed": list(names_of(ChargeFailed)), "bound": _BOUND},
        )
        return cursor.fetchall()


def cards_with(connection: Connection[Any], fingerprint: str) -> list[UUID]:
    """The cards to which a payment card was ever bound."""
    rows = connection.execute(
        """
        SELECT DISTINCT originator_id FROM card_events WHERE topic = ANY (%s)
        AND convert_from(state, 'UTF8')::jsonb #>> '{fact,method,fingerprint}' = %s
        ORDER BY originator_id
        """,
        (_BOUND, fingerprint),
    )
    return [card_id for (card_id,) in rows]
