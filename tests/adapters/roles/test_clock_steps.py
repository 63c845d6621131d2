"""Clocks step while the roles run on real servers: they stand still, say so, and work on; nobody is charged twice."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.broker.due import DUE_STREAM, DUE_SUBJECT, CardDue
from adapters.cli import charging, moving_clock
from adapters.clock_check import ClockWrongError
from adapters.control import read_control
from adapters.gateways.simulated import double_charges, totals
from adapters.roles import consumer, lead, projector, scheduler
from adapters.settings import Settings, load_settings
from engine.actor import actor
from engine.commands import Issued
from engine.errors import Refused
from tests.adapters.cards import PRICE, RENEWED, Cards, card_id_of, commands_for
from tests.adapters.conftest import remove_streams
from tests.adapters.roles.conftest import BUDGET
from tests.adapters.shifted_clocks import Clocks, GatewayWithClock
from tests.journey.patience import until as patiently

ROLES = {"scheduler", "projector", "consumer"}
HOUR = timedelta(hours=1)
DAYS_AHEAD = timedelta(days=12)
LATER = timedelta(minutes=10)
"""Longer than the wait after an attempt's first unclear answer."""
WHY = "the time server was wrong"


@dataclass
class System:
    """Scheduler, projector and consumer on a system clock that can be shifted, with their cards."""

    cards: Cards
    clocks: Clocks
    settings: Settings

    @asynccontextmanager
    async def running(self):
        """The roles run in this process; yields what they log."""
        stop = asyncio.Event()
        servers = self.settings.database_url, self.settings.nats_url
        with capture_logs() as lines:
            tasks = [
                asyncio.create_task(role.main(self.settings, *servers, stop))
                for role in (scheduler, projector, consumer)
            ]
            try:
                yield lines
            finally:
                stop.set()
                await asyncio.gather(*tasks)

    def register(self, number, token):
        """A card that is due, registered at the time that the clocks show."""
        registration, *others = commands_for(number, token)
        ends_on = self.clocks.now().date() + timedelta(days=1)
        ends_on += timedelta(days=(ends_on.month, ends_on.day) == (2, 29))  # of which there is none a year before
        registration = registration.model_copy(
            update={"starts_on": ends_on.replace(year=ends_on.year - 1), "months": 12}
        )
        issued = [Issued(command, actor("operator", "tests")) for command in (registration, *others)]
        answers = self.cards.engine.execute(issued, self.cards.policy_and_catalogue, self.clocks.now())
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        return card_id_of(number)

    def requests(self, card_id):
        """How often the gateway was sent a charge for the card whose key it did not know."""
        with closing(sqlite3.connect(self.settings.gateway_record)) as db:
            query = "SELECT count(*) FROM requests WHERE json_extract(parameters, '$.card_id') = ?"
            return db.execute(query, (str(card_id),)).fetchone()[0]


@pytest.fixture
def settings(database_url, nats_url, tmp_path):
    return load_settings(
        home=tmp_path,
        database_url=database_url,
        nats_url=nats_url,
        clock="system",
        gateway_budget_s=BUDGET.total_seconds(),
        ack_wait_s=3,
        fetch_ms=20,
        poll_ms=100,
    )


@pytest.fixture
def system(monkeypatch, run, client, cards, settings):
    clocks = Clocks(monkeypatch, settings.database_url)

    @asynccontextmanager
    async def opened_gateway(*_):
        with closing(GatewayWithClock(settings.gateway_record, 1, BUDGET)) as gateway:
            gateway.clocks = clocks
            yield gateway

    monkeypatch.setattr(consumer, "opened_gateway", opened_gateway)
    monkeypatch.setattr(lead, "_faulty_since", {})
    monkeypatch.setattr(lead, "_clock_wrong_said", {})
    yield System(cards, clocks, settings)
    clocks.close()
    run(remove_streams(client))  # whose settings are not those of other tests


