"""Signing in with a passkey: no address is typed, the passkey says whose it is."""

from starlette.responses import Response

from adapters.directory.answers import Opened, PasskeyAsked
from adapters.directory.passkey_proofs import begin_passkey_sign_in, sign_in_with_passkey
from adapters.web.door import SIGN_IN, see_other
from adapters.web.pages.accounts.passkey_steps import COOKIE, answer_of, asked, refused
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit, without_cookie

PASSKEY = f"{SIGN_IN}/passkey"
BEGIN = f"{PASSKEY}/begin"


async def _begin(visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        answer = await begin_passkey_sign_in(connection, visit.reception.site, visit.at)
    return asked(answer) if isinstance(answer, PasskeyAsked) else refused(answer)


async def _sign_in(visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        answer = await sign_in_with_passkey(connection, visit.reception.send, answer_of(visit), visit.at)
    if isinstance(answer, Opened):
        return without_cookie(await visit.enter(answer, visit.onward()), COOKIE)
    return without_cookie(see_other(visit.link(SIGN_IN, passkey=answer.fault)), COOKIE)


PAGES = (AccountRoute("POST", BEGIN, _begin, "anybody"), AccountRoute("POST", PASSKEY, _sign_in, "anybody"))
"""`/sign-in/passkey…`."""
