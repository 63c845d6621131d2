"""The account's passkeys: adding, naming and removing them."""

from typing import NamedTuple
from uuid import UUID

from markupsafe import Markup
from starlette.responses import Response

from adapters.directory.answers import Done, NotRecent, PasskeyAsked, PasskeyRefused
from adapters.directory.passkeys import (
    PASSKEYS_MOST,
    begin_adding,
    finish_adding,
    list_passkeys,
    remove_passkey,
    rename_passkey,
)
from adapters.web.door import missing, prove, see_other
from adapters.web.pages.accounts.passkey_steps import COOKIE, answer_of, asked, refused
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit, without_cookie
from adapters.web.pages.ids import is_uuid

PASSKEYS = "/account/passkeys"
BEGIN = f"{PASSKEYS}/begin"


class ShownPasskey(NamedTuple):
    """A passkey as its holder sees it."""

    passkey_id: str
    label: str
    since: Markup
    used: Markup | None


async def _show(visit: AccountVisit) -> Response:
    say, zone = visit.say, visit.holder.zone
    async with visit.connection() as connection:
        found = await list_passkeys(connection, visit.holder.holder_id)
    passkeys = [
        ShownPasskey(
            str(one.passkey_id),
            one.label,
            say.moment(one.created_at, zone),
            None if one.used_at is None else say.moment(one.used_at, zone),
        )
        for one in found
    ]
    done = visit.request.query_params.get("done", "")
    full = len(passkeys) >= PASSKEYS_MOST
    return visit.page("passkeys", passkeys=passkeys, begin=BEGIN, label=visit.at.device, full=full, done=done)


async def _begin(visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        answer = await begin_adding(connection, visit.holder, visit.reception.site, visit.at)
    return asked(answer) if isinstance(answer, PasskeyAsked) else refused(answer)


async def _add(visit: AccountVisit) -> Response:
    label = visit.form.get("label", "")
    async with visit.connection() as connection:
        sent, holder = visit.reception.send, visit.holder
        answer = await finish_adding(connection, sent, holder, answer_of(visit), label, visit.at)
    match answer:
        case Done():
            done = "added"
        case PasskeyRefused():
            done = answer.fault
        case NotRecent():
            return prove(PASSKEYS)
    return without_cookie(see_other(f"{PASSKEYS}?done={done}"), COOKIE)


async def _rename(visit: AccountVisit) -> Response:
    passkey_id = _named(visit)
    if passkey_id is None:
        return missing(visit.request, visit.visitor)
    async with visit.connection() as connection:
        found = await rename_passkey(connection, visit.holder, passkey_id, visit.form.get("label", ""))
    if found is False:
        return missing(visit.request, visit.visitor)
    return see_other(f"{PASSKEYS}?done={'renamed' if found else 'nameless'}")


async def _remove(visit: AccountVisit) -> Response:
    passkey_id = _named(visit)
    if passkey_id is None:
        return missing(visit.request, visit.visitor)
    async with visit.connection() as connection:
        found = await remove_passkey(connection, visit.reception.send, visit.holder, passkey_id, visit.at)
    if isinstance(found, NotRecent):
        return prove(PASSKEYS)
    return see_other(f"{PASSKEYS}?done=removed") if found else missing(visit.request, visit.visitor)


def _named(visit: AccountVisit) -> UUID | None:
    named = visit.form.get("passkey", "")
    return UUID(named) if is_uuid(named) else None


PAGES = (
    AccountRoute("GET", PASSKEYS, _show, "proved"),
    AccountRoute("POST", PASSKEYS, _add, "proved"),
    AccountRoute("POST", BEGIN, _begin, "proved", back=PASSKEYS),
    AccountRoute("POST", f"{PASSKEYS}/rename", _rename, "proved", back=PASSKEYS),
    AccountRoute("POST", f"{PASSKEYS}/remove", _remove, "proved", back=PASSKEYS),
)
"""`/account/passkeys…`."""
