#!/usr/bin/env python3
"""An example client of the API: lists the cards of a token, binds a payment method, and switches auto-renewal on.

    export BAOHAO_TOKEN=…   # from: baohao token create --name example --holder h-1 --scope cards:read …
    api_client.py http://localhost:8080
    api_client.py http://localhost:8080 --bind CARD
    api_client.py http://localhost:8080 --switch-on CARD --months 12

Needs nothing beyond Python's own library.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

TRIES = 5
ASKED_EVERY_S = 3
AGAIN = (429, 503)
"""Statuses that say: wait, and send the same again."""


class ProblemError(Exception):
    """The API's answer to what it does not do; `code` is stable."""

    def __init__(self, problem: dict[str, Any]) -> None:
        where = "".join(f"\n  {one['field']}: {one['message']}" for one in problem.get("fields", ()))
        super().__init__(f"{problem['code']}: {problem['detail']}{where}")
        self.code = problem["code"]


class Api:
    """The API at one address, with one token."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token = address.rstrip("/") + "/api/v1", token

    def get(self, path: str, **query: object) -> Any:
        """What is there."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._send("GET", f"{path}?{urlencode(given)}")

    def write(self, method: str, path: str, body: object = None) -> Any:
        """Change something; each try has the same key, so that it is done once."""
        return self._send(method, path, body, str(uuid4()))

    def pages(self, path: str, what: str) -> Iterator[Any]:
        """All things of a list."""
        page: dict[str, Any] = {"next": None}
        while True:
            page = self.get(path, cursor=page["next"], limit=100)
            yield from page[what]
            if page["next"] is None:
                return

    def _send(self, method: str, path: str, body: object = None, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        content = None if body is None else json.dumps(body).encode()
        for left in reversed(range(TRIES)):
            try:
                with urlopen(Request(self._address + path, content, headers, method=method), timeout=30) as answer:
                    return json.load(answer)
            except HTTPError as error:
                if error.code not in AGAIN or not left:
                    raise ProblemError(json.load(error)) from None
                time.sleep(int(error.headers.get("Retry-After", "1")))
            except OSError:  # it may have been done, or not: the key makes sending it again safe
                if not left:
                    raise
                time.sleep(1)
        raise AssertionError


def money(amount: dict[str, Any]) -> str:
    """In minor units, as programs have it."""
    return f"{amount['amount_minor']} {amount['currency']}"


def list_cards(api: Api) -> None:
    """A line for each card."""
    for card in api.pages("/cards", "cards"):
        on = f"every {card['auto_renewal_months']} months" if card["auto_renewal_months"] else "off"
        print(card["card_id"], card["standing"], f"paid to {card['term']['ends_on']}, renewal {on}")


def bind(api: Api, card_id: str) -> None:
    """Send the holder to the provider's page, and wait for what comes of it."""
    path = f"/cards/{quote(card_id, safe='')}/bindings"
    begun = api.write("POST", path, {})
    print(f"Open {begun['url']}", flush=True)
    while begun["state"] == "waiting":
        time.sleep(ASKED_EVERY_S)
        begun = api.get(f"{path}/{begun['binding_id']}")
    print(begun["state"])


def switch_on(api: Api, card_id: str, months: int) -> None:
    """Show the price, ask, and agree to what was shown."""
    path = f"/cards/{quote(card_id, safe='')}"
    found = api.get(f"{path}/quotes")
    chosen = next((one for one in found["quotes"] if one["months"] == months), None)
    if chosen is None:
        raise SystemExit(f"there is no price for {months} months")
    print(f"{money(chosen['price'])} every {months} months, {money(chosen['saving'])} less than monthly.")
    if input("Switch auto-renewal on? [y/N] ").lower() != "y":
        return
    del chosen["saving"]
    api.write("PUT", f"{path}/auto-renewal", {**chosen, "terms_version": found["terms_version"]})
    payment = api.get(path)["next_payment"]
    print(f"On. Next payment: {money(payment['total'])} at {payment['at']}." if payment else "On.")


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description="Lists cards, or binds a payment method to one, or switches its auto-renewal on."
    )
    options.add_argument("address")
    options.add_argument("--bind", metavar="CARD")
    options.add_argument("--switch-on", metavar="CARD")
    options.add_argument("--months", type=int, default=12)
    given = options.parse_args()
    client = Api(given.address, os.environ["BAOHAO_TOKEN"])
    try:
        if given.bind:
            bind(client, given.bind)
        elif given.switch_on:
            switch_on(client, given.switch_on, given.months)
        else:
            list_cards(client)
    except ProblemError as error:
        sys.exit(str(error))
