"""The store: what is appended is loaded again, by snapshot or by replay, and a lost reply is no conflict."""

from uuid import UUID, uuid4

import pytest

from engine.actor import actor
from engine.card.card import STATE_VERSION
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.evolve import replay
from engine.errors import ConnectionLostError, CorruptHistoryError
from engine.store.appending import APPEND_TRIES
from engine.store.port import Refusals
from engine.store.recorder import CardRecorder
from engine.store.streams import SNAPSHOT_EVERY, Append, CommandIdentity, Store, Stream
from tests.engine.random_histories import RECORDED_AT, random_history, store_all, stored_round_by_round
from tests.engine.samples import DECLINED, OPENS_AT, PAYING, REGISTERED_AT, bound, switched_off

ALL_STORED = Refusals(frozenset(), {})


def append(stream: Stream, *facts, cause: str = "cause", command: CommandIdentity | None = None) -> Append:
    card = replay(stream.card, stream.card_id, facts)
    return Append(stream, facts, card, OPENS_AT, cause, actor("system", "tests"), command)


def new(card_id: UUID | None = None) -> Stream:
    return Stream(card_id or uuid4(), None, 0, None)


def stored(store: Store, *facts) -> Stream:
    """A card with these facts."""
    stream = new()
    assert store.append_many([append(stream, *facts)]) == ALL_STORED
    return store.load_many([stream.card_id])[stream.card_id]


# Round trips


def test_what_was_appended_is_loaded_with_its_version_and_wake_time(store):
    stream = new()
    asked = append(stream, *PAYING)
    assert store.append_many([asked]) == ALL_STORED
    last = store.history(stream.card_id)[-1].event_id
    assert store.load_many([stream.card_id]) == {stream.card_id: Stream(stream.card_id, asked.card, 3, OPENS_AT, last)}


def test_a_card_nobody_registered_is_an_empty_stream(store):
    card_id = uuid4()
    assert store.load_many([card_id]) == {card_id: Stream(card_id, None, 0, None)}


def test_cards_are_loaded_in_any_order_and_more_than_once(store):
    one, other = stored(store, *PAYING), stored(store, *PAYING)
    wanted = {one.card_id: one, other.card_id: other}
    assert store.load_many((one.card_id, other.card_id)) == wanted
    assert store.load_many([one.card_id, other.card_id, one.card_id]) == wanted
    assert store.load_many([]) == {}


def test_facts_are_stored_in_their_envelope(store):
    stream = stored(store, *PAYING)
    store.append_many([append(stream, switched_off(), cause="command-9")])
    history = store.history(stream.card_id)
    assert [one.fact for one in history] == [*PAYING, switched_off()]
    assert [one.version for one in history] == [1, 2, 3, 4]
    assert [one.last for one in history] == [False, False, True, True]
    assert [one.cause for one in history] == ["cause"] * 3 + ["command-9"]
    assert {(one.recorded_at, one.actor, one.wake_at) for one in history} == {(RECORDED_AT, "system:tests", OPENS_AT)}
    assert len({one.event_id for one in history}) == 4


def test_of_many_cards_those_in_conflict_are_returned_and_the_others_stored(store):
    taken, free = stored(store, *PAYING), stored(store, *PAYING)
    store.append_many([append(taken, switched_off())])
    late = append(taken, switched_off("operator"), cause="late")
    assert store.append_many([late, append(free, switched_off())]) == Refusals(frozenset({taken.card_id}), {})
    assert [one.cause for one in store.history(taken.card_id)] == ["cause"] * 4
    assert len(store.history(free.card_id)) == 4


# Snapshots


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_with_the_facts_after_it_equals_a_full_replay(store, connection, seed):
    histories = [random_history(seed * 1000 + number, 80) for number in range(25)]
    for number, streams in enumerate(stored_round_by_round(store, histories)):
        if number % 9 == 0:
            assert store.load_many(list(streams)) == streams
    ids = list(streams)
    with_snapshots = store.load_many(ids)
    snapshots = dict(connection.execute("SELECT card_id, version FROM card_events_snapshots").fetchall())
    assert len(snapshots) > len(histories) / 2
    assert any(version < streams[card_id].version for card_id, version in snapshots.items())
    connection.execute("DELETE FROM card_events_snapshots")
    assert with_snapshots == store.load_many(ids) == streams
    for history in histories:
        facts = [one.fact for one in store.history(history.card_id)]
        assert facts == list(history.facts)
        assert replay(None, history.card_id, facts) == with_snapshots[history.card_id].card == history.card


