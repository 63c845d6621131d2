"""Operators of the console: their addresses, and their browsers."""

from adapters.web.console.visit import SESSION
from tests.adapters.web.pages.client import Client

EMAILS = {"read": "read@example.com", "support": "support@example.com", "operator": "operator@example.com"}


class OperatorClient(Client):
    """A browser at the console's host."""

    def __init__(self, site, token=None, host=None):
        super().__init__(site.address)
        self.host = site.origin.removeprefix("http://") if host is None else host
        if token:
            self.cookies[SESSION] = token

    def _send(self, method, path, body, headers):
        return super()._send(method, path, body, {"Host": self.host, **headers})

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
        return self.post(path, {**sent, "step": "do"})
