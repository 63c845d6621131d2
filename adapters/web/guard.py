"""What stands before every page and address: headers that bind the browser, and who may change anything from where."""

from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ONE_YEAR_S = 31_536_000


def headers(form_targets: Iterable[str], *, secure: bool, scripted: bool) -> dict[str, str]:
    """The headers of every answer; forms may lead to us and to `form_targets`, the provider's pages.

    Only where it is `scripted` a page has the script, which asks us alone.

    Source of each: OWASP ASVS 5.0, sections 3.4.1 to 3.4.8.
    """
    targets = " ".join(("'self'", *form_targets))
    script = "'self'" if scripted else "'none'"
    policy = (
        f"default-src 'none'; script-src {script}; style-src 'self'; img-src 'self'; connect-src {script}; "
        f"form-action {targets}; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
    found = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return found | ({"Strict-Transport-Security": f"max-age={_ONE_YEAR_S}; includeSubDomains"} if secure else {})


class Guard:
    """Adds the headers, and refuses with 403 what another site sends in a visitor's name.

    Browsers say where a request comes from (Sec-Fetch-Site, or Origin); one that says neither changes nothing.
    `refusal` is the page that says so. Addresses under `exempt` are for machines, which prove who they are in another
    way than by a cookie.
    """

    def __init__(
        self,
        app: ASGIApp,
        origin: str,
        form_targets: tuple[str, ...],
        exempt: tuple[str, ...],
        scripted: frozenset[str],
        refusal: Callable[[Request], Response],
    ) -> None:
        self._app, self._origin, self._exempt, self._scripted = app, origin, exempt, scripted
        self._refusal = refusal
        secure = origin.startswith("https://")
        self._headers = {
            scripted: [
                (name.lower().encode(), value.encode())
                for name, value in headers(form_targets, secure=secure, scripted=scripted).items()
            ]
            for scripted in (False, True)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message["headers"])
                there = {name for name, _ in given}
                ours = self._headers[scope["path"] in self._scripted]
                message["headers"] = given + [header for header in ours if header[0] not in there]
            await send(message)

        if scope["method"] in SAFE or scope["path"].startswith(self._exempt) or self._is_ours(Headers(scope=scope)):
            await self._app(scope, receive, send_with_headers)
            return
        await self._refusal(Request(scope))(scope, receive, send_with_headers)

    def _is_ours(self, found: Headers) -> bool:
        site = found.get("sec-fetch-site")
        return site == "same-origin" if site is not None else found.get("origin") == self._origin
