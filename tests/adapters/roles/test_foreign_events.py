"""The publisher passes over what strangers put on its stream, and stops where the log and the stream disagree."""

from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from adapters.broker.events import EVENTS_STREAM
from adapters.broker.sending import NotStoredError
from adapters.roles.publisher import publish, resume, start_epoch
from adapters.settings import load_settings
from engine.errors import StandstillError
from engine.store.log import head
from projections.follow import save_position
from tests.adapters.roles.test_parking import spoil
from tests.adapters.stored import CELL, LIMIT, public_messages, publish_all, stored, stored_ids

SUBJECT = f"baohao.v1.card.{UUID(int=3)}.card_renewed"


@pytest.fixture
def publisher(run, connection, client):
    return lambda: run(publish_all(connection, client))


@pytest.fixture
def stranger(run, client):
    """Puts a message on the events' subjects."""

    def put(headers=None, message_id=None, subject=SUBJECT):
        named = {} if message_id is None else {"Nats-Msg-Id": message_id}
        run(client.jetstream().publish(subject, b"{}", headers={**(headers or {}), **named} or None))

    return put


def said(run, client, name):
    """The values of an attribute in the order of the stream; None where a message has none."""
    return [(message.headers or {}).get(f"ce-{name}") for message in run(stored(client))]


@pytest.mark.parametrize(
    "message_id", ["abc", "99999999", "x" * 30_000, None], ids=["text", "position", "long", "none"]
)
def test_a_message_of_a_stranger_stops_and_silences_nothing(run, cards, client, publisher, stranger, message_id):
    cards.register(1)
    publisher()
    stranger(message_id=message_id)
    cards.register(2)
    with capture_logs() as lines:
        assert publisher() == 3
    [line] = [line for line in lines if line["event"] == "publisher.foreign_messages"]
    assert (line["count"], line["first"], line["last"]) == (1, 4, 4)
    assert [one for one in said(run, client, "id") if one] == cards.public_ids()
    assert publisher() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"type": "baohao.card_closed.v1"},
        {"subject": str(UUID(int=4))},
        {"position": "x"},
        {"position": "-1"},
        {"id": "1"},
        {"position": str(2**64)},
        {"epoch": "é"},
    ],
    ids=["other event", "other card", "no position", "negative position", "no id", "too large", "no epoch"],
)
def test_a_message_nearly_like_ours_is_a_stranger_s(cards, publisher, stranger, change):
    cards.register(1)
    publisher()
    ours = public_messages(cards)[-1].headers | {"ce-type": "baohao.card_renewed.v1", "ce-subject": str(UUID(int=3))}
    stranger(ours | {f"ce-{name}": value for name, value in change.items()})
    cards.register(2)
    assert publisher() == 3


def test_a_copy_of_an_older_message_sends_nothing_again(run, cards, client, publisher, stranger):
    cards.register(1, 2)
    publisher()
    oldest = public_messages(cards)[0]
    stranger(oldest.headers, "another id", oldest.subject)
    cards.register(3)
    assert publisher() == 3
    assert said(run, client, "id") == [*cards.public_ids()[:6], cards.public_ids()[0], *cards.public_ids()[6:]]


def test_a_stranger_in_the_middle_of_a_batch_costs_one_repeated_step(
    run, cards, connection, client, publisher, stranger
):
    cards.register(1)
    last = run(resume(connection, client, load_settings())).last_sequence
    stranger(message_id="first")
    with pytest.raises(NotStoredError, match="wrong last sequence: 1"):
        run(publish(connection, client, CELL.name, last, LIMIT))
    assert publisher() == 3
    assert run(stored_ids(client)) == ["first", *cards.public_ids()]


def test_the_stream_of_a_program_with_the_former_contract_is_told_anew(run, cards, connection, client, publisher):
    cards.register(1, 2)
    publisher()
    run(client.jetstream().delete_stream(EVENTS_STREAM))
    run(client.jetstream().add_stream(name=EVENTS_STREAM, subjects=["baohao.events.>"]))
    for _ in cards.public_ids():
        run(client.jetstream().publish("baohao.events.card_renewed.v1", b"{}"))
    cards.register(3)
    assert publisher() == 9
    assert run(stored_ids(client)) == cards.public_ids()


# A log that does not have what was published


@pytest.fixture
def restored(run, cards, connection, client, publisher):
    """The database as it was two cards ago, with the first card published and another one registered since."""
    cards.register(1)
    publisher()
    dump = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("published", "followers")}
    before = head(connection)
    cards.register(2, 3)
    publisher()
    connection.execute("ALTER TABLE card_events DISABLE TRIGGER USER")
    connection.execute("DELETE FROM card_events WHERE notification_id > %s", (before,))
    connection.execute("ALTER TABLE card_events ENABLE TRIGGER USER")
    connection.execute("SELECT setval(pg_get_serial_sequence('card_events', 'notification_id'), %s)", (before,))
    connection.execute("DELETE FROM card_events_commands WHERE command_id LIKE '%-2' OR command_id LIKE '%-3'")
    connection.execute("UPDATE published SET last_sequence = %s", (dump["published"][0][2],))
    save_position(connection, "publisher", {row[0]: row[1] for row in dump["followers"]}["publisher"])
    return before


