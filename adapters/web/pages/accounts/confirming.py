"""Proving again to be the holder, before anything that a borrowed device should not do (ASVS 5.0.0, 7.5.1)."""

from markupsafe import Markup
from starlette.responses import Response

from adapters.directory.accounts import Account, find_account
from adapters.directory.addresses import Address, veiled
from adapters.directory.answers import CodeDead, NotMatching, Opened, PasskeyAsked, Wait
from adapters.directory.codes import TypedCode
from adapters.directory.passkey_proofs import begin_passkey_confirmation, confirm_with_passkey
from adapters.directory.signing_in import begin_confirmation, confirm_with_code, confirm_with_password
from adapters.web.door import CONFIRM, SIGN_IN, see_other
from adapters.web.pages.accounts import passkey_steps
from adapters.web.pages.accounts.code_steps import Steps, refused, routes_of_entering, sent_already, sent_to, typed_code
from adapters.web.pages.accounts.visit import AccountRoute, AccountVisit, without_cookie
from adapters.web.pages.accounts.waiting import wait_sentence, waiting

STEPS = Steps("confirm", CONFIRM, f"{CONFIRM}/code", wants="")
HOME = "/account"


async def _show(visit: AccountVisit) -> Response:
    if (
        visit.holder.is_recent(visit.at.now) and "passkey" not in visit.request.query_params
    ):  # proved already, as by the first of two clicks
        return see_other(visit.onward(HOME))
    return await _page(visit)


async def _confirm(visit: AccountVisit) -> Response:
    """With the password; an account that has none is sent a code."""
    account = await _account(visit)
    if account is None:
        return see_other(SIGN_IN)
    if not account.has_password:
        return await (_page(visit) if account.has_passkeys else _send_code(visit, account.addresses[0]))
    password = visit.form.get("password", "")
    if not password:
        return await _page(visit, errors={"password": visit.say("Give your password.")})
    async with visit.hashing() as connection:
        answer = await confirm_with_password(connection, visit.holder, password, visit.at)
    match answer:
        case Opened():
            return await visit.enter(answer, visit.onward(HOME))
        case Wait():
            return await _page(visit, wait=answer)
        case NotMatching():
            return await _page(visit, errors={"password": visit.say("This is not the password.")})


async def _send_code(visit: AccountVisit, address: Address) -> Response:
    if before := await sent_already(visit, STEPS, "sign_in", address, visit.holder.holder_id):
        return before
    async with visit.connection() as connection:
        answer = await begin_confirmation(connection, visit.reception.send, visit.holder, visit.at)
    match answer:
        case Wait():
            return await _page(visit, wait=answer)
        case CodeDead():
            return see_other(SIGN_IN)
        case _:
            return sent_to(visit, STEPS, answer)


async def _enter(visit: AccountVisit) -> Response:
    code = await typed_code(visit, STEPS)
    if not isinstance(code, TypedCode):
        return code
    async with visit.connection() as connection:
        answer = await confirm_with_code(connection, visit.holder, code, visit.at)
    if not isinstance(answer, Opened):
        return await refused(visit, STEPS, answer)
    return without_cookie(await visit.enter(answer, visit.onward(HOME)), STEPS.cookie)


async def _begin_passkey(visit: AccountVisit) -> Response:
    async with visit.connection() as connection:
        answer = await begin_passkey_confirmation(connection, visit.holder, visit.reception.site, visit.at)
    return passkey_steps.asked(answer) if isinstance(answer, PasskeyAsked) else passkey_steps.refused(answer)


async def _confirm_with_passkey(visit: AccountVisit) -> Response:
    answered = passkey_steps.answer_of(visit)
    async with visit.connection() as connection:
        answer = await confirm_with_passkey(connection, visit.reception.send, visit.holder, answered, visit.at)
    if isinstance(answer, Opened):
        return without_cookie(await visit.enter(answer, visit.onward(HOME)), passkey_steps.COOKIE)
    return without_cookie(see_other(visit.link(CONFIRM, passkey=answer.fault)), passkey_steps.COOKIE)


async def _page(visit: AccountVisit, *, errors: dict[str, Markup] | None = None, wait: Wait | None = None) -> Response:
    account = await _account(visit)
    if account is None:
        return see_other(SIGN_IN)
    found: dict[str, object] = {"has_password": account.has_password, "errors": errors or {}}
    found["has_passkeys"] = account.has_passkeys
    found["passkey"] = visit.request.query_params.get("passkey")
    found["address"] = veiled(account.addresses[0].text)
    found["dead"] = "dead" in visit.request.query_params
    found["wrong"] = None if wait is None else wait_sentence(wait, visit.say)
    answer = visit.page("confirm", 422 if errors else 200, task=HOME, **found)
    return answer if wait is None else waiting(answer, wait)


async def _account(visit: AccountVisit) -> Account | None:
    async with visit.connection() as connection:
        return await find_account(connection, visit.holder.holder_id)


PAGES = (
    AccountRoute("GET", CONFIRM, _show),
    AccountRoute("POST", CONFIRM, _confirm),
    *routes_of_entering(STEPS, _enter, "holder"),
    AccountRoute("POST", f"{CONFIRM}/passkey/begin", _begin_passkey, back=HOME),
    AccountRoute("POST", f"{CONFIRM}/passkey", _confirm_with_passkey, back=HOME),
)
"""`/account/confirm…`."""
