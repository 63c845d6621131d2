"""A canary: after a holder's data are erased, nothing by which the holder could be found is kept anywhere."""

import pytest
import structlog

from adapters.directory.account_events import note
from adapters.directory.addresses import Address
from adapters.directory.answers import Done
from adapters.directory.changing import begin_reset
from adapters.directory.leaving import erase
from adapters.directory.sessions import open_session
from adapters.directory.signing_in import sign_in
from adapters.directory.visit import Visit
from adapters.notices.outbox import put_message
from engine.commands import SwitchOffAutoRenew
from projections.follow import follow
from projections.live import LIVE
from tests.adapters.notices.post import DECLINED, EMAIL, HOLDER, NUMBER, PHONE
from tests.adapters.stored import publish_all, stored

DEVICE, IP = "canary browser of 1999", "203.0.113.7"
CANARIES = (EMAIL, "lin.canary", PHONE.removeprefix("+"), NUMBER.removeprefix("+"), DEVICE, "203.0.113")


@pytest.fixture(autouse=True)
def log_lines():
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def visit(post):
    return Visit(post.now, IP, DEVICE)


def found_in(connection) -> set[tuple[str, str]]:
    """Table and canary, of every table that there is; bytes are searched as text and as what they are in hex."""
    query = "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname <> ALL (%s)"
    tables = connection.execute(query, (["pg_catalog", "information_schema"],)).fetchall()
    assert len(tables) > 30
    found = set()
    for (table,) in tables:
        for canary in CANARIES:
            there = connection.execute(
                f"SELECT FROM {table} t WHERE position(%s IN t::text) > 0 OR position(%s IN t::text) > 0 LIMIT 1",
                (canary, canary.encode().hex()),
            )
            if there.rowcount:
                found.add((table, canary))
    return found


def test_nothing_is_left_in_any_table_message_or_log_line(post, card_id, visit, connection, client, log_lines):
    post.wake(card_id, DECLINED)
    post.tell()
    post.asks(open_session, HOLDER, visit)
    post.asks(sign_in, EMAIL, "a wrong password", visit)
    post.asks(begin_reset, put_message, Address("phone", PHONE), "en", visit)
    post.asks(note, HOLDER, "looked_around", visit)
    post.give(SwitchOffAutoRenew(command_id="off", card_id=card_id, reason="holder"))
    while follow(connection, LIVE, 1000).fact_count:
        pass
    post.tell()
    post.run(publish_all(connection, client))
    assert {canary for _, canary in found_in(connection)} >= {EMAIL, PHONE[1:], NUMBER[1:], DEVICE, "203.0.113"}

    facts = connection.execute("SELECT count(*) FROM card_events").fetchone()
    assert post.asks(erase, put_message, HOLDER, visit) == Done()
    post.send()
    assert found_in(connection) == set()
    assert connection.execute("SELECT count(*) FROM card_events").fetchone() == facts
    messages = [str((one.subject, one.headers, one.data)) for one in post.run(stored(client))]
    assert messages
    for text in (*messages, *map(str, log_lines)):
        assert not [canary for canary in CANARIES if canary in text]
