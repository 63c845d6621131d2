"""The two requests of every passkey: the browser asks what to have signed, and sends what was signed.

The token of the first stands in a cookie as long as its challenge lives, as that of a code does.
"""

from starlette.responses import Response

from adapters.directory.answers import PasskeyAsked, Wait
from adapters.directory.passkey_challenges import LIVES, PasskeyAnswer
from adapters.web.pages.accounts.visit import AccountVisit, with_cookie
from adapters.web.pages.accounts.waiting import waiting

COOKIE = "__Host-bh-passkey"


def asked(answer: PasskeyAsked) -> Response:
    """The options for the browser, which the one script of the pages reads."""
    options = Response(answer.options, headers={"Cache-Control": "no-store"}, media_type="application/json")
    return with_cookie(options, COOKIE, answer.request, LIVES)


def refused(answer: object) -> Response:
    """The script loads its page anew, which says why."""
    answered = Response(status_code=409, headers={"Cache-Control": "no-store"})
    return waiting(answered, answer) if isinstance(answer, Wait) else answered


def answer_of(visit: AccountVisit) -> PasskeyAnswer:
    """What was sent, for the request of this browser; "" where there is none."""
    request = visit.request.cookies.get(COOKIE, "")
    return PasskeyAnswer(request, visit.form.get("credential", ""), visit.reception.site)
