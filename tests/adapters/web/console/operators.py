"""Operators of the console: their addresses, and their browsers."""

from uuid import uuid4

import psycopg

from adapters.clock import recorded_now
from adapters.directory.secret import hash_of
from adapters.web.console.accounts import add_operator
from adapters.web.console.proof import code_at
from adapters.web.console.visit import SESSION
from tests.adapters.web.pages.client import Client

TOTP_SECRET = "A" * 32
EMAILS = {"read": "read@example.com", "support": "support@example.com", "operator": "operator@example.com"}


async def signed_in(url):
    """An operator of each role with a session: role → its token. The set-up has tests of its own."""
    tokens, now = {}, recorded_now()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for name, email in EMAILS.items():
            invited = await add_operator(connection, email, name, now)
            await connection.execute(
                "UPDATE operators SET password_hash = 'x', totp_secret = %s WHERE operator_id = %s",
                (TOTP_SECRET, invited.operator_id),
            )
            tokens[name] = f"token-of-{name}"
            await connection.execute(
                "INSERT INTO operator_sessions VALUES (%s, %s, %s, %s, %s)",
                (uuid4(), hash_of(tokens[name]), invited.operator_id, now, now),
            )
    return tokens


class OperatorClient(Client):
    """A browser at the console's host."""

    def __init__(self, site, token=None, host=None):
        super().__init__(site.address)
        self.url = site.url
        self.host = site.origin.removeprefix("http://") if host is None else host
        if token:
            self.cookies[SESSION] = token

    def _send(self, method, path, body, headers):
        return super()._send(method, path, body, {"Host": self.host, **headers})

    @property
    def code(self):
        """What the authenticator app shows, as if none of its codes had been taken."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("UPDATE operators SET totp_step = 0")
        return code_at(TOTP_SECRET, recorded_now())

    def do(self, path, **fields):
        """Through both steps of an act: what would happen, then doing it."""
        form = self.get(path)
        assert form.status == 200, form.text
        attempt = {"attempt": path.split("attempt=")[1]} if "attempt=" in path else {}
        sent = {"command_id": form.field("command_id"), **attempt, **fields}
        path = path.partition("?")[0]
        shown = self.post(path, {**sent, "step": "ask"})
        if shown.status != 200:
            return shown
        return self.post(path, {**sent, "step": "do", "code": self.code})
