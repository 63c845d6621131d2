"""The numbers of cards, which the log does not know; whose a card is says the log."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from adapters.directory.answers import Done, Taken


async def number_of(connection: AsyncConnection[Any], card_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Card → number in E.164, for those that have one."""
    query = "SELECT card_id, number FROM card_numbers WHERE card_id = ANY (%s)"
    return dict(await (await connection.execute(query, (list(card_ids),))).fetchall())


async def set_number(connection: AsyncConnection[Any], card_id: UUID, number: str) -> Done | Taken:
    """Give the card a number in E.164; the one that it had is free."""
    query = """
        INSERT INTO card_numbers VALUES (%s, %s) ON CONFLICT (card_id) DO UPDATE SET number = excluded.number
    """
    try:
        async with connection.transaction():
            await connection.execute(query, (card_id, number))
    except UniqueViolation:
        return Taken("number")
    return Done()


async def card_with(connection: AsyncConnection[Any], number: str) -> UUID | None:
    """The card that has that number in E.164."""
    query = "SELECT card_id FROM card_numbers WHERE number = %s"
    row = await (await connection.execute(query, (number,))).fetchone()
    return row[0] if row else None


async def list_numbers(
    connection: AsyncConnection[Any], limit: int, skip: int = 0, ending: str = ""
) -> list[tuple[UUID, str]]:
    """Some of them, or of those with these last digits, in their order."""
    query = """
        SELECT card_id, number FROM card_numbers WHERE right(number, %s) = %s ORDER BY number LIMIT %s OFFSET %s
    """
    return await (await connection.execute(query, (len(ending), ending, limit, skip))).fetchall()


async def import_numbers(connection: AsyncConnection[Any], numbers: dict[UUID, str]) -> dict[UUID, Taken]:
    """Give many cards their numbers; those whose number another card has, stay as they are."""
    query = """
        INSERT INTO card_numbers SELECT * FROM unnest(%s::uuid[], %s::text[])
        ON CONFLICT (card_id) DO UPDATE SET number = excluded.number
    """
    try:
        async with connection.transaction():
            await connection.execute(query, (list(numbers), list(numbers.values())))
    except UniqueViolation:
        answers = {card_id: await set_number(connection, card_id, number) for card_id, number in numbers.items()}
        return {card_id: answer for card_id, answer in answers.items() if isinstance(answer, Taken)}
    return {}


async def known_cards(connection: AsyncConnection[Any], card_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the cards that the log knows."""
    query = "SELECT originator_id FROM card_events WHERE originator_id = ANY (%s) AND originator_version = 1"
    return {card_id for (card_id,) in await (await connection.execute(query, (list(card_ids),))).fetchall()}
