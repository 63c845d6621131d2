"""Setting or changing the password."""

from starlette.responses import Response

from adapters.directory.answers import NotRecent, PasswordRefused
from adapters.directory.changing import change_password
from adapters.web.door import prove, see_other
from adapters.web.pages.accounts.account import ACCOUNT
from adapters.web.pages.accounts.code_steps import password_sentence
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit

PASSWORD = "/account/password"  # noqa: S105 (the address of its page)


async def _show(visit: AccountVisit) -> Response:
    return visit.page("password", task=ACCOUNT, errors={})


async def _change(visit: AccountVisit) -> Response:
    password = visit.form.get("password", "")
    async with visit.hashing() as connection:
        answer = await change_password(connection, visit.reception.send, visit.holder, password, visit.at)
    match answer:
        case PasswordRefused():
            errors = {"password": password_sentence(answer.fault, visit.say)}
            return visit.page("password", 422, task=ACCOUNT, errors=errors)
        case NotRecent():
            return prove(PASSWORD)
        case _:
            return see_other(f"{ACCOUNT}?done=password")


PAGES = (
    AccountRoute("GET", PASSWORD, _show, "proved"),
    AccountRoute("POST", PASSWORD, _change, "proved"),
)
"""`/account/password`."""
