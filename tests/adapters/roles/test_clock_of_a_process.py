"""The clock of a consumer's process steps while it runs: it charges nobody, says so, and goes on once it is right."""

import asyncio
import json
import os
import subprocess
from datetime import timedelta

import pytest

from adapters.broker.due import DUE_STREAM, DUE_SUBJECT, CardDue
from adapters.broker.streams import CHARGING
from adapters.clock import recorded_now
from adapters.gateways.simulated import totals
from adapters.settings import load_settings
from engine.actor import actor
from engine.commands import Issued
from tests.adapters.cards import PRICE, RENEWED, card_id_of, commands_for
from tests.adapters.roles.test_refused_broker import consumers
from tests.adapters.shifted_clocks import NOT_SHIFTED, ShiftedProcess
from tests.engine.databases import application_url
from tests.journey.patience import until

HOUR = timedelta(hours=1)
FLOW = {"GATEWAY_BUDGET_S": "1", "ACK_WAIT_S": "3", "FETCH_MS": "20", "POLL_MS": "100"}


class Consuming:
    """A consumer's process and what it has said."""

    def __init__(self, clock, log):
        self.clock, self._log = clock, log

    def said(self, event):
        """The lines of an event; the last line of all may not be written whole yet."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def consuming(client, cards, database_url, nats_url, tmp_path):
    del client, cards  # streams are removed, and the database is migrated
    servers = {"DATABASE_URL": application_url(database_url), "NATS_URL": nats_url}
    flow = {f"BAOHAO_{name}": value for name, value in FLOW.items()}
    env = os.environ | servers | flow | {"BAOHAO_HOME": str(tmp_path), "BAOHAO_CLOCK": "system"}
    clock, log = ShiftedProcess(tmp_path / "ahead"), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(clock.command("run", "consumer"), env=env, stderr=output)
    try:
        until(lambda: asyncio.run(consumers(nats_url)))
        yield Consuming(clock, log)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def registered(cards):
    """A card that is due by the real time."""
    registration, *others = commands_for(1, "sim:good:1")
    ends_on = recorded_now().date() + timedelta(days=1)
    ends_on += timedelta(days=(ends_on.month, ends_on.day) == (2, 29))  # of which there is none a year before
    registration = registration.model_copy(update={"starts_on": ends_on.replace(year=ends_on.year - 1), "months": 12})
    issued = [Issued(command, actor("operator", "tests")) for command in (registration, *others)]
    answers = cards.engine.execute(issued, cards.policy_and_catalogue, recorded_now())
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    return card_id_of(1)


@pytest.mark.parametrize(
    "step", [pytest.param(-HOUR, id="back"), pytest.param(HOUR, id="ahead", marks=pytest.mark.slow)]
)
def test_a_process_whose_clock_steps_charges_nobody_until_it_is_right(run, client, cards, consuming, tmp_path, step):
    card_id = registered(cards)
    jetstream = client.jetstream()

    def deliveries():
        return run(jetstream.consumer_info(DUE_STREAM, CHARGING)).delivered.consumer_seq

    consuming.clock.show(step)
    until(lambda: consuming.said("clock.wrong"))
    [line] = consuming.said("clock.wrong")
    assert ("behind" if step < NOT_SHIFTED else "ahead of") + " the database's" in line["error"]
    run(jetstream.publish(DUE_SUBJECT, CardDue(card_id=card_id).model_dump_json().encode()))
    until(lambda: deliveries() > 1)  # given back, and taken again
    assert len(cards.names(card_id)) == 3
    assert totals(load_settings(home=tmp_path).gateway_record) == {}
    consuming.clock.show(NOT_SHIFTED)
    until(lambda: cards.names(card_id)[3:] == RENEWED)
    assert consuming.said("role.recovered")
    assert totals(load_settings(home=tmp_path).gateway_record) == {"EUR": PRICE}
