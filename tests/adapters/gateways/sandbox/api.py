"""The sandbox as a program without any library meets it: forms over HTTP, answers as JSON."""

import json
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

KEY = {"Authorization": "Bearer sk_test_of_tests"}


class Answer(NamedTuple):
    """Status, decoded JSON, headers with lower-case names, and the bytes."""

    status: int
    body: Any
    headers: dict[str, str]
    raw: bytes

    @property
    def error(self):
        return self.body["error"]


class Api:
    """One client of a sandbox."""

    def __init__(self, address, timeout_s=60):
        self.address = address
        self.timeout_s = timeout_s

    def send(self, method, path, text="", headers=None):
        """A request as it is; raises what the connection raises."""
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=self.timeout_s)
        try:
            connection.request(method, path, body=text, headers=headers or {})
            response = connection.getresponse()
            raw = response.read()
            found = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        body = json.loads(raw) if found.get("content-type") == "application/json" else None
        return Answer(response.status, body, found, raw)

    def post(self, path, form=None, *, key=None):
        """POST a form, nested as Stripe's libraries nest it."""
        headers = {**KEY, "Content-Type": "application/x-www-form-urlencoded"}
        if key:
            headers["Idempotency-Key"] = key
        return self.send("POST", f"/v1/{path}", urlencode(list(flat(form or {}))), headers)

    def get(self, path, query=None):
        return self.send("GET", f"/v1/{path}?{urlencode(list(flat(query or {})))}", headers=KEY)

    def made(self, path, form=None):
        """What a POST made, which must have succeeded."""
        answer = self.post(path, form)
        assert answer.status == 200, answer.body
        return answer.body

    def found(self, path, query=None):
        """What a GET found."""
        answer = self.get(path, query)
        assert answer.status == 200, answer.body
        return answer.body

    def control(self, path, body=None):
        """One of the sandbox's own endpoints."""
        method = "GET" if body is None else "POST"
        answer = self.send(method, f"/_sandbox/{path}", "" if body is None else json.dumps(body))
        assert answer.status == 200, answer.body
        return answer.body

    # What most tests need

    def customer(self):
        return self.made("customers")["id"]

    def method(self, token, customer=None):
        """A token attached to a customer; returns both ids."""
        customer = customer or self.customer()
        return self.made(f"payment_methods/{token}/attach", {"customer": customer})["id"], customer

    def charge(self, token, amount=1000, *, key=None, **more):
        """An off-session payment with a token that is attached first."""
        method, customer = self.method(token)
        return self.post("payment_intents", payment(method, customer, amount) | more, key=key)

    def page(self, path, form=None, language="en"):
        """One of the hosted pages, as a browser without script asks for it."""
        headers = {"Accept-Language": language}
        if form is None:
            return self.send("GET", path, headers=headers)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.send("POST", path, urlencode(form), headers)


def payment(method, customer, amount=1000, currency="usd"):
    """The form of an off-session payment."""
    return {
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "payment_method": method,
        "payment_method_types": ["card"],
        "confirm": "true",
        "off_session": "true",
        "error_on_requires_action": "true",
    }


def flat(form, within=""):
    """Nested hashes and lists as pairs: `a[b][0]`."""
    for name, value in form.items() if isinstance(form, dict) else enumerate(form):
        full = f"{within}[{name}]" if within else name
        if isinstance(value, dict | list):
            yield from flat(value, full)
        else:
            yield full, value
