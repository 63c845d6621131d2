"""Balance transactions: what a charge or a refund did to the balance, without fees; made when they are asked for.

A transaction's id is that of its source with another prefix, so that nothing has to be stored of it.
"""

from typing import Any

from adapters.gateways.sandbox.lists import Listed, page_of
from adapters.gateways.sandbox.parameters import one_of, text
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import missing
from adapters.gateways.sandbox.showing import transaction_of
from adapters.gateways.sandbox.world import Page, World

_LISTED = Listed(
    "balance transaction",
    "/v1/balance_transactions",
    {
        "source": ("id = ?", text),
        "currency": ("json_extract(body, '$.currency') = ?", text),
        "type": ("object = ?", one_of("charge", "refund")),
        "payout": ("id IS ?", text),
    },
    where="object IN ('charge', 'refund') AND json_extract(body, '$.balance_transaction') IS NOT NULL",
)


def retrieve(world: World, transaction_id: str) -> Entry:
    """A transaction; raises RefusedError."""
    source = _source(world, transaction_id)
    if source is None:
        raise missing("balance transaction", transaction_id)
    return transaction_of(source)


def list_all(world: World, raw: dict[str, Any]) -> Page:
    """The transactions of charges and refunds, newest first."""
    found = page_of(world, raw, _LISTED, lambda transaction_id: _source(world, transaction_id))
    return found._replace(entries=[transaction_of(one) for one in found.entries])


def _source(world: World, transaction_id: str) -> Entry | None:
    suffix = transaction_id.partition("_")[2]
    found = (world.record.get(f"{prefix}_{suffix}") for prefix in ("ch", "py", "re"))
    return next((one for one in found if one and one.body["balance_transaction"] == transaction_id), None)
