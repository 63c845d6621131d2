"""Signed-in devices: ending one of them, or all."""

from uuid import UUID

from starlette.responses import Response

from adapters.directory.signing_out import sign_out, sign_out_everywhere
from adapters.web.door import SESSION, SIGN_IN, missing, see_other
from adapters.web.pages.accounts.account import ACCOUNT
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit, without_cookie
from adapters.web.pages.ids import is_uuid


async def _end(visit: AccountVisit) -> Response:
    ended = visit.form.get("device", "")
    if not is_uuid(ended):
        return missing(visit.request, visit.visitor)
    async with visit.connection() as connection:
        found = await sign_out(connection, visit.holder, visit.at, UUID(ended))
    if not found:
        return missing(visit.request, visit.visitor)
    if UUID(ended) == visit.holder.session_id:
        return without_cookie(see_other(SIGN_IN), SESSION)
    return see_other(f"{ACCOUNT}?done=device")


async def _end_all(visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        await sign_out_everywhere(connection, visit.holder, visit.at, here_too=True)
    return without_cookie(see_other(SIGN_IN), SESSION)


PAGES = (
    AccountRoute("POST", "/account/devices/end", _end, back=ACCOUNT),
    AccountRoute("POST", "/account/devices/end-all", _end_all, back=ACCOUNT),
)
"""`/account/devices/…`."""
