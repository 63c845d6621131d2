"""The database restarts while the gateway answers: the answers are kept until it is back."""

import asyncio
from contextlib import ExitStack, closing

import psycopg
import pytest
from psycopg_pool import ConnectionPool
from structlog.testing import capture_logs

from adapters import embedded
from adapters.live_connection import over_a_live_connection
from adapters.roles.consumer import Consumer
from adapters.schema import migrate
from tests.adapters.cards import FAR, RENEWED, card_id_of, cards_of
from tests.adapters.roles.conftest import BUDGET
from tests.adapters.roles.test_consumer import WaitingGateway


class OwnDatabase:
    """A PostgreSQL server of the test's own that can be stopped and started."""

    def __init__(self, home):
        self.home, self.running = home, ExitStack()

    def start(self):
        return self.running.enter_context(embedded.postgres(self.home))


@pytest.fixture
def database(tmp_path):
    own = OwnDatabase(tmp_path)
    with own.running:
        yield own


@pytest.fixture
def database_url(database):
    url = database.start()
    migrate(embedded.owner_url(url), url)
    return url


def test_answers_of_the_gateway_are_kept_while_the_database_restarts(
    database, database_url, queue, gateway, run, eventually
):
    with psycopg.connect(database_url, autocommit=True) as connection:
        cards, events = cards_of(connection, database_url, BUDGET)
        cards.register(1, 2)
    cards.now = FAR
    waiting = WaitingGateway(gateway)
    with closing(events), ConnectionPool(database_url, timeout=1) as pool, capture_logs() as logs:

        def read_rules():
            over_a_live_connection(pool, lambda connection: connection.execute("SELECT 1"))
            return cards.rules()

        consumer = Consumer(cards.engine, waiting, read_rules, cards.park, batches_in_flight=1)
        queue.add(card_id_of(1), card_id_of(2))
        run(consumer.take(queue.messages(2)))
        eventually(lambda: run(asyncio.sleep(0.01)) or waiting.asked == 2)
        database.running.close()
        waiting.may_answer.set()
        eventually(lambda: run(asyncio.sleep(0.01)) or "consumer.answers_wait" in {line["event"] for line in logs})
        database.start()
        run(consumer.drain())
        assert "consumer.batch_failed" not in {line["event"] for line in logs}
    with psycopg.connect(database_url, autocommit=True) as connection:
        cards.connection = connection
        assert all(cards.names(card_id_of(number))[3:] == RENEWED for number in (1, 2))
