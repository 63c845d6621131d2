"""What an endpoint works on: the record, the time, the settings, and the events that changes leave behind."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec import Struct, json

from adapters.gateways.sandbox.record import Entry, Record
from adapters.gateways.sandbox.refusals import missing

API_VERSION = "2026-05-27.dahlia"
"""The only version of Stripe's API that the sandbox speaks."""


_EVENT = (
    b'{"id":"%%s","object":"event","api_version":"%s","data":{"object":%%s%%s},"livemode":false,"pending_webhooks":%%d,'
    b'"request":%%s,"type":"%%s","created":%%d}' % API_VERSION.encode()
)
"""Most of what is written are events, so they are put together from what is encoded already."""


class Setting(Struct, frozen=True):
    """What can be chosen at the start."""

    seed: int = 0
    processing_s: int = 3600
    """How long a charge stays processing, and a refund pending, by the sandbox's clock."""
    dispute_days: int = 7
    """How long evidence against a dispute may be given."""


class Page(NamedTuple):
    """A page of a list."""

    url: str
    entries: list[Entry]
    has_more: bool


class World:
    """The record and what belongs to it, for the time of one batch; `now` is the sandbox's clock in seconds."""

    def __init__(self, record: Record, setting: Setting, address: str = "") -> None:
        self.record = record
        self.setting = setting
        self.address = address
        self.now_s = 0.0
        self.endpoints: int = 0
        self.real_now_s = 0.0
        self.request_id = ""
        self.key: str | None = None
        self.next_due_s = 0.0
        self.next_delivery_s = 0.0

    @property
    def now(self) -> int:
        """The sandbox's time in whole seconds, as the API shows it."""
        return int(self.now_s)

    def find(self, what: str, object_id: str, param: str = "id") -> Entry:
        """An object of a kind; raises RefusedError."""
        entry = self.record.get(object_id)
        if entry is None or entry.object != what or "deleted" in entry.body:
            raise missing(what.replace(".", " "), object_id, param)
        return entry

    def emit(self, kind: str, entry: Entry, previous: dict[str, Any] | None = None) -> None:
        """An event about an object as it is now; `previous` is what changed, as it was before."""
        shown = self.record.shown(entry)  # encoded once, whoever shows it
        changed = b',"previous_attributes":' + json.encode(previous) if previous else b""
        event_id = self.record.new_id("evt")
        request = json.encode({"id": self.request_id or None, "idempotency_key": self.key})
        body = _EVENT % (event_id.encode(), shown, changed, self.endpoints, request, kind.encode(), self.now)
        self.record.add_encoded(event_id, "event", self.now, body, b'{"type":"%s"}' % kind.encode())
        if self.endpoints:
            self.next_delivery_s = 0.0
        for endpoint in range(self.endpoints):
            self.record.do(
                "INSERT INTO deliveries (event_id, endpoint, tries, next_at) VALUES (?, ?, 0, ?)",
                event_id,
                endpoint,
                self.real_now_s,
            )

    def due(self, after_s: float, what: str, object_id: str) -> None:
        """Let something happen to an object later, by the sandbox's clock."""
        self.due_at(self.now_s + after_s, what, object_id)

    def due_at(self, at_s: float, what: str, object_id: str) -> None:
        """Let something happen to an object at a time of the sandbox's clock."""
        self.record.do("INSERT INTO due (at, what, object_id) VALUES (?, ?, ?)", at_s, what, object_id)
        self.next_due_s = min(self.next_due_s, at_s)


def transaction_id(source: Entry) -> str:
    """The id of the balance transaction of a charge or a refund."""
    return f"txn_{source.id.partition('_')[2]}"


def without(table: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A copy without some names."""
    return {name: value for name, value in table.items() if name not in names}
