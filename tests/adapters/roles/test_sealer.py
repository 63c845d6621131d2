"""The sealer brings new facts under signed heads, which outsiders find on the broker, and contradicts none of them."""

import asyncio

import pytest

from adapters.broker.seals import SEAL_SUBJECT, SEALS_STREAM, newest_head
from adapters.broker.streams import ensure_seals_stream
from adapters.roles import sealer
from adapters.roles.sealer import publish_missing
from adapters.settings import SettingsError, load_settings
from engine.errors import StandstillError
from engine.store.log import head
from projections.audit.heads import SealKey, check_head, read_head
from projections.audit.sealing import SEALER, seal_next
from projections.audit.seals import last_seal, seals_from
from projections.audit.verifying import verify
from projections.follow import positions
from tests.adapters.stored import stored
from tests.engine.databases import application_url

KEY = SealKey.new("baohao.example/tests")


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(KEY.text)
    return file


@pytest.fixture
def sealing(run, connection, database_url, client, nats_url, key_file):
    """Runs the role, as the application, until what is asked holds."""

    async def until(holds, settings):
        stop = asyncio.Event()
        role = asyncio.create_task(sealer.main(settings, application_url(database_url), nats_url, stop))
        while not holds():
            done, _ = await asyncio.wait({role}, timeout=0.02)
            assert not done, role.result()
        stop.set()
        await role

    def seal(holds, **options):
        chosen = {"clock": "virtual", "poll_ms": 10, "seal_every_s": 0.01, "seal_facts": 4} | options
        run(asyncio.wait_for(until(holds, load_settings(seal_key_file=key_file, **chosen)), 60))

    return seal


def published(run, client):
    return [read_head(message.data.decode()) for message in run(stored(client, SEALS_STREAM))]


def seal_all(connection, key=KEY, limit=4):
    while seal_next(connection, key, limit) is not None:
        pass


def publish(run, connection, client, key=KEY):
    run(publish_missing(connection, client, key, load_settings()))


def test_all_facts_are_sealed_and_every_head_is_on_the_broker(run, cards, connection, database_url, client, sealing):
    cards.register(1, 2, 3)
    everything = head(connection)
    sealing(lambda: last_seal(connection).position == everything)
    heads = published(run, client)
    assert [one.text for one in heads] == [seal.head for seal in seals_from(connection, 1)]
    assert [one.size for one in heads] == [4, 8, 9]
    assert all(check_head(one, [KEY.public]) for one in heads)
    assert verify(database_url, [KEY.public], heads).findings == []
    assert positions(connection)[SEALER] == everything


def test_few_facts_wait_until_it_is_time_and_many_do_not(cards, connection, sealing):
    cards.register(1)
    sealing(lambda: last_seal(connection).size == 3, seal_every_s=3600)  # at once after the start
    cards.register(2, 3)
    sealing(lambda: last_seal(connection).size == 9, seal_every_s=0.01)


def test_a_second_process_goes_on_where_the_first_one_was(cards, connection, sealing):
    for number in (1, 2, 3):
        cards.register(number)
        sealing(lambda size=3 * number: last_seal(connection).size == size)
    assert [seal.size for seal in seals_from(connection, 1)] == [3, 6, 9]


def test_heads_that_the_broker_does_not_have_are_published_after_a_fault(run, cards, connection, client):
    cards.register(1, 2)
    seal_next(connection, KEY, 2)
    publish(run, connection, client)
    seal_all(connection, limit=2)
    publish(run, connection, client)
    publish(run, connection, client)
    assert [one.size for one in published(run, client)] == [2, 4, 6]


def test_a_broker_that_lost_everything_gets_the_newest_head(run, cards, connection, client):
    cards.register(1, 2)
    seal_all(connection)
    publish(run, connection, client)
    assert [one.size for one in published(run, client)] == [6]


def test_what_strangers_put_on_the_stream_is_passed_over(run, cards, connection, client):
    cards.register(1)
    seal_all(connection)
    publish(run, connection, client)
    other = SealKey.new("stranger")
    for body in (b"", b"\xff", last_seal(connection).head.replace("3", "4").encode(), other.public.text.encode()):
        run(client.jetstream().publish(SEAL_SUBJECT, body))
    info = run(ensure_seals_stream(client.jetstream(), load_settings()))
    assert run(newest_head(client.jetstream(), info, KEY.public)).size == 3
    publish(run, connection, client)
    assert info.state.last_seq == run(client.jetstream().stream_info(SEALS_STREAM)).state.last_seq


def test_nothing_is_sealed_that_contradicts_a_published_head(run, cards, connection, client):
    cards.register(1)
    seal_all(connection)
    publish(run, connection, client)
    connection.execute("SET session_replication_role = replica")
    connection.execute("TRUNCATE seals")
    with pytest.raises(StandstillError, match="signed head of 3 facts, which this log does not have: it was cut, cha"):
        publish(run, connection, client)
    connection.execute("UPDATE card_events SET topic = topic || 'x'")
    seal_all(connection)
    with pytest.raises(StandstillError, match="which this log does not have"):
        publish(run, connection, client)
    publish(run, connection, client, SealKey.new("baohao.example/after-the-restore"))


def test_the_role_needs_a_key(run, database_url, nats_url):
    with pytest.raises(SettingsError, match="BAOHAO_SEAL_KEY_FILE should name the file of a key"):
        run(sealer.main(load_settings(), database_url, nats_url, asyncio.Event()))
