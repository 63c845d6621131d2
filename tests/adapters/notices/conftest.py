"""A migrated database with cards, a mailbox and a receiver of SMS."""

import psycopg
import pytest

from engine.actor import actor
from engine.application import Engine
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store
from tests.adapters.notices.post import Post
from tests.adapters.notices.receivers import Mailbox, SmsReceiver
from tests.engine.databases import application_url


@pytest.fixture
def mailbox():
    box = Mailbox()
    yield box
    box.close()


@pytest.fixture
def receiver():
    taking = SmsReceiver()
    yield taking
    taking.close()


@pytest.fixture
def post(run, migrated_url, mailbox, receiver):
    """As the application's role."""
    url = application_url(migrated_url)
    pool = datastore(url, pool_size=2)
    engine = Engine(Store(CardRecorder(pool)), actor("system", "tests"))
    with psycopg.connect(url, autocommit=True) as connection:
        yield Post(run, url, connection, engine, mailbox, receiver)
    pool.close()


@pytest.fixture
def card_id(post):
    """A card whose holder has an account."""
    post.account()
    return post.card()
