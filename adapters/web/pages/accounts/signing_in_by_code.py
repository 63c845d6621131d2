"""Signing in with a code that is sent to the account's address."""

from starlette.responses import Response

from adapters.directory.addresses import Address
from adapters.directory.answers import Opened
from adapters.directory.codes import TypedCode
from adapters.directory.signing_in import begin_code_sign_in, sign_in_with_code
from adapters.web.pages.accounts.code_steps import (
    Steps,
    refused,
    routes_of_steps,
    sent,
    sent_already,
    typed_address,
    typed_code,
)
from adapters.web.pages.accounts.visit import AccountVisit, without_cookie

STEPS = Steps("sign-in", "/sign-in/code", "/sign-in/code/enter")


async def _ask(visit: AccountVisit) -> Response:
    address = typed_address(visit, STEPS)
    if not isinstance(address, Address):
        return address
    if before := await sent_already(visit, STEPS, "sign_in", address):
        return before
    async with visit.connection() as connection:
        answer = await begin_code_sign_in(connection, visit.reception.send, address, visit.language, visit.at)
    return sent(visit, STEPS, answer)


async def _enter(visit: AccountVisit) -> Response:
    code = await typed_code(visit, STEPS)
    if not isinstance(code, TypedCode):
        return code
    async with visit.connection() as connection:
        answer = await sign_in_with_code(connection, code, visit.at)
    if not isinstance(answer, Opened):
        return await refused(visit, STEPS, answer)
    return without_cookie(await visit.enter(answer, visit.onward()), STEPS.cookie)


PAGES = tuple(routes_of_steps(STEPS, _ask, _enter))
"""`/sign-in/code…`."""
