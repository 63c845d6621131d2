"""Registering: an address, its code, and a password for those who want one."""

from starlette.responses import Response

from adapters.directory.addresses import Address
from adapters.directory.answers import Opened, PasswordRefused
from adapters.directory.codes import TypedCode
from adapters.directory.registering import begin_registration, finish_registration
from adapters.web.pages.accounts.code_steps import (
    Steps,
    enter_page,
    password_sentence,
    refused,
    routes_of_steps,
    sent,
    sent_already,
    typed_address,
    typed_code,
)
from adapters.web.pages.accounts.visit import AccountVisit, without_cookie

STEPS = Steps("register", "/register", "/register/code", password="optional")  # noqa: S106 (says that there is one)


async def _ask(visit: AccountVisit) -> Response:
    address = typed_address(visit, STEPS)
    if not isinstance(address, Address):
        return address
    if before := await sent_already(visit, STEPS, "register", address):
        return before
    async with visit.connection() as connection:
        answer = await begin_registration(connection, visit.reception.send, address, visit.language, visit.at)
    return sent(visit, STEPS, answer)


async def _enter(visit: AccountVisit) -> Response:
    code = await typed_code(visit, STEPS)
    if not isinstance(code, TypedCode):
        return code
    password, send = visit.form.get("password") or None, visit.reception.send
    async with visit.hashing() as connection:
        answer = await finish_registration(connection, send, code, password, visit.at, language=visit.language)
    match answer:
        case Opened():
            return without_cookie(await visit.enter(answer, visit.onward()), STEPS.cookie)
        case PasswordRefused():
            return await enter_page(visit, STEPS, errors={"password": password_sentence(answer.fault, visit.say)})
        case _:
            return await refused(visit, STEPS, answer)


PAGES = tuple(routes_of_steps(STEPS, _ask, _enter))
"""`/register…`."""
