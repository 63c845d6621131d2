"""Changing, confirming and removing the e-mail address and the phone number."""

from functools import partial

from starlette.responses import Response

from adapters.directory.addresses import Address, AddressKind
from adapters.directory.answers import CodeDead, CodeWrong, LastAddress, NotRecent
from adapters.directory.changing import PURPOSES, begin_change, finish_change, remove_address
from adapters.directory.codes import TypedCode
from adapters.web.door import prove, see_other
from adapters.web.pages.accounts.account import ACCOUNT
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


async def _ask(kind: AddressKind, visit: AccountVisit) -> Response:
    steps = steps_of(kind)
    address = typed_address(visit, steps)
    if not isinstance(address, Address):
        return address
    if before := await sent_already(visit, steps, PURPOSES[kind], address, visit.holder.holder_id):
        return before
    async with visit.connection() as connection:
        answer = await begin_change(connection, visit.reception.send, visit.holder, address, visit.at)
    return prove(steps.ask) if isinstance(answer, NotRecent) else sent(visit, steps, answer)


async def _enter(kind: AddressKind, visit: AccountVisit) -> Response:
    steps = steps_of(kind)
    code = await typed_code(visit, steps)
    if not isinstance(code, TypedCode):
        return code
    async with visit.connection() as connection:
        answer = await finish_change(connection, visit.reception.send, visit.holder, kind, code, visit.at)
    match answer:
        case CodeWrong() | CodeDead():
            return await refused(visit, steps, answer)
        case NotRecent():
            return prove(steps.enter)
        case _:
            return without_cookie(see_other(f"{ACCOUNT}?done={kind}"), steps.cookie)


async def _remove(kind: AddressKind, visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        answer = await remove_address(connection, visit.reception.send, visit.holder, kind, visit.at)
    match answer:
        case LastAddress():
            return see_other(f"{ACCOUNT}?done=last")
        case NotRecent():
            return prove(ACCOUNT)
        case _:
            return see_other(f"{ACCOUNT}?done=removed")


def steps_of(kind: AddressKind) -> Steps:
    """The pages for an address of that kind."""
    return Steps(kind, f"{ACCOUNT}/{kind}", f"{ACCOUNT}/{kind}/code", wants=kind)


def _pages_of(kind: AddressKind) -> list[AccountRoute]:
    steps = steps_of(kind)
    remove = AccountRoute("POST", f"{steps.ask}/remove", partial(_remove, kind), "proved", back=ACCOUNT)
    return [*routes_of_steps(steps, partial(_ask, kind), partial(_enter, kind), "proved"), remove]


PAGES = (*_pages_of("email"), *_pages_of("phone"))
"""`/account/email…`, `/account/phone…`."""
