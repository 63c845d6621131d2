"""A card with all that is known of it: its facts and their reasons, its state, what comes next, what was told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json
from psycopg import AsyncConnection, Connection
from starlette.responses import Response

from adapters.directory.addresses import veiled
from adapters.languages.shown import phone_number
from adapters.notices.outbox import Again, send_again
from adapters.plain_facts import plain_fact
from adapters.web.console.about_card import About, about_card, limits_of
from adapters.web.console.acts import acts_on
from adapters.web.console.doing import do_once
from adapters.web.console.record import known_as, list_entries
from adapters.web.console.roles import Action
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import command_id_of
from adapters.web.pages.portal import Held
from adapters.web.pages.standing import FINAL, standing_of
from engine.card.deadlines import reclaims_at, suspends_at
from engine.card.term import amount_due
from engine.envelope import NAME_OF, Recorded
from engine.store.parameters import amount_key
from engine.why.questions import overview
from engine.why.sentences import clause

FACTS_MOST = 1000
"""So many facts are read: some ten years of a card that is renewed each month. Their newest are shown."""
_SHOWN = 200


class Fact(NamedTuple):
    """A row of the history."""

    version: int
    at: datetime
    name: str
    actor: str
    why: str
    data: str


class Person(NamedTuple):
    """Whose card it is and which number it has, in clear or veiled."""

    number: str | None
    email: str | None
    phone: str | None
    is_clear: bool


async def _card(visit: DeskVisit) -> Response:
    card_id: UUID = visit.request.path_params["card_id"]
    found = await visit.desk.portal.held([card_id])
    if not found:
        return await visit.missing()
    held, wants_clear = found[0], "clear" in visit.request.query_params
    holder_id = held.card.custody.holder_id
    if wants_clear and not visit.operator.may("see_personal_data"):
        return await visit.forbidden("see_personal_data")
    look: Action = "see_personal_data" if wants_clear else "see_card"
    await visit.record(look, card_id=card_id, holder_id=holder_id, outcome="shown")
    return await _shown(visit, held, clear=wants_clear)


async def _shown(visit: DeskVisit, held: Held, *, clear: bool, status: int = 200, wrong: str = "") -> Response:
    card = held.card
    async with visit.connection() as connection:
        about = await about_card(connection, held.card_id, card.custody.holder_id)
        due = amount_key(amount_due(card, card.renewal)) if card.renewal else None
        limits = await limits_of(connection, card.methods.bound, due, held.at)
        recorded = await list_entries(connection, 20, card_id=held.card_id)
        done = await _done(visit, connection, held.card_id)
    history = await visit.desk.portal.newest(held.card_id, None, FACTS_MOST)
    standing, is_over = standing_of(card), card.status in FINAL
    return await visit.page(
        "card",
        status,
        held=held,
        card=card,
        standing=standing,
        person=_person(held, about, clear=clear),
        about=about,
        limits=limits,
        says=_says(history),
        facts=facts_of(history)[:_SHOWN],
        left_out=max(0, len(history) - _SHOWN),
        wake=history[-1].wake_at if history else None,
        suspends=None if is_over else suspends_at(card),
        lost=None if is_over else reclaims_at(card),
        recorded=recorded,
        acts=acts_on(card, visit.operator),
        done=done,
        wrong=wrong,
    )


async def _done(visit: DeskVisit, connection: AsyncConnection[Any], card_id: UUID) -> str:
    """What the operator has just done with the card, by the record: an address may say anything."""
    try:
        action_id = UUID(visit.asked("done"))
    except ValueError:
        return ""
    found = await known_as(connection, action_id)
    if found is None or (found.operator_id, found.card_id) != (visit.operator.operator_id, card_id):
        return ""
    match found.outcome:
        case "done" | "again":
            return _DONE.get(found.action, "")
        case "done: it was so already":
            return "It was so already: nothing was recorded."
        case _:
            return ""


def _says(history: Sequence[Recorded]) -> list[str]:
    """The state and its reasons; nothing of a history that is too long to be read whole."""
    if not history or history[0].version != 1:
        return []
    return [one.text for one in overview(history).sentences]


def facts_of(history: Sequence[Recorded]) -> list[Fact]:
    """The newest first; instants within the sentences are in UTC too."""
    return [
        Fact(
            one.version,
            one.fact.at,
            NAME_OF[type(one.fact)],
            one.actor,
            _sentence(one),
            json.format(json.encode(plain_fact(one)), indent=1).decode(),
        )
        for one in reversed(history)
    ]


def _sentence(recorded: Recorded) -> str:
    said = clause(recorded.fact, "UTC")
    return f"{said[:1].upper()}{said[1:]}."


def _person(held: Held, about: About, *, clear: bool) -> Person:
    email, phone = (about.account.email, about.account.phone) if about.account else (None, None)
    if clear:
        return Person(held.number and phone_number(held.number), email, phone and phone_number(phone), is_clear=True)
    return Person(veiled(held.number), veiled(email), veiled(phone), is_clear=False)


async def _resend(visit: DeskVisit) -> Response:
    card_id: UUID = visit.request.path_params["card_id"]
    found = await visit.desk.portal.held([card_id])
    if not found:
        return await visit.missing()
    key, held = visit.form.get("key", ""), found[0]

    def send(connection: Connection[object]) -> Again:
        of_card = "SELECT FROM outbox WHERE key = %s AND card_id = %s"
        return send_again(connection, key) if connection.execute(of_card, (key, card_id)).rowcount else "unknown"

    outcome = await do_once(visit, "resend_notice", lambda: visit.desk.work(send), card_id=card_id, about=key[:200])
    if outcome is None or outcome == "again":
        return visit.go(f"/cards/{card_id}?done={command_id_of(visit.form)}")
    status = 404 if outcome == "unknown" else 409
    return await _shown(visit, held, clear=False, status=status, wrong=_NOT_SENT[outcome])


_DONE = {
    "switch_off": "Auto-renewal is switched off.",
    "hold": "The card is held.",
    "release": "The card is released.",
    "confirm_number": "The number is confirmed.",
    "confirm_reclaim": "The loss of the number is recorded.",
    "record_refund": "The refund is recorded.",
    "refund": "The refund is started.",
    "resolve": "The attempt is resolved.",
    "remove_passkeys": "The passkeys are removed, and the holder is told.",
    "resend_notice": "The notifier sends it again, if it is still true.",
}
"""Action → what is said once it is done."""
_NOT_SENT = {
    "unknown": "There is no such notice of this card.",
    "waits": "It is not sent yet, so there is nothing to send again.",
    "forgotten": "What it said is not kept, so it cannot be sent again.",
}

PAGES = (
    DeskRoute("GET", "/cards/{card_id:uuid}", _card, "see_card"),
    DeskRoute("POST", "/cards/{card_id:uuid}/notices", _resend, "resend_notice"),
)
"""`/cards/ID`, `/cards/ID/notices`."""
