"""Where holders are reached: the one place that reads the accounts and the numbers of cards."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from adapters.languages.language import Language, named
from adapters.notices.kinds import Channel


class Recipient(NamedTuple):
    """A holder with confirmed addresses; None where there is none of that kind."""

    holder_id: str
    email: str | None
    phone: str | None
    language: Language
    zone: str | None

    def address(self, channel: Channel) -> str | None:
        """Where this channel reaches the holder."""
        return self.email if channel == "email" else self.phone


class _Account(NamedTuple):
    holder_id: str
    email: str | None
    phone: str | None
    language: str
    zone: str | None


def recipients(connection: Connection[Any], holder_ids: Sequence[str]) -> Mapping[str, Recipient]:
    """The accounts of these holders, by holder id; without those that have none."""
    with connection.cursor(row_factory=class_row(_Account)) as cursor:
        cursor.execute(
            """
            SELECT holder_id, CASE WHEN email_confirmed THEN email END AS email,
                CASE WHEN phone_confirmed THEN phone END AS phone, language, zone
            FROM accounts WHERE holder_id = ANY (%s)
            """,
            (list(holder_ids),),
        )
        return {one.holder_id: Recipient(*one[:3], named(one.language) or "en", one.zone) for one in cursor}


def numbers(connection: Connection[Any], card_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """The numbers of these cards in E.164, as far as they are known."""
    rows = connection.execute("SELECT card_id, number FROM card_numbers WHERE card_id = ANY (%s)", (list(card_ids),))
    return dict(rows.fetchall())
