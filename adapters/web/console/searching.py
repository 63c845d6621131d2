"""The first page and the search: from whatever an operator has in hand to the card."""

import re
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from starlette.responses import Response

from adapters.directory.accounts import account_at
from adapters.directory.addresses import Address, address_of, number_of_card
from adapters.directory.card_numbers import card_with
from adapters.status import read_status
from adapters.web.console.listing import Listed, listed
from adapters.web.console.record import list_entries
from adapters.web.console.roles import LEAST
from adapters.web.console.visit import FORBIDDEN, DeskRoute, DeskVisit
from adapters.web.door import see_other
from adapters.web.pages.ids import is_uuid
from projections.cases import list_cases

MOST = 50
NEWS_MOST = 8
_ENDING = re.compile(r"\d{2,9}")
_REFERENCE = re.compile(r"([0-9A-Fa-f]{4})-([0-9A-Fa-f]{4})")
_TYPED_MOST = 300


class Found(NamedTuple):
    """What was taken for what, and the cards that it leads to."""

    kind: str
    card_ids: list[UUID]


async def _home(visit: DeskVisit) -> Response:
    virtual = visit.desk.settings.clock == "virtual"
    status = await visit.desk.work(lambda connection: read_status(connection, virtual_clock=virtual))
    cases = await visit.desk.work(lambda connection: list_cases(connection, NEWS_MOST))
    async with visit.connection() as connection:
        done = await list_entries(connection, NEWS_MOST, only_done=True)
    return await visit.page("home", status_now=status, typed="", cases=cases, done=done)


async def _search(visit: DeskVisit) -> Response:
    typed = visit.form.get("sought", "").strip()[:_TYPED_MOST]
    if not typed:
        return await _results(visit, typed, None, [])
    kind = personal_kind(typed)
    if kind is not None and not visit.operator.may("see_personal_data"):
        await visit.record("look_up", about=kind, outcome=FORBIDDEN)
        return await visit.page("found", 403, typed=typed, kind=kind, least=LEAST["see_personal_data"], cards=[])
    async with visit.connection() as connection:
        found = await _find(connection, typed)
        cards = await listed(connection, found.card_ids[:MOST])
    only = cards[0].card_id if len(cards) == 1 else None
    await visit.record("look_up", card_id=only, about=found.kind, outcome=f"{len(cards)} found")
    return see_other(f"/cards/{only}") if only else await _results(visit, typed, found, cards)


async def _results(visit: DeskVisit, typed: str, found: Found | None, cards: list[Listed]) -> Response:
    kind = found.kind if found else ""
    more = found is not None and len(found.card_ids) > MOST
    return await visit.page("found", 422 if found is None else 200, typed=typed, kind=kind, cards=cards, more=more)


def personal_kind(typed: str) -> str | None:
    """What is personal about a search: whoever may test numbers and addresses one by one learns them all.

    None for ids and references, which tell nothing of a person.
    """
    if is_uuid(typed) or _REFERENCE.fullmatch(typed):
        return None
    if "@" in typed:
        return "e-mail"
    if _ENDING.fullmatch(_digits_of(typed)):
        return "last digits"
    return "number" if _address_of(typed) else None


def _address_of(typed: str) -> Address | None:
    """What leads to a person: of numbers also those of cards, whose ranges may be too new to be known."""
    return address_of(typed) or number_of_card(typed)


def _digits_of(typed: str) -> str:
    return re.sub(r"[\s()-]", "", typed)


async def _find(connection: AsyncConnection[Any], typed: str) -> Found:
    """What is exact comes first."""
    try:
        return Found("id", await _by_id(connection, UUID(typed)))
    except ValueError:
        pass
    if reference := _REFERENCE.fullmatch(typed):
        return Found("reference", await _by_reference(connection, "".join(reference.groups()).lower()))
    address = _address_of(typed)
    if address is not None and (found := await _by_address(connection, address)):
        return Found("e-mail" if address.kind == "email" else "number", found)
    digits = _digits_of(typed)
    if _ENDING.fullmatch(digits):
        query: LiteralString = "SELECT card_id FROM card_numbers WHERE right(number, %s) = %s ORDER BY number LIMIT %s"
        return Found("last digits", await _ids(connection, query, len(digits), digits, MOST + 1))
    return Found("text", await _by_text(connection, typed))


async def _by_id(connection: AsyncConnection[Any], sought: UUID) -> list[UUID]:
    query: LiteralString = """
        SELECT card_id FROM cards WHERE card_id = %(id)s
        UNION SELECT card_id FROM charges WHERE attempt_id = %(id)s
        UNION SELECT card_id FROM cases WHERE case_id = %(id)s
    """
    return [one for (one,) in await (await connection.execute(query, {"id": sought})).fetchall()]


async def _by_reference(connection: AsyncConnection[Any], digits: str) -> list[UUID]:
    """What confirmations (the beginning of a command's id) and receipts (of an attempt's) tell the holder."""
    query: LiteralString = """
        SELECT card_id FROM card_events_commands WHERE command_id BETWEEN %(from)s AND %(to)s
        UNION SELECT card_id FROM charges WHERE attempt_id BETWEEN %(first)s AND %(last)s LIMIT %(most)s
    """
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    asked = {"from": f"web:{digits}", "to": f"web:{digits}g", "first": first, "last": last, "most": MOST + 1}
    return [one for (one,) in await (await connection.execute(query, asked)).fetchall()]


async def _by_address(connection: AsyncConnection[Any], address: Address) -> list[UUID]:
    """The cards of whoever has the address, and the card that has the number."""
    with_number = await card_with(connection, address.text) if address.kind == "phone" else None
    account = await account_at(connection, address)
    held = await _of_holder(connection, account.holder_id) if account else []
    return [*([with_number] if with_number else []), *(one for one in held if one != with_number)]


async def _by_text(connection: AsyncConnection[Any], typed: str) -> list[UUID]:
    """A holder's id, or the provider's name for a charge."""
    held = await _of_holder(connection, typed)
    query: LiteralString = "SELECT DISTINCT card_id FROM charges WHERE gateway_ref = %s LIMIT %s"
    return held or await _ids(connection, query, typed, MOST + 1)


async def _of_holder(connection: AsyncConnection[Any], holder_id: str) -> list[UUID]:
    query: LiteralString = "SELECT card_id FROM cards WHERE holder_id = %s ORDER BY ends_at, card_id LIMIT %s"
    return await _ids(connection, query, holder_id, MOST + 1)


async def _ids(connection: AsyncConnection[Any], query: LiteralString, *values: object) -> list[UUID]:
    return [card_id for (card_id,) in await (await connection.execute(query, values)).fetchall()]


PAGES = (DeskRoute("GET", "/", _home), DeskRoute("POST", "/search", _search, "look_up"))
"""`/`, `/search`."""
