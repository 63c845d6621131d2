"""Signing in with a password, and signing out."""

from markupsafe import Markup
from starlette.responses import Response

from adapters.directory.answers import NotMatching, Opened, Wait
from adapters.directory.signing_in import sign_in
from adapters.directory.signing_out import sign_out
from adapters.web.door import SESSION, SIGN_IN, see_other
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit, without_cookie
from adapters.web.pages.accounts.waiting import wait_sentence, waiting


async def _ask(visit: AccountVisit) -> Response:
    return see_other(visit.onward()) if visit.visitor else _page(visit)


async def _sign_in(visit: AccountVisit) -> Response:
    say, typed, password = visit.say, visit.form.get("account", ""), visit.form.get("password", "")
    errors: dict[str, Markup] = {}
    if not typed.strip():
        errors["account"] = say("Give your e-mail address or phone number.")
    if not password:
        errors["password"] = say("Give your password.")
    if errors:
        return _page(visit, typed, errors=errors)
    async with visit.hashing() as connection:
        answer = await sign_in(connection, typed, password, visit.at)
    match answer:
        case Opened():
            return await visit.enter(answer, visit.onward())
        case Wait():
            return waiting(_page(visit, typed, wrong=wait_sentence(answer, say)), answer)
        case NotMatching():
            return _page(visit, typed, errors={"account": _no_match(visit)})


def _page(
    visit: AccountVisit, typed: str = "", *, errors: dict[str, Markup] | None = None, wrong: Markup | None = None
) -> Response:
    query = visit.request.query_params
    if "passkey" in query and not errors:
        late = query["passkey"] == "late"
        wrong = wrong or (visit.say("That took too long. Try again.") if late else _no_match(visit))
    found: dict[str, object] = {"typed": typed, "errors": errors or {}, "wrong": wrong, "gone": "gone" in query}
    found["ended"] = "next" in query and SESSION in visit.request.cookies
    return visit.page("sign_in", 422 if errors else 200, **found)


def _no_match(visit: AccountVisit) -> Markup:
    return visit.say("That sign-in does not match.")


async def _sign_out(visit: AccountVisit) -> Response:
    if visit.visitor is not None:
        async with visit.connection() as connection:
            await sign_out(connection, visit.visitor, visit.at)
    return without_cookie(see_other(SIGN_IN), SESSION)


PAGES = (
    AccountRoute("GET", SIGN_IN, _ask, "anybody"),
    AccountRoute("POST", SIGN_IN, _sign_in, "anybody"),
    AccountRoute("POST", "/sign-out", _sign_out, "anybody"),
)
"""`/sign-in`, `/sign-out`."""