def test_a_restored_log_stops_the_publisher_until_a_new_epoch(run, cards, connection, client, publisher, restored):
    cards.register(4)
    for _ in range(2):
        with pytest.raises(
            StandstillError, match=r"position \d+, which the log does not have.*baohao events new-epoch"
        ):
            publisher()
    assert len(run(stored(client))) == 9
    started = run(start_epoch(connection, client, load_settings()))
    assert (started.epoch, started.position) == (2, restored)
    assert publisher() == 3
    assert publisher() == 0
    marker = run(stored(client))[9]
    assert (marker.subject, marker.data) == ("baohao.v1.stream.epoch_started", b'{"position":%d}' % restored)
    assert said(run, client, "type")[9] == "baohao.epoch_started.v1"
    assert said(run, client, "id")[10:] == cards.public_ids()[3:]
    assert said(run, client, "epoch") == ["1"] * 9 + ["2"] * 4
    assert run(stored(client))[-1].headers["Nats-Msg-Id"] == f"{cards.public_ids()[-1]}.2"


def test_after_a_new_epoch_a_message_of_the_lost_facts_that_comes_again_stops_nobody(
    run, cards, connection, client, publisher, restored
):
    cards.register(4)
    lost = run(stored(client))[-1]  # of a fact that the restored log does not have
    run(start_epoch(connection, client, load_settings()))
    publisher()
    said_of_it = {name: value for name, value in lost.headers.items() if name.startswith("ce-")}
    run(client.jetstream().publish(lost.subject, lost.data, headers=said_of_it))
    cards.register(5)
    assert publisher() == 3


def test_a_restored_log_without_new_facts_stops_the_publisher_too(publisher, restored):
    with pytest.raises(StandstillError):
        publisher()


def test_a_strange_last_message_hides_no_restored_log(publisher, stranger, restored):
    stranger(message_id="abc")
    with pytest.raises(StandstillError):
        publisher()


def test_a_new_database_beside_an_old_stream_stops_the_publisher_until_a_new_epoch(
    run, cards, connection, client, publisher, stranger
):
    old = {"id": str(uuid4()), "epoch": "7", "position": "5", "type": "baohao.card_renewed.v1"}
    run(resume(connection, client, load_settings()))
    stranger({f"ce-{name}": value for name, value in (old | {"subject": str(UUID(int=3))}).items()})
    connection.execute("DELETE FROM published")
    cards.register(1)
    with pytest.raises(StandstillError):
        publisher()
    assert run(start_epoch(connection, client, load_settings())).epoch == 8
    assert publisher() == 3


class BreaksBeforeCommit(psycopg.Connection):
    """A database connection that is lost after sending and before the commit."""

    def commit(self):
        self.close()
        super().commit()


@pytest.mark.usefixtures("restored")
def test_a_new_epoch_that_was_killed_before_its_commit_is_begun_again(
    run, cards, connection, client, publisher, database_url
):
    with BreaksBeforeCommit.connect(database_url, autocommit=True) as dying, pytest.raises(psycopg.OperationalError):
        run(start_epoch(dying, client, load_settings()))
    with pytest.raises(StandstillError):
        publisher()
    assert run(start_epoch(connection, client, load_settings())).epoch == 3
    cards.register(4)
    assert publisher() == 3


def test_a_wiped_broker_is_filled_in_the_epoch_of_the_log(run, cards, connection, client, publisher, restored):
    run(start_epoch(connection, client, load_settings()))
    run(client.jetstream().delete_stream(EVENTS_STREAM))
    assert publisher() == 3
    assert set(said(run, client, "epoch")) == {"2"}


def test_a_stream_of_which_the_database_forgot_everything_but_the_epoch_goes_on_after_its_beginning(
    run, cards, connection, client, publisher, restored
):
    run(start_epoch(connection, client, load_settings()))
    connection.execute("UPDATE published SET stream_created = 'another', last_sequence = 1")
    cards.register(4)
    assert publisher() == 3


def test_a_fact_of_a_newer_program_stops_the_publisher_before_it(run, cards, connection, client, publisher):
    [first] = cards.register(1)
    spoil(connection, first)
    cards.register(2)
    for _ in range(2):
        with pytest.raises(StandstillError, match=r"this program is too old: .* no fact is called 'odd\.v9'"):
            publisher()
    assert run(stored_ids(client)) == cards_before(connection, cards)


def cards_before(connection, cards):
    """Ids of the public facts of the first card."""
    query = "SELECT convert_from(state, 'UTF8')::json ->> 'event_id' FROM card_events WHERE notification_id < 4"
    return [event_id for (event_id,) in connection.execute(query)]


def test_a_public_fact_that_cannot_be_read_is_named_and_passed_over(run, cards, connection, client, publisher):
    [first] = cards.register(1)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) "
        "VALUES (%s, 4, 'card_renewed.v1', '{}')",
        (first,),
    )
    cards.register(2)
    with capture_logs() as lines:
        assert publisher() == 6
    [line] = [line for line in lines if line["event"] == "role.fact_skipped"]
    assert (line["position"], line["card_id"]) == (4, str(first))
