"""Taking all personal data along, and deleting the account."""

import json

from starlette.responses import Response

from adapters.directory.answers import NotRecent, StillOwed
from adapters.directory.card_numbers import number_of
from adapters.directory.leaving import erase_account, export_account
from adapters.web.door import SESSION, SIGN_IN, prove, see_other
from adapters.web.pages.accounts.account import ACCOUNT
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit, without_cookie

DATA, DELETE = "/account/data", "/account/delete"
FILE = f"{DATA}/file"


async def _show_data(visit: AccountVisit) -> Response:
    return visit.page("data", task=ACCOUNT, file=FILE)


async def _download(visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        exported = await export_account(connection, visit.holder, visit.at)
    if isinstance(exported, NotRecent):
        return prove(DATA)
    name = f"baohao-{visit.at.now:%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    content = json.dumps(exported, ensure_ascii=False, indent=2)
    return Response(content, headers=headers, media_type="application/json")


async def _ask(visit: AccountVisit) -> Response:
    return visit.page("delete", task=ACCOUNT, owed=())


async def _delete(visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        answer = await erase_account(connection, visit.reception.send, visit.holder, visit.at)
        numbers = await number_of(connection, answer.card_ids) if isinstance(answer, StillOwed) else {}
    match answer:
        case NotRecent():
            return prove(DELETE)
        case StillOwed():
            owed = [(one, numbers.get(one, str(one)[:8])) for one in answer.card_ids]
            return visit.page("delete", 409, task=ACCOUNT, owed=owed)
        case _:
            return without_cookie(see_other(f"{SIGN_IN}?gone=1"), SESSION)


PAGES = (
    AccountRoute("GET", DATA, _show_data, "proved"),
    AccountRoute("GET", FILE, _download, "proved"),
    AccountRoute("GET", DELETE, _ask, "proved"),
    AccountRoute("POST", DELETE, _delete, "proved"),
)
"""`/account/data…`, `/account/delete`."""