def long_lived(store: Store) -> Stream:
    """A card with a snapshot."""
    history = random_history(5, 80)
    assert len(history.facts) > SNAPSHOT_EVERY
    return store_all(store, [history])[history.card_id]


def test_a_snapshot_of_another_state_version_is_ignored(store, connection):
    stream = long_lived(store)
    connection.execute(
        "UPDATE card_events_snapshots SET state_version = %s, state = 'of another shape'", (STATE_VERSION - 1,)
    )
    assert store.load_many([stream.card_id])[stream.card_id] == stream


# Accepted commands

COMMAND = CommandIdentity("command-1", b"hash of its body")


def test_an_accepted_command_is_found_with_its_facts(store):
    stream, other = stored(store, *PAYING), stored(store, *PAYING)
    facts = (switched_off(), bound())
    assert store.append_many([append(stream, *facts, command=COMMAND), append(other, bound())]) == ALL_STORED
    assert store.accepted_commands(["command-1", "nobody's"]) == {
        "command-1": (COMMAND.body_hash, stream.card_id, 4, 2)
    }
    later = store.load_many([stream.card_id])[stream.card_id]
    store.append_many([append(later, bound())])
    assert store.facts_of(store.accepted_commands(["command-1"])["command-1"]) == facts


def test_a_command_that_changed_nothing_is_recorded_as_accepted(store):
    stream = stored(store, *PAYING)
    assert store.append_many([append(stream, command=COMMAND)]) == ALL_STORED
    remembered = store.accepted_commands(["command-1"])["command-1"]
    assert remembered == (COMMAND.body_hash, stream.card_id, 4, 0)
    assert store.facts_of(remembered) == ()
    assert store.load_many([stream.card_id])[stream.card_id] == stream


@pytest.mark.parametrize("facts", [(), (switched_off(),)], ids=["already so", "with facts"])
def test_a_command_that_was_accepted_before_is_a_conflict_and_nothing_of_it_is_stored(store, facts):
    stream, other, third = stored(store, *PAYING), stored(store, *PAYING), stored(store, *PAYING)
    store.append_many([append(stream, command=COMMAND)])
    again = append(other, *facts, command=CommandIdentity("command-1", b"another body"))
    refusals = store.append_many([again, append(third, switched_off())])
    assert refusals == Refusals(frozenset({other.card_id}), {})
    assert store.load_many([other.card_id])[other.card_id] == other
    assert len(store.history(third.card_id)) == 4
    assert store.accepted_commands(["command-1"])["command-1"].card_id == stream.card_id


def test_of_two_commands_with_one_id_in_a_batch_the_first_is_accepted(store):
    one, other = stored(store, *PAYING), stored(store, *PAYING)
    refusals = store.append_many([append(card, switched_off(), command=COMMAND) for card in (one, other)])
    assert refusals == Refusals(frozenset({other.card_id}), {})
    assert store.accepted_commands(["command-1"])["command-1"].card_id == one.card_id
    assert len(store.history(other.card_id)) == 3


@pytest.mark.parametrize("facts", [(), (switched_off(),)], ids=["already so", "with facts"])
def test_a_command_decided_on_an_outdated_card_is_a_conflict_and_not_accepted(store, facts):
    outdated = stored(store, *PAYING)
    store.append_many([append(outdated, bound())])
    asked = append(outdated, *facts, command=COMMAND)
    assert store.append_many([asked]) == Refusals(frozenset({outdated.card_id}), {})
    assert store.accepted_commands(["command-1"]) == {}
    assert len(store.history(outdated.card_id)) == 4


def test_a_command_whose_reply_was_lost_is_accepted_once(store, new_recorder):
    stream = stored(store, *PAYING)
    asked = append(stream, switched_off(), command=COMMAND)
    assert Store(new_recorder(LosingReplies)).append_many([asked]) == ALL_STORED
    assert store.facts_of(store.accepted_commands(["command-1"])["command-1"]) == (switched_off(),)


def test_a_command_that_changed_nothing_and_whose_reply_was_lost_is_found_as_accepted(store, new_recorder):
    stream = stored(store, *PAYING)
    losing = Store(new_recorder(LosingReplies))
    assert losing.append_many([append(stream, command=COMMAND)]).conflicts == {stream.card_id}
    assert store.accepted_commands(["command-1"]) == {"command-1": (COMMAND.body_hash, stream.card_id, 4, 0)}


# Replies that are lost


