"""Coming in and leaving: sign-in with password and code, the set-up of an account, sign-out."""

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.directory.answers import NotMatching, PasswordFault, Wait
from adapters.directory.passwords import password_fault
from adapters.web.console.desk import Desk
from adapters.web.console.proof import address_of, picture_of
from adapters.web.console.sessions import ABSOLUTE, end_session
from adapters.web.console.signing_in import Invited, Typed, find_invited, set_up, sign_in
from adapters.web.console.visit import SESSION, SIGN_IN, at_of, console_page, who
from adapters.web.door import Form, form_of, see_other
from adapters.web.pages.accounts.visit import with_cookie, without_cookie
from adapters.web.pages.plain import own_path

NO_MATCH = "That sign-in does not match."
WRONG_CODE = "That is not the code of this moment. Check that the clock of the phone is right."
FAULTS: Mapping[PasswordFault, str] = {
    "too_short": "Use 8 characters or more.",
    "too_long": "Use 128 characters at most.",
    "common": "Many people use that password. Choose another one.",
    "names_product": "Choose a password without the name of this product.",
    "own_address": "Choose a password other than your address.",
}
SET_UP = "/set-up/{token}"
_NO_REFERRER = {"Referrer-Policy": "no-referrer"}
"""For pages whose address holds a token (ASVS 5.0.0, 3.4.8)."""


def entrance(desk: Desk) -> list[Route]:
    """`/sign-in`, `/sign-out`, `/set-up/…`."""
    pages = (
        ("GET", SIGN_IN, _ask),
        ("POST", SIGN_IN, _enter),
        ("POST", "/sign-out", _leave),
        ("GET", SET_UP, _ask_set_up),
        ("POST", SET_UP, _finish_set_up),
    )
    return [Route(path, partial(serve, desk), methods=[method]) for method, path, serve in pages]


async def _ask(desk: Desk, request: Request) -> Response:
    return see_other(_onward(request)) if await who(desk, request) else _sign_in_page(request)


async def _enter(desk: Desk, request: Request) -> Response:
    form = await form_of(request)
    typed = Typed(form.get("email", "").strip(), form.get("password", ""), form.get("code", ""))
    if errors := _missing_of(typed):
        return _sign_in_page(request, form, errors=errors)
    async with desk.hashing.connection() as connection:
        answer = await sign_in(connection, typed, at_of(desk, request))
    if isinstance(answer, Wait):
        page = _sign_in_page(request, form, wrong=f"Too many tries. Try again in {answer.seconds} s.", status=429)
        page.headers["Retry-After"] = str(answer.seconds)
        return page
    if isinstance(answer, NotMatching):
        return _sign_in_page(request, form, errors={"email": NO_MATCH})
    return await _inside(desk, request, answer, _onward(request))


async def _leave(desk: Desk, request: Request) -> Response:
    operator = await who(desk, request)
    if operator is not None:
        async with desk.pool.connection() as connection:
            await end_session(connection, operator.session_id)
    return without_cookie(see_other(SIGN_IN), SESSION)


async def _ask_set_up(desk: Desk, request: Request) -> Response:
    invited = await _invited(desk, request)
    return _gone() if invited is None else _set_up_page(request, invited)


async def _finish_set_up(desk: Desk, request: Request) -> Response:
    form, invited = await form_of(request), await _invited(desk, request)
    if invited is None:
        return _gone()
    typed = Typed(invited.email, form.get("password", ""), form.get("code", ""))
    errors = _missing_of(typed)
    if "password" not in errors and (fault := password_fault(typed.password, invited.email)):
        errors["password"] = FAULTS[fault]
    if errors:
        return _set_up_page(request, invited, errors)
    async with desk.hashing.connection() as connection:
        answer = await set_up(connection, request.path_params["token"], typed, at_of(desk, request))
    if answer is None:
        return _gone()
    if isinstance(answer, NotMatching):
        return _set_up_page(request, invited, {"code": WRONG_CODE})
    return await _inside(desk, request, answer, "/")


def _missing_of(typed: Typed) -> dict[str, str]:
    said = {
        "email": ("Give your e-mail address.", typed.email),
        "password": ("Give your password.", typed.password),
        "code": ("Give the six digits of the authenticator app.", typed.code.strip()),
    }
    return {name: sentence for name, (sentence, value) in said.items() if not value}


async def _inside(desk: Desk, request: Request, token: str, to: str) -> RedirectResponse:
    """Signed in: the browser gets the new session, the one that it had is over."""
    before = await who(desk, request)
    if before is not None:
        async with desk.pool.connection() as connection:
            await end_session(connection, before.session_id)
    answer = see_other(to)
    with_cookie(answer, SESSION, token, ABSOLUTE)
    return answer


async def _invited(desk: Desk, request: Request) -> Invited | None:
    async with desk.pool.connection() as connection:
        return await find_invited(connection, request.path_params["token"], at_of(desk, request))


def _onward(request: Request) -> str:
    """Where the operator wanted to go."""
    wanted = own_path(request.query_params.get("next", "/"))
    return "/" if wanted.startswith(SIGN_IN) else wanted


def _sign_in_page(
    request: Request,
    form: Form | None = None,
    *,
    errors: Mapping[str, str] | None = None,
    wrong: str = "",
    status: int | None = None,
) -> Response:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    typed = (form or {}).get("email", "")
    found = status or (422 if errors else 200)
    return console_page("sign_in", found, here=here, typed=typed, errors=errors or {}, wrong=wrong)


def _set_up_page(request: Request, invited: Invited, errors: Mapping[str, str] | None = None) -> Response:
    page = console_page(
        "set_up",
        422 if errors else 200,
        here=request.url.path,
        email=invited.email,
        secret=" ".join(invited.totp_secret[at : at + 4] for at in range(0, len(invited.totp_secret), 4)),
        picture=picture_of(address_of(invited.totp_secret, invited.email)),
        errors=errors or {},
    )
    page.headers.update(_NO_REFERRER)
    return page


def _gone() -> Response:
    page = console_page("gone", 404)
    page.headers.update(_NO_REFERRER)
    return page
