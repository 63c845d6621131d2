"""A browser without a screen: it keeps cookies, and follows nothing."""

import re
from dataclasses import dataclass
from html import unescape
from http.cookies import SimpleCookie
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    html: str
    cookies: tuple[str, ...] = ()
    """The lines that set some."""

    @property
    def to(self):
        """Where a redirect leads."""
        return self.headers.get("location", "")

    @property
    def text(self):
        """What a person reads: no tags, single spaces."""
        body = re.sub(r"<head>.*?</head>|<svg.*?</svg>", " ", self.html, flags=re.DOTALL)
        body = re.sub(r"<(?!/?(?:a|b|strong|span|time|button)\b)[^>]+>", " ", body)  # blocks stand apart
        return " ".join(unescape(re.sub(r"<[^>]+>", "", body)).replace("\N{NO-BREAK SPACE}", " ").split())

    def field(self, name):
        """The value of a hidden field."""
        return re.search(rf'name="{name}" value="([^"]*)"', self.html)[1]


class Client:
    """Somebody's browser at the pages of one web role."""

    def __init__(self, address, token=None, language="en"):
        self.address, self.language = address, language
        self.cookies = {"__Host-bh": token} if token else {}

    @property
    def token(self):
        """The cookie of the session."""
        return self.cookies.get("__Host-bh")

    @token.setter
    def token(self, token):
        self.cookies["__Host-bh"] = token

    def get(self, path, **headers):
        return self._send("GET", path, None, headers)

    def post(self, path, fields=None, **headers):
        given = {"Sec-Fetch-Site": "same-origin", **headers}
        return self._send("POST", path, urlencode(fields or {}).encode(), given)

    def _send(self, method, path, body, headers):
        cookie = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        found = {name: value for name, value in headers.items() if value is not None}
        request = Request(
            self.address + path, body, {"Accept-Language": self.language, **cookie, **found}, method=method
        )
        try:
            with build_opener(_Stay).open(request, timeout=60) as answer:
                return self._kept(answer.status, answer)
        except HTTPError as error:
            return self._kept(error.code, error)

    def _kept(self, status, answer):
        lines = tuple(answer.headers.get_all("Set-Cookie", ()))
        for name, cookie in SimpleCookie("\r\n".join(lines)).items():
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return Answer(status, _lower(answer.headers), answer.read().decode(errors="replace"), lines)


def _lower(headers):
    return {name.lower(): value for name, value in headers.items()}