class LosingReplies(CardRecorder):
    """Its connection fails after the server has committed."""

    losses = 1

    def append_many(self, *args):
        refusals = super().append_many(*args)
        if self.losses:
            self.losses -= 1
            raise ConnectionLostError("server closed the connection unexpectedly")
        return refusals


def test_an_append_whose_reply_was_lost_is_stored_once_and_no_conflict(store, new_recorder):
    stream, other = stored(store, *PAYING), new()
    losing = Store(new_recorder(LosingReplies))
    asked = [append(stream, *DECLINED[3:]), append(other, *PAYING)]
    assert losing.append_many(asked) == ALL_STORED
    assert [one.fact for one in store.history(stream.card_id)] == list(DECLINED)
    assert [one.fact for one in store.history(other.card_id)] == list(PAYING)


def test_a_conflict_remains_one_after_a_lost_reply(store, new_recorder):
    taken, free = stored(store, *PAYING), stored(store, *PAYING)
    store.append_many([append(taken, switched_off())])
    losing = Store(new_recorder(LosingReplies))
    asked = [append(taken, switched_off("operator")), append(free, switched_off("operator"))]
    assert losing.append_many(asked) == Refusals(frozenset({taken.card_id}), {})
    assert store.history(taken.card_id)[-1].fact.reason == "holder"
    assert store.history(free.card_id)[-1].fact.reason == "operator"


def test_facts_appended_by_others_after_a_lost_reply_are_no_conflict(store, new_recorder):
    stream = stored(store, *PAYING)

    class Overtaken(LosingReplies):
        def append_many(self, *args):
            try:
                return super().append_many(*args)
            except ConnectionLostError:
                current = store.load_many([stream.card_id])[stream.card_id]
                assert store.append_many([append(current, bound(), cause="other")]) == ALL_STORED
                raise

    overtaken = Store(new_recorder(Overtaken))
    assert overtaken.append_many([append(stream, switched_off(), cause="mine")]) == ALL_STORED
    assert [one.cause for one in store.history(stream.card_id)[3:]] == ["mine", "other"]


def test_a_connection_that_died_is_replaced(store, recorder, connection):
    stream = stored(store, *PAYING)
    killed = connection.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).fetchone()
    assert killed >= (1,)
    assert store.append_many([append(stream, switched_off())]) == ALL_STORED
    assert len(store.history(stream.card_id)) == 4


def test_without_any_reply_the_append_raises_an_error(store, new_recorder):
    stream = stored(store, *PAYING)
    recorder = new_recorder(LosingReplies)
    recorder.losses = APPEND_TRIES
    with pytest.raises(ConnectionLostError):
        Store(recorder).append_many([append(stream, switched_off())])
    assert len(store.history(stream.card_id)) == 4  # stored all the same, and once


# Histories that cannot be read

CORRUPT = {
    "not JSON": ("deferred.v1", b"not JSON"),
    "JSON of something else": ("deferred.v1", b"{}"),
    "an unknown name": ("deferred.v99", b"{}"),
    "no text": ("deferred.v1", b"\xff\x00"),
}


@pytest.mark.parametrize(("topic", "state"), CORRUPT.values(), ids=CORRUPT)
def test_a_history_that_cannot_be_read_stops_its_card_and_no_other(store, connection, topic, state):
    bad, good = stored(store, *PAYING), stored(store, *PAYING)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, %s, %s)",
        (bad.card_id, topic, state),
    )
    loaded = store.load_many([bad.card_id, good.card_id])
    assert isinstance(loaded[bad.card_id], CorruptHistoryError)
    assert f"card {bad.card_id}, version 4: " in str(loaded[bad.card_id])
    assert loaded[good.card_id] == good
    with pytest.raises(CorruptHistoryError):
        store.history(bad.card_id)


@pytest.mark.parametrize(
    "facts",
    [(AutoRenewSwitchedOff(reason="holder", at=REGISTERED_AT),), (*PAYING, DECLINED[4])],
    ids=["before registration", "a charge without a renewal"],
)
def test_facts_that_fold_to_no_card_stop_their_card_and_no_other(store, facts):
    bad, good = new(), stored(store, *PAYING)
    whatever = good.card
    assert store.append_many([Append(bad, facts, whatever, None, "cause", actor("system", "tests"))]) == ALL_STORED
    loaded = store.load_many([bad.card_id, good.card_id])
    assert isinstance(loaded[bad.card_id], CorruptHistoryError)
    assert str(bad.card_id) in str(loaded[bad.card_id])
    assert loaded[good.card_id] == good
