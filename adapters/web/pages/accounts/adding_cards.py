"""Adding a card: its number, and the code that is sent to it."""

from functools import partial

from starlette.responses import Response

from adapters.directory.adding_cards import begin_adding_card, finish_adding_card
from adapters.directory.addresses import Address, number_of_card
from adapters.directory.answers import CodeDead, CodeWrong
from adapters.directory.codes import TypedCode
from adapters.directory.secret import hash_of
from adapters.web.door import see_other
from adapters.web.pages.accounts.code_steps import (
    Steps,
    refused,
    routes_of_steps,
    sent,
    sent_already,
    typed_address,
    typed_code,
)
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit, without_cookie
from adapters.web.pages.portal import Portal
from engine.commands import ChangeHolder

STEPS = Steps("card", "/cards/add", "/cards/add/code", wants="phone")


def adding_pages(portal: Portal) -> list[AccountRoute]:
    """`/cards/add…`."""
    return routes_of_steps(STEPS, _ask, partial(_enter, portal), "holder")


async def _ask(visit: AccountVisit) -> Response:
    number = typed_address(visit, STEPS, number_of_card)
    if not isinstance(number, Address):
        return number
    if before := await sent_already(visit, STEPS, "add_card", number, visit.holder.holder_id):
        return before
    async with visit.connection() as connection:
        answer = await begin_adding_card(connection, visit.reception.send, visit.holder, number, visit.at)
    return sent(visit, STEPS, answer)


async def _enter(portal: Portal, visit: AccountVisit) -> Response:
    code = await typed_code(visit, STEPS)
    if not isinstance(code, TypedCode):
        return code
    holder_id = visit.holder.holder_id
    async with visit.connection() as connection:
        answer = await finish_adding_card(connection, visit.holder, code, visit.at)
    if isinstance(answer, CodeWrong | CodeDead):
        return await refused(visit, STEPS, answer)
    command_id = f"add-card:{hash_of(code.request).hex()[:32]}"  # the same for the same form, which may come twice
    command = ChangeHolder(command_id=command_id, card_id=answer, holder_id=holder_id)
    refusal = await portal.execute(holder_id, command)
    to = f"/cards/{answer}" if refusal is None else f"{STEPS.ask}?refused"
    return without_cookie(see_other(to), STEPS.cookie)
