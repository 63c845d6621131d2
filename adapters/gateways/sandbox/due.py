"""What happens by itself when its time has come: pending payments and refunds end, disputes are opened."""

from collections.abc import Callable

from adapters.gateways.sandbox import checkout, disputes, paying, refunds, sessions
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.world import World


def _finish_payment(world: World, intent: Entry) -> None:
    if intent.body["status"] == "processing":
        paying.finish_processing(world, intent)
        checkout.processed(world, intent)


_DOES: dict[str, Callable[[World, Entry], object]] = {
    "payment_intent": _finish_payment,
    "refund": refunds.finish,
    "session": sessions.run_out,
    "dispute": disputes.run_out,
    "open dispute": disputes.open_dispute,
    "open inquiry": disputes.open_inquiry,
    "open two_disputes": disputes.open_two,
}
_AT_ONCE_MAX = 1000
_LOOK_AGAIN_S = 3600
"""How often it is looked at the latest, since the answers that are too old are pruned then too."""


def do_due(world: World) -> None:
    """Do all that is due by the sandbox's clock, and note when the next is."""
    while found := world.record.rows(
        "SELECT id, what, object_id FROM due WHERE at <= ? ORDER BY at, id LIMIT ?", world.now_s, _AT_ONCE_MAX
    ):
        for number, what, object_id in found:
            entry = world.record.get(object_id)
            if entry and what in _DOES:
                _DOES[what](world, entry)
            world.record.do("DELETE FROM due WHERE id = ?", number)
            world.record.keep()
    ((earliest,),) = world.record.rows("SELECT MIN(at) FROM due")
    again_s = world.now_s + _LOOK_AGAIN_S
    world.next_due_s = again_s if earliest is None else min(earliest, again_s)


def do_now(world: World, entry: Entry) -> bool:
    """Let happen to an object what would happen to it later; whether there was anything."""
    rows = world.record.rows("SELECT id, what FROM due WHERE object_id = ? ORDER BY at, id", entry.id)
    for number, what in rows:
        _DOES[what](world, entry)
        world.record.do("DELETE FROM due WHERE id = ?", number)
    return bool(rows)
