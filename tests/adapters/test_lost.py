"""What tells that a log was restored, and since when it may lack charges."""

import asyncio
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.gateways.simulated import SimulatedGateway
from adapters.lost import Watch, complete_until
from engine.card.on_page import PageWallet
from engine.commands import SwitchOffAutoRenew, TopUp
from engine.errors import LogReplacedError
from engine.money import Money
from engine.ports import ChargeRequest, Unclear
from engine.store.recorder import CardRecorder, datastore
from tests.adapters.cards import BEGIN, FAR, PRICE, card_id_of
from tests.engine.writes import ALL_STORED, append, write

CHARGED = ChargeRequest(
    attempt_id=UUID(int=5),
    card_id=card_id_of(2),
    purpose="renewal:1",
    token="sim:good:2",
    amount=Money(minor=PRICE, currency="EUR"),
    attempted_at=FAR,
)


ALIPAY = PageWallet("alipay", "cus_1/alipay")


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


def test_a_database_that_may_be_another_one_is_compared_before_anything_is_appended_to_it(
    database_url, connection, cards, gateway
):
    """Attempts in a restored log would be its newest ones, and the search for lost charges begins there."""
    adopted = []
    watch = Watch(gateway, adopted.append)

    def behind() -> str | None:
        return asyncio.run(watch.log_is_behind(lambda use: use(connection)))

    cards.register(1)
    assert behind() is None
    asyncio.run(gateway.charge(CHARGED, FAR))
    connection.execute(
        "CREATE OR REPLACE FUNCTION card_events_incarnation() RETURNS text LANGUAGE sql AS $$ SELECT '2' $$"
    )
    assert f"the gateway charged card {card_id_of(2)}" in (behind() or "")
    with datastore(database_url, pool_size=1) as pool:
        recorder = CardRecorder(pool)
        (recorder.incarnation,) = adopted
        with pytest.raises(LogReplacedError, match="another database was put in the place"):
            append(recorder, write(UUID(int=3), 1))
        recorder.incarnation = "2"
        assert append(recorder, write(UUID(int=3), 1)) == ALL_STORED


def test_at_the_start_nothing_is_sent_before_the_gateway_says_what_it_charged(connection, cards, gateway):
    silent = Silent()

    def behind(watch: Watch) -> str | None:
        return asyncio.run(watch.log_is_behind(lambda use: use(connection)))

    watch = Watch(silent)
    assert "the gateway does not say what it has charged (timeout)" in (behind(watch) or "")
    silent.gateway = gateway
    assert behind(watch) is None
    silent.gateway = None
    assert behind(watch) is None  # who lists nothing charges nothing either


class Silent:
    """A gateway that does not list its charges until it is another one."""

    gateway = None

    async def list_charges(self, request, at):
        return Unclear(reason="timeout") if self.gateway is None else await self.gateway.list_charges(request, at)


def test_the_gap_begins_at_the_newest_charge_whatever_was_recorded_since(connection, cards):
    assert complete_until(connection) is None
    cards.register(1)
    assert complete_until(connection) == BEGIN  # nothing was charged yet: all since the first fact is looked up
    cards.now = FAR
    cards.engine.wake({card_id_of(1): "due"}, *cards.rules())
    charged_at = complete_until(connection)
    cards.give(SwitchOffAutoRenew(command_id="off", card_id=card_id_of(1), reason="holder"))
    assert complete_until(connection) == charged_at == FAR
    cards.register(2)
    pays = TopUp(command_id="page", card_id=card_id_of(2), amount=Money(minor=PRICE, currency="EUR"), on_page=ALIPAY)
    cards.give(pays)
    assert "charge_attempted" in cards.names(card_id_of(2))
    assert (
        complete_until(connection) == FAR
    )  # who records what a holder pays on a page did not look at the gateway first