async def until(holds):
    await asyncio.to_thread(patiently, holds)


def said(lines, event):
    """Which roles have said something, each as often as it did."""
    return sorted(line["role"] for line in lines if line["event"] == event)


async def due_messages(client):
    return (await client.jetstream().stream_info(DUE_STREAM)).state.messages


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_while_a_clock_is_wrong_nothing_is_done_and_once_it_is_right_everything(run, client, system, step):
    card_id = system.register(1, "sim:good:1")

    async def steps():
        system.clocks.process = step
        async with system.running() as lines:
            await until(lambda: set(said(lines, "clock.wrong")) == ROLES)
            body = CardDue(card_id=card_id).model_dump_json().encode()
            await client.jetstream().publish(DUE_SUBJECT, body)  # as if another machine's scheduler had sent it
            await asyncio.sleep(3 * lead.RETRY.total_seconds())
            assert await due_messages(client) == 1
            assert said(lines, "clock.wrong") == sorted(ROLES)
            assert len(system.cards.names(card_id)) == 3
            assert system.requests(card_id) == 0
            system.clocks.process = timedelta(0)
            await until(lambda: system.cards.names(card_id)[-4:] == RENEWED)
            await until(lambda: set(said(lines, "role.recovered")) == ROLES)

    run(steps())
    assert totals(system.settings.gateway_record) == {"EUR": PRICE}


@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed", "waited"])
def test_what_a_clock_that_was_ahead_has_sent_is_never_sent_again(run, system, confirmed):
    cards, clocks = system.cards, system.clocks

    async def steps():
        clocks.show(DAYS_AHEAD)
        card_id = system.register(1, "sim:timeout_charged:1")
        async with system.running() as lines:
            await until(lambda: cards.names(card_id)[-1] == "charge_outcome_unknown")
            clocks.show(timedelta(0))
            await until(lambda: set(said(lines, "clock.wrong")) == ROLES)
            with pytest.raises(ClockWrongError, match="clock confirm"):
                charging.stop(system.settings, "tests", as_json=True)
            if confirmed:
                await asyncio.to_thread(moving_clock.confirm, system.settings, WHY, as_json=True)
                await until(lambda: set(said(lines, "role.recovered")) == ROLES)
                other = system.register(2, "sim:good:2")
                await until(lambda: cards.names(other)[-4:] == RENEWED)
            assert cards.names(card_id)[-1] == "charge_outcome_unknown"
            clocks.show(DAYS_AHEAD + LATER, gateway=True)  # that day has really come
            facts = len(cards.names(card_id))
            await until(lambda: len(cards.names(card_id)) > facts)
            assert system.requests(card_id) == 1
            assert cards.names(card_id)[-2:] == RENEWED[-2:]
            [succeeded] = [one.fact for one in cards.log() if one.card_id == card_id][-2:-1]
            assert succeeded.learned == "looked_up"

    run(steps())
    assert double_charges(system.settings.gateway_record) == 0
    assert totals(system.settings.gateway_record) == {"EUR": (2 if confirmed else 1) * PRICE}
    control = read_control(cards.connection, virtual_clock=True)
    assert (control.clock_confirmed_until is not None) == confirmed


def test_there_is_nothing_to_confirm_while_no_fact_is_of_the_future(system):
    system.register(1, "sim:good:1")
    with pytest.raises(Refused, match="nothing to confirm"):
        moving_clock.confirm(system.settings, WHY, as_json=True)


def test_a_machine_whose_own_clock_is_wrong_confirms_nothing(system):
    system.clocks.process = HOUR
    with pytest.raises(ClockWrongError, match="ahead of the database's"):
        moving_clock.confirm(system.settings, WHY, as_json=True)


def test_a_virtual_clock_needs_no_confirmation(system):
    with pytest.raises(moving_clock.ClockError, match="virtual"):
        moving_clock.confirm(system.settings.model_copy(update={"clock": "virtual"}), WHY, as_json=True)
