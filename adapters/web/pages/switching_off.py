"""Switching auto-renewal off: what lapses when, and two buttons of the same weight."""

from datetime import timedelta

from starlette.responses import Response

from adapters.web.pages.ids import command_id_of
from adapters.web.pages.lifeline import lifeline
from adapters.web.pages.visit import CardRoute, CardVisit
from engine.calendar import local_date
from engine.card.deadlines import reclaims_at, suspends_at
from engine.commands import SwitchOffAutoRenew


async def _ask(visit: CardVisit) -> Response:
    return _asked(visit)


def _asked(visit: CardVisit, *, wrong: object = None, status: int = 200) -> Response:
    held, card = visit.held, visit.held.card
    if card.consent is None:
        return visit.go()
    return visit.page(
        "switch_off",
        status,
        line=lifeline(card, "auto_renew_off", (), visit.say, held.at),
        is_suspended=card.status == "suspended",
        paid_to=card.term.ends_on,
        last_day=card.term.ends_on - timedelta(days=1),
        off_on=local_date(suspends_at(card), held.zone),
        lost_on=local_date(reclaims_at(card), held.zone),
        under_way=card.attempts.open is not None,
        command_id=command_id_of({}),
        wrong=wrong,
    )


async def _switch_off(visit: CardVisit) -> Response:
    command_id = f"web:{command_id_of(visit.form)}"
    refused = await visit.execute(SwitchOffAutoRenew(command_id=command_id, card_id=visit.card_id))
    return visit.go() if refused is None else _asked(visit, wrong=visit.refusal(refused), status=409)


OFF = "/renewal/off"
PAGES = (CardRoute("GET", OFF, _ask), CardRoute("POST", OFF, _switch_off))
