"""The two steps of every code: ask for it with an address, and enter it.

The token of the request stands in a cookie for a quarter of an hour, never in an address; each thing that codes are for
has a cookie of its own, so that two tabs do not disturb each other.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Literal, NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from adapters.directory.addresses import Address, address_of, masked
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, PasswordFault, Wait
from adapters.directory.codes import (
    REPEATED_WITHIN,
    RESEND_AFTER,
    Purpose,
    TypedCode,
    address_asked,
    resend_code,
    sent_before,
)
from adapters.web.door import see_other
from adapters.web.pages.accounts.visit import AccountPage, AccountRoute, AccountVisit, Who, with_cookie, without_cookie
from adapters.web.pages.accounts.waiting import wait_sentence, waiting
from adapters.web.voice import Voice

COOKIE_LIVES = timedelta(minutes=15)
"""A little longer than a code, so that a late one is told that it no longer works."""


class Steps(NamedTuple):
    """What a code is for, and where its pages are."""

    name: str
    ask: str
    enter: str
    wants: Literal["", "email", "phone", "any"] = "any"
    """The kind of address that is asked for; "" where it is known."""
    password: Literal["", "optional", "required"] = ""
    """Whether a new password is given with the code."""

    @property
    def cookie(self) -> str:
        """The cookie with the token of the request."""
        return f"__Host-bh-code-{self.name}"

    @property
    def again(self) -> str:
        """Where it is sent again."""
        return f"{self.enter}/again"


Errors = Mapping[str, Markup]


def routes_of_steps(steps: Steps, ask: AccountPage, enter: AccountPage, who: Who = "anybody") -> list[AccountRoute]:
    """The pages: `ask` takes the address, `enter` the code."""
    return [
        AccountRoute("GET", steps.ask, partial(_show_ask, steps, who), who),
        AccountRoute("POST", steps.ask, ask, who),
        *routes_of_entering(steps, enter, who),
    ]


def routes_of_entering(steps: Steps, enter: AccountPage, who: Who = "anybody") -> list[AccountRoute]:
    """The pages of the second step alone."""
    return [
        AccountRoute("GET", steps.enter, partial(_show_enter, steps), who),
        AccountRoute("POST", steps.enter, enter, who),
        AccountRoute("POST", steps.again, partial(_again, steps), who, back=steps.enter),
    ]


# Asking


async def _show_ask(steps: Steps, who: Who, visit: AccountVisit) -> Response:
    if who == "anybody" and "dead" in visit.request.query_params and _has_just_come_in(visit):
        return see_other(visit.onward())
    return ask_page(visit, steps)


def _has_just_come_in(visit: AccountVisit) -> bool:
    """Whether the code was right at the first of two clicks, of which the second found it used."""
    return visit.visitor is not None and visit.at.now - visit.visitor.confirmed_at < REPEATED_WITHIN


def ask_page(
    visit: AccountVisit, steps: Steps, typed: str = "", *, errors: Errors | None = None, wait: Wait | None = None
) -> Response:
    """The page that asks for an address."""
    found: dict[str, object] = {"steps": steps, "typed": typed, "errors": errors or {}, "wants": wanted(visit, steps)}
    found["dead"] = "dead" in visit.request.query_params
    found["refused"] = "refused" in visit.request.query_params
    found["wrong"] = None if wait is None else wait_sentence(wait, visit.say)
    answer = visit.page("ask_code", 422 if errors else 200, **found)
    return answer if wait is None else waiting(answer, wait)


def wanted(visit: AccountVisit, steps: Steps) -> str:
    """The kind of address that is asked for here: where no SMS are sent, a number would wait for one in vain."""
    return "email" if steps.wants == "any" and not visit.reception.sends_sms else steps.wants


def typed_address(
    visit: AccountVisit, steps: Steps, read: Callable[[str], Address | None] = address_of
) -> Address | Response:
    """The address that was typed, or the page with what is wrong about it."""
    typed, say, wants = visit.form.get("address", ""), visit.say, wanted(visit, steps)
    address = read(typed)
    if address is not None and wants in ("any", address.kind):
        return address
    match wants:
        case "email":
            wrong = say("Give an e-mail address, such as name@example.com.")
        case "phone":
            wrong = say("Give a phone number with the code of its country, such as +852.")
        case _:
            wrong = say("Give an e-mail address, or a phone number with the code of its country, such as +852.")
    return ask_page(visit, steps, typed, errors={"address": wrong})


async def sent_already(
    visit: AccountVisit, steps: Steps, purpose: Purpose, address: Address, holder_id: str | None = None
) -> Response | None:
    """On to the second step where this browser, and that holder, asked for the same a moment ago, as by two clicks."""
    request = request_of(visit, steps)
    if request is None:
        return None
    async with visit.connection() as connection:
        answer = await sent_before(connection, request, purpose, address, visit.at.now, holder_id)
    return None if answer is None else sent_to(visit, steps, answer)


def sent(visit: AccountVisit, steps: Steps, answer: CodeSent | Wait) -> Response:
    """On to the second step, or how long to wait."""
    if isinstance(answer, Wait):
        return ask_page(visit, steps, visit.form.get("address", ""), wait=answer)
    return sent_to(visit, steps, answer)


def sent_to(visit: AccountVisit, steps: Steps, answer: CodeSent) -> Response:
    """On to the second step, with the token of the request."""
    return with_cookie(see_other(visit.link(steps.enter)), steps.cookie, answer.request, COOKIE_LIVES)


# Entering


async def _show_enter(steps: Steps, visit: AccountVisit) -> Response:
    if request_of(visit, steps) is None:
        return see_other(visit.link(steps.ask))
    return await enter_page(visit, steps)


async def enter_page(
    visit: AccountVisit, steps: Steps, *, errors: Errors | None = None, wait: Wait | None = None
) -> Response:
    """The page that asks for the code; a code that was typed stays, a password does not."""
    found: dict[str, object] = {"steps": steps, "typed": visit.form.get("code", ""), "errors": errors or {}}
    found["again"] = "again" in visit.request.query_params
    found["to"] = await _target(visit, steps)
    found["wrong"] = None if wait is None else wait_sentence(wait, visit.say)
    found["too_many"] = wait is not None and wait.seconds > RESEND_AFTER.total_seconds()  # else it is only early
    answer = visit.page("enter_code", 422 if errors else 200, **found)
    return answer if wait is None else waiting(answer, wait)


async def _target(visit: AccountVisit, steps: Steps) -> str | None:
    """Where the code goes, masked; what it tells is no more than what was typed."""
    request = request_of(visit, steps)
    if request is None:
        return None
    async with visit.connection() as connection:
        address = await address_asked(connection, request, visit.at.now)
    return None if address is None else masked(address)


def request_of(visit: AccountVisit, steps: Steps) -> str | None:
    """The token of the request, if this browser has asked."""
    return visit.request.cookies.get(steps.cookie) or None


async def typed_code(visit: AccountVisit, steps: Steps) -> TypedCode | Response:
    """The code that was typed, or the page to go to instead."""
    request, digits = request_of(visit, steps), visit.form.get("code", "")
    if request is None:
        return dead(visit, steps)
    if not digits.strip():
        return await enter_page(visit, steps, errors={"code": visit.say("Give the code of six digits.")})
    return TypedCode(request, digits)


async def refused(visit: AccountVisit, steps: Steps, answer: CodeWrong | CodeDead) -> Response:
    """The page after a code that was not right."""
    if isinstance(answer, CodeDead):
        return dead(visit, steps)
    wrong = visit.say.many(
        "That is not the code. You have %(count)s more try.",
        "That is not the code. You have %(count)s more tries.",
        answer.tries_left,
    )
    return await enter_page(visit, steps, errors={"code": wrong})


def dead(visit: AccountVisit, steps: Steps) -> Response:
    """Back to the first step: this code can never be right."""
    return without_cookie(see_other(visit.link(steps.ask, dead="1")), steps.cookie)


def password_sentence(fault: PasswordFault, say: Voice) -> Markup:
    """Why a new password is not taken."""
    match fault:
        case "too_short":
            return say("Use at least 8 characters.")
        case "too_long":
            return say("Use at most 128 characters.")
        case "common":
            return say("This password is known to many. Choose another one.")
        case "names_product":
            return say("Leave our name out of the password.")
        case "own_address":
            return say("Your address is no password: whoever guesses tries it first. Choose another one.")


async def _again(steps: Steps, visit: AccountVisit) -> Response:
    request = request_of(visit, steps)
    if request is None:
        return see_other(visit.link(steps.ask))
    async with visit.connection() as connection:
        answer = await resend_code(connection, visit.reception.send, request, visit.at)
    match answer:
        case CodeSent():
            return see_other(visit.link(steps.enter, again="1"))
        case Wait():
            return await enter_page(visit, steps, wait=answer)
        case CodeDead():
            return dead(visit, steps)
