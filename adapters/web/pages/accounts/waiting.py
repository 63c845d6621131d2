"""Too many of something: how long to wait, for people and for programs."""

from markupsafe import Markup
from starlette.responses import Response

from adapters.directory.answers import Wait
from adapters.web.voice import Voice

_MINUTE_S, _HOUR_S = 60, 3600


def wait_sentence(wait: Wait, say: Voice) -> Markup:
    """When it may be tried again, rounded up."""
    seconds = wait.seconds
    if seconds <= 2 * _MINUTE_S:
        return say.many("Try again in %(count)s second.", "Try again in %(count)s seconds.", seconds)
    if seconds <= 2 * _HOUR_S:
        minutes = -(-seconds // _MINUTE_S)
        return say.many("Try again in %(count)s minute.", "Try again in %(count)s minutes.", minutes)
    return say.many("Try again in %(count)s hour.", "Try again in %(count)s hours.", -(-seconds // _HOUR_S))


def waiting(answer: Response, wait: Wait) -> Response:
    """The page as an answer to one who came too often (RFC 6585, section 4)."""
    answer.status_code = 429
    answer.headers["Retry-After"] = str(wait.seconds)
    return answer
