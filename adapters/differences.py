"""What reconciling found, kept until a later look finds it no more, or until a person closes it.

It is no fact of a card: each look at the provider's list finds again what is still so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, get_args
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from adapters.reconciling import Difference, Kind, Span
from projections.parked_cards import cleaned

KINDS: tuple[Kind, ...] = get_args(Kind)
DIFFERENCES_TABLE = """
    CREATE TABLE IF NOT EXISTS differences (
        gateway_ref text NOT NULL,
        kind text NOT NULL,
        card_id uuid NOT NULL,
        attempt_id uuid NOT NULL,
        currency text NOT NULL,
        provider_minor bigint,
        log_minor bigint,
        charged_at timestamptz NOT NULL,
        found_at timestamptz NOT NULL,
        closed_at timestamptz,  -- NULL: open
        closed_by text,
        evidence text,
        PRIMARY KEY (gateway_ref, kind)  -- found again, it is the same one
    )
"""


class KeptDifference(NamedTuple):
    """An open difference; amounts in minor units, None where that side has none; business times."""

    kind: Kind
    card_id: UUID
    attempt_id: UUID
    gateway_ref: str
    currency: str
    provider_minor: int | None
    log_minor: int | None
    charged_at: datetime
    found_at: datetime


def keep(connection: Connection[Any], span: Span, found: Sequence[Difference], at: datetime) -> None:
    """Keep what was found in a span instead of what was found there before.

    What a person has closed stays closed as long as its amounts are the same.
    """
    columns = [list[Any]() for _ in range(8)]
    for one in {(one.gateway_ref, one.kind): one for one in found}.values():
        of_charge = one.gateway_ref, one.kind, one.card_id, one.attempt_id, one.currency
        for column, value in zip(columns, (*of_charge, one.provider_minor, one.log_minor, one.charged_at), strict=True):
            column.append(value)
    with connection.transaction():
        connection.execute(
            """
            DELETE FROM differences WHERE charged_at BETWEEN %s AND %s AND closed_at IS NULL
            AND (gateway_ref, kind) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))
            """,
            (*span, columns[0], columns[1]),
        )
        connection.execute(
            """
            INSERT INTO differences AS kept (
                gateway_ref, kind, card_id, attempt_id, currency, provider_minor, log_minor, charged_at, found_at
            )
            SELECT *, %s FROM unnest(
                %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::bigint[],
                %s::timestamptz[]
            )
            ON CONFLICT (gateway_ref, kind) DO UPDATE SET
                provider_minor = excluded.provider_minor, log_minor = excluded.log_minor,
                found_at = excluded.found_at, closed_at = NULL, closed_by = NULL, evidence = NULL
            WHERE (kept.provider_minor, kept.log_minor) IS DISTINCT FROM (excluded.provider_minor, excluded.log_minor)
            """,
            (at, *columns),
        )


def list_differences(connection: Connection[Any], limit: int) -> list[KeptDifference]:
    """The open ones, those found first before the others."""
    with connection.cursor(row_factory=class_row(KeptDifference)) as cursor:
        return cursor.execute(
            """
            SELECT kind, card_id, attempt_id, gateway_ref, currency, provider_minor, log_minor, charged_at, found_at
            FROM differences WHERE closed_at IS NULL ORDER BY found_at, gateway_ref, kind LIMIT %s
            """,
            (limit,),
        ).fetchall()


def oldest_charge(connection: Connection[Any]) -> datetime | None:
    """When the oldest charge was made that an open difference is about."""
    row = connection.execute("SELECT min(charged_at) FROM differences WHERE closed_at IS NULL").fetchone()
    return row[0] if row else None


def close_differences(connection: Connection[Any], gateway_ref: str, *, by: str, evidence: str) -> int:
    """Close what is open about a charge, since a person has looked into it; returns how many differences that were."""
    return connection.execute(
        """
        UPDATE differences SET closed_at = now(), closed_by = %s, evidence = %s
        WHERE gateway_ref = %s AND closed_at IS NULL
        """,
        (by, cleaned(evidence), gateway_ref),
    ).rowcount


def what_to_do(kind: Kind) -> str:
    """What a person does about a difference of that kind; goes on after `charge … of card …`."""
    match kind:
        case "charge_unknown":
            return "answers no attempt, or a second time: refund it on the provider's pages"
        case "charge_unrecorded":
            return "is said not to have happened: `baohao reconcile --apply` looks it up and records it"
        case "charge_missing":
            return "is not at the provider: ask the provider"
        case "amount_differs":
            return "has another amount or card in the log: ask the provider"
        case "refund_unrecorded":
            return "was refunded on the provider's pages: `baohao reconcile --apply` records that"
        case "refund_missing":
            return "lacks a refund or it came back: `baohao reconcile --apply` looks it up; else ask the provider"
