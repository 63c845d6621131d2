"""A browser without a screen: it keeps no cookies but the one given, and follows nothing."""

import re
from dataclasses import dataclass
from html import unescape
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
        self.address, self.token, self.language = address, token, language

    def get(self, path, **headers):
        return self._send("GET", path, None, headers)

    def post(self, path, fields=None, **headers):
        given = {"Sec-Fetch-Site": "same-origin", **headers}
        return self._send("POST", path, urlencode(fields or {}).encode(), given)

    def _send(self, method, path, body, headers):
        cookie = {"Cookie": f"__Host-bh={self.token}"} if self.token else {}
        found = {name: value for name, value in headers.items() if value is not None}
        request = Request(
            self.address + path, body, {"Accept-Language": self.language, **cookie, **found}, method=method
        )
        try:
            with build_opener(_Stay).open(request, timeout=20) as answer:
                return Answer(answer.status, _lower(answer.headers), answer.read().decode())
        except HTTPError as error:
            return Answer(error.code, _lower(error.headers), error.read().decode())


def _lower(headers):
    return {name.lower(): value for name, value in headers.items()}
