"""History for one reader: all that it asked for, once, in order, and then the live stream where it goes on."""

import asyncio
import json

import pytest

from adapters import telling_again
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.replays import Asked, stream_of
from adapters.settings import load_settings
from adapters.telling_again import tell_again
from engine.errors import BaohaoError
from tests.adapters.cards import card_id_of
from tests.adapters.stored import public_messages, publish_all, stored

SETTINGS = load_settings()
FAST = 1_000_000
ELSEWHERE = "baohao.v1.replay.finance.card.x.card_held"


def silent(*_):
    pass


@pytest.fixture
def told(run, cards, connection, client):
    """Registers cards and publishes what became of them."""

    def tell(*numbers):
        cards.register(*numbers)
        run(publish_all(connection, client))

    return tell


@pytest.fixture
def again(run, connection, client):
    def ask(after=0, reader="finance", report=silent, **wanted):
        return run(tell_again(connection, client, Asked(reader, after, **wanted), SETTINGS, FAST, report))

    return ask


def replayed(run, client, reader="finance"):
    """The events and the ends of replays on a reader's stream."""
    messages = run(stored(client, stream_of(reader)))
    ends = [one for one in messages if one.subject == f"baohao.v1.replay.{reader}.stream.replay_finished"]
    return [one for one in messages if one not in ends], ends


def test_everything_is_told_again_as_it_was_told_live(run, cards, client, told, again):
    told(1, 2, 3)
    done = again()
    live = run(stored(client, EVENTS_STREAM))
    events, [end] = replayed(run, client)
    assert [one.data for one in events] == [one.data for one in live]
    for one, other in zip(events, live, strict=True):
        assert one.subject == other.subject.replace("baohao.v1.", "baohao.v1.replay.finance.")
        ours = {
            key: value
            for key, value in one.headers.items()
            if key not in {"Baohao-Replay", "Nats-Msg-Id"} and not key.startswith("Nats-Expected")
        }
        assert ours.items() <= dict(other.headers).items()
    assert json.loads(end.data) == {"position": done.position, "sequence": done.sequence}
    assert done.events == len(live) == len(public_messages(cards))


def test_with_the_live_events_after_its_sequence_nothing_is_missing_and_nothing_doubled(
    run, cards, client, told, again
):
    told(1, 2)
    sequence = again().sequence
    told(3, 4)
    events, _ = replayed(run, client)
    after = run(stored(client, EVENTS_STREAM))[sequence:]
    assert [one.headers["ce-id"] for one in (*events, *after)] == cards.public_ids()


def test_only_what_was_asked_for_is_told(run, client, told, again):
    told(1, 2, 3)
    again(types=frozenset({"card_registered"}), cards=frozenset({card_id_of(2)}))
    events, [_] = replayed(run, client)
    assert [one.subject for one in events] == [f"baohao.v1.replay.finance.card.{card_id_of(2)}.card_registered"]


def test_from_a_position_on(run, cards, client, told, again):
    told(1)
    position = cards.log()[-1].position
    told(2)
    again(after=position)
    events, _ = replayed(run, client)
    assert {one.headers["ce-subject"] for one in events} == {str(card_id_of(2))}


def test_killed_and_asked_for_again_it_goes_on_where_it_was(run, cards, client, told, again, monkeypatch):
    monkeypatch.setattr(telling_again, "BATCH", 2)
    told(1, 2, 3)

    def kill(events, *_):
        if events == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(report=kill)
    assert len(replayed(run, client)[0]) == 4
    again()
    events, ends = replayed(run, client)
    assert [one.headers["ce-id"] for one in events] == cards.public_ids()
    assert len(ends) == 1


def test_in_a_new_epoch_it_begins_anew_since_positions_are_given_again(run, cards, connection, client, told, again):
    told(1, 2)

    def kill(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(report=kill)
    connection.execute("UPDATE published SET epoch = 2")
    again()
    events, _ = replayed(run, client)
    assert [one.headers["ce-id"] for one in events] == cards.public_ids() * 2


def test_without_room_it_ends_and_loses_nothing_that_it_has_told(run, cards, client, told, again, monkeypatch):
    monkeypatch.setattr("adapters.broker.replays.MAX_BYTES", 3000)
    monkeypatch.setattr(telling_again, "BATCH", 1)
    told(1, 2, 3)
    with pytest.raises(BaohaoError, match="maximum bytes exceeded'; it is full"):
        again()
    events, ends = replayed(run, client)
    assert [one.headers["ce-id"] for one in events] == cards.public_ids()[: len(events)]
    assert (len(events) > 0, ends) == (True, [])


def test_asked_for_again_after_its_end_it_is_told_again_behind_it(run, cards, client, told, again):
    told(1)
    again()
    again()
    events, ends = replayed(run, client)
    assert [one.headers["ce-id"] for one in events] == cards.public_ids() * 2
    assert len(ends) == 2


def test_something_else_asked_for_begins_anew(run, cards, client, told, again):
    told(1, 2)
    again(types=frozenset({"card_registered"}))
    again()
    events, _ = replayed(run, client)
    assert [one.headers["ce-id"] for one in events][2:] == cards.public_ids()


def test_of_two_at_once_for_one_reader_one_ends_and_nothing_is_spoilt(run, cards, client, told, again, monkeypatch):
    monkeypatch.setattr(telling_again, "BATCH", 2)
    told(1, 2)
    others = []

    def another(events, *_):
        if events == 2:
            others.append(asyncio.ensure_future(client.jetstream().publish(ELSEWHERE, b"{}")))

    with pytest.raises(BaohaoError, match="another replay to this reader runs"):
        again(report=another)
    again()
    events, _ = replayed(run, client)
    ours = [one.headers["ce-id"] for one in events if one.headers]
    assert ours[-len(cards.public_ids()) :] == cards.public_ids()


@pytest.mark.parametrize("reader", ["", "A", "a.b", "*", "a b"])
def test_a_name_that_is_no_word_of_a_subject_is_refused(told, again, reader):
    told(1)
    with pytest.raises(BaohaoError, match="should begin with a letter"):
        again(reader=reader)


def test_after_a_position_that_nothing_has_it_is_refused(told, again):
    told(1)
    with pytest.raises(BaohaoError, match="there is no position 99: the log ends at 3"):
        again(after=99)


def test_no_more_is_told_at_once_than_in_a_second(run, connection, client, told):
    told(1, 2, 3)
    seen = []
    run(tell_again(connection, client, Asked("finance", 0), SETTINGS, 8, lambda events, *_: seen.append(events)))
    assert seen == [8, 9]


def test_before_anything_was_told_it_is_refused(cards, again):
    with pytest.raises(BaohaoError, match="the publisher has not told anything yet"):
        again()
