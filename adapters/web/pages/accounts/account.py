"""The account's own page: what it has, and the way to each change; language and time zone are set right there."""

from typing import NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from adapters.directory.accounts import find_account, set_language, set_zone
from adapters.directory.passkeys import list_passkeys
from adapters.directory.sessions import list_sessions
from adapters.languages.language import named
from adapters.notices.reached import unreached
from adapters.web.door import SIGN_IN, see_other
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit

ACCOUNT = "/account"
ZONES = (
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Macau",
    "Asia/Taipei",
    "Asia/Singapore",
    "Asia/Kuala_Lumpur",
    "Asia/Bangkok",
    "Asia/Ho_Chi_Minh",
    "Asia/Jakarta",
    "Asia/Manila",
    "Asia/Seoul",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Europe/Istanbul",
    "Europe/Moscow",
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Europe/London",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Madrid",
    "Europe/Rome",
    "Europe/Athens",
    "America/New_York",
    "America/Toronto",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Vancouver",
    "America/Mexico_City",
    "America/Sao_Paulo",
    "Australia/Perth",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Honolulu",
)
"""Those that the page offers; an account may have any other."""


class ShownDevice(NamedTuple):
    """A signed-in device as its holder sees it."""

    session_id: str
    name: str
    since: Markup
    seen: Markup
    is_this: bool


async def _show(visit: AccountVisit) -> Response:
    return await _page(visit)


async def _save(visit: AccountVisit) -> Response:
    language, zone = named(visit.form.get("language", "")), visit.form.get("zone", "")
    if language is None:
        return await _page(visit, errors={"language": visit.say("Choose a language.")})
    async with visit.connection() as connection, connection.transaction():
        if not await set_zone(connection, visit.holder.holder_id, zone):
            return await _page(visit, errors={"zone": visit.say("Choose a city.")})
        await set_language(connection, visit.holder.holder_id, language)
    return see_other(f"{ACCOUNT}?done=settings")


async def _page(visit: AccountVisit, *, errors: dict[str, Markup] | None = None) -> Response:
    holder, say = visit.holder, visit.say
    async with visit.connection() as connection:
        account = await find_account(connection, holder.holder_id)
        sessions = await list_sessions(connection, holder.holder_id, visit.at.now)
        passkeys = await list_passkeys(connection, holder.holder_id)
        lost = await unreached(connection, holder.email, holder.phone)
    if account is None:
        return see_other(SIGN_IN)
    zones = (*ZONES, *({account.zone} - set(ZONES)))
    devices = [
        ShownDevice(
            str(one.session_id),
            one.device,
            say.moment(one.created_at, account.zone),
            say.moment(one.seen_at, account.zone),
            one.session_id == holder.session_id,
        )
        for one in sessions
    ]
    return visit.page(
        "account",
        422 if errors else 200,
        account=account,
        devices=devices,
        passkeys=len(passkeys),
        zones=[(zone, say.place(zone)) for zone in zones],
        place=say.place(account.zone),
        done=visit.request.query_params.get("done", ""),
        unreached=lost,
        errors=errors or {},
    )


PAGES = (AccountRoute("GET", ACCOUNT, _show), AccountRoute("POST", ACCOUNT, _save))
"""`/account`."""
