"""What tells that a log was restored, and since when it may lack charges."""

import asyncio
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.gateways.simulated import SimulatedGateway
from adapters.lost import Watch, complete_until
from engine.commands import SwitchOffAutoRenew
from engine.money import Money
from engine.ports import ChargeRequest
from tests.adapters.cards import BEGIN, FAR, PRICE, card_id_of

CHARGED = ChargeRequest(
    attempt_id=UUID(int=5),
    card_id=card_id_of(2),
    purpose="renewal:1",
    token="sim:good:2",
    amount=Money(minor=PRICE, currency="EUR"),
    attempted_at=FAR,
)


@pytest.fixture
def gateway(tmp_path):
    with closing(SimulatedGateway(tmp_path / "record.sqlite3", 1, timedelta(seconds=1))) as simulated:
        yield simulated


def test_a_log_that_became_shorter_is_compared_with_the_gateway_at_once(connection, cards, gateway):
    watch = Watch(gateway)

    def behind() -> str | None:
        return asyncio.run(watch.log_is_behind(lambda use: use(connection)))

    cards.register(1)
    assert behind() is None
    cards.register(2)
    asyncio.run(gateway.charge(CHARGED, FAR))
    assert behind() is None  # it was compared within this minute, and has grown since
    connection.execute("ALTER TABLE card_events DISABLE TRIGGER ALL")
    connection.execute("DELETE FROM card_events WHERE notification_id = (SELECT max(notification_id) FROM card_events)")
    connection.execute("ALTER TABLE card_events ENABLE TRIGGER ALL")
    assert f"the gateway charged card {card_id_of(2)}" in (behind() or "")


def test_the_gap_begins_at_the_newest_charge_whatever_was_recorded_since(connection, cards):
    assert complete_until(connection) is None
    cards.register(1)
    assert complete_until(connection) == BEGIN
    cards.now = FAR
    cards.engine.wake({card_id_of(1): "due"}, *cards.rules())
    charged_at = complete_until(connection)
    cards.give(SwitchOffAutoRenew(command_id="off", card_id=card_id_of(1), reason="holder"))
    assert complete_until(connection) == charged_at == FAR
