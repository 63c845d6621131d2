"""What every recorder does: the same tests of the port for PostgreSQL and for the recorder in memory."""

from uuid import uuid4

import pytest

from engine.card.limits import effects_of
from engine.declines import Consequence
from engine.envelope import NOT_YET
from engine.errors import ConnectionLostError
from engine.networks import NEVER, OPEN_FOR, Limited
from engine.store.appending import APPEND_PAUSE_S, APPEND_TRIES, append_writes
from engine.store.port import AcceptedCommand, CommandIdentity, Recorder, Refusals, Snapshot, StreamTail, Write
from tests.engine.payment_cards import AT, DAY, declined, tries
from tests.engine.random_histories import RECORDED_AT
from tests.engine.writes import ALL_STORED, append, fact_of, facts, versions_of, write
from tests.simulation.memory import MemoryRecorder

COMMAND = CommandIdentity("command-1", b"\x00hash of its body\xff")


@pytest.fixture(params=["PostgreSQL", "memory"])
def recorder(request) -> Recorder:
    in_postgres = request.param == "PostgreSQL"
    return request.getfixturevalue("new_recorder")() if in_postgres else MemoryRecorder(lambda: RECORDED_AT)


def trying(*happened, card_id=None, versions=(1,), **besides) -> Write:
    card_id = card_id or uuid4()
    return write(card_id, *versions, limit_effects=effects_of(card_id, happened), **besides)


class LosesReplies:
    """A recorder whose connection fails after it has stored an append."""

    def __init__(self, recorder: Recorder, losses: int = 1) -> None:
        self.recorder = recorder
        self.losses = losses
        self.pauses: list[float] = []

    def append_many(self, writes):
        refusals = self.recorder.append_many(writes)
        if self.losses:
            self.losses -= 1
            raise ConnectionLostError("server closed the connection unexpectedly")
        return refusals

    def read_stream(self, card_id, *, after=0, upto=None):
        return self.recorder.read_stream(card_id, after=after, upto=upto)

    def append(self, *writes: Write) -> Refusals:
        return append_writes(self, writes, self.pauses.append)


class TestRecorder:
    """Of the port, whatever implements it."""

    # Appending

    def test_what_was_appended_is_read_in_the_order_of_its_versions_byte_for_byte(self, recorder):
        one, other, state = uuid4(), uuid4(), '{"wake_at":null,"of":"号"}'.encode()
        assert append(recorder, write(one, 1, 2, state=state), write(other, 1)) == ALL_STORED
        assert append(recorder, write(one, 3)) == ALL_STORED
        assert recorder.read_stream(one) == [*facts(one, 1, 2, state=state), *facts(one, 3)]
        assert recorder.read_stream(other) == facts(other, 1)

    def test_a_part_of_a_stream_is_read_by_its_versions(self, recorder):
        card_id = uuid4()
        append(recorder, write(card_id, 1, 2, 3, 4))
        assert recorder.read_stream(card_id, after=2) == facts(card_id, 3, 4)
        assert recorder.read_stream(card_id, after=1, upto=3) == facts(card_id, 2, 3)
        assert recorder.read_stream(card_id, after=4) == []

    def test_a_stream_that_nobody_wrote_is_empty(self, recorder):
        assert recorder.read_stream(uuid4()) == []
        assert recorder.load_many([uuid4()], 1) == [StreamTail(None, [])]

    def test_nothing_to_append_is_no_conflict(self, recorder):
        assert append(recorder) == ALL_STORED

    # When it is recorded

    def test_a_fact_gets_the_time_at_which_it_is_recorded(self, recorder):
        card_id = uuid4()
        append(recorder, write(card_id, 1, state=fact_of(NOT_YET)))
        [stored] = recorder.read_stream(card_id)
        assert stored.state == fact_of(RECORDED_AT)

    def test_one_that_was_recorded_elsewhere_before_keeps_its_time(self, recorder):
        card_id = uuid4()
        append(recorder, write(card_id, 1, state=fact_of(RECORDED_AT - DAY)))
        [stored] = recorder.read_stream(card_id)
        assert stored.state == fact_of(RECORDED_AT - DAY)

    def test_a_clock_that_goes_back_does_not_take_the_log_back(self, recorder):
        card_id, times = uuid4(), iter([RECORDED_AT, RECORDED_AT - DAY, RECORDED_AT + DAY])
        recorder.recorded_now = lambda: next(times)
        for version in (1, 2, 3):
            append(recorder, write(card_id, version, state=fact_of(NOT_YET)))
        expected = [fact_of(RECORDED_AT), fact_of(RECORDED_AT), fact_of(RECORDED_AT + DAY)]
        assert [one.state for one in recorder.read_stream(card_id)] == expected

    # Conflicts

    def test_a_stream_whose_version_is_taken_is_left_out_whole_and_the_others_are_stored(self, recorder):
        taken, free, new = uuid4(), uuid4(), uuid4()
        append(recorder, write(taken, 1, 2), write(free, 1))
        refusals = append(recorder, write(taken, 2, 3, 4), write(free, 2, 3), write(new, 1, 2))
        assert refusals == Refusals(frozenset({taken}), {})
        assert [versions_of(recorder, one) for one in (taken, free, new)] == [[1, 2], [1, 2, 3], [1, 2]]

    def test_a_stream_goes_on_only_from_the_fact_on_which_it_was_decided(self, recorder):
        seen, other = uuid4(), uuid4()

        def fact_of(event_id):
            return f'{{"event_id":"{event_id}","wake_at":null}}'.encode()

        short, changed, same = uuid4(), uuid4(), uuid4()
        append(recorder, write(short, 1), write(changed, 1, state=fact_of(other)), write(same, 1, state=fact_of(seen)))
        refusals = append(
            recorder, write(short, 3), write(changed, 2, after=seen), write(same, 2, after=seen), write(uuid4(), 2)
        )
        assert {short, changed} < refusals.conflicts
        assert len(refusals.conflicts) == 3
        assert [versions_of(recorder, one) for one in (short, changed, same)] == [[1], [1], [1, 2]]

    def test_when_all_are_in_conflict_nothing_is_stored(self, recorder):
        one, other = uuid4(), uuid4()
        append(recorder, write(one, 1), write(other, 1))
        assert append(recorder, write(one, 1, 2), write(other, 1, 2)) == Refusals(frozenset({one, other}), {})
        assert [versions_of(recorder, card_id) for card_id in (one, other)] == [[1], [1]]

    def test_of_a_stream_in_conflict_neither_snapshot_nor_command_nor_try_is_kept(self, recorder):
        taken = uuid4()
        append(recorder, write(taken, 1))
        outdated = trying(
            *[tries() for _ in range(10)],
            card_id=taken,
            versions=(1, 2),
            snapshot=Snapshot(taken, 2, 1, b"wrong"),
            command=COMMAND,
        )
        assert append(recorder, outdated).conflicts == {taken}
        assert recorder.load_many([taken], 1) == [StreamTail(None, facts(taken, 1))]
        assert recorder.accepted_commands([COMMAND.command_id]) == {}
        assert append(recorder, trying(tries())) == ALL_STORED

    # Snapshots, and many streams

    def test_loading_returns_the_latest_snapshot_of_the_state_version_and_the_facts_from_it_on(self, recorder):
        with_one, without, unknown = uuid4(), uuid4(), uuid4()
        append(recorder, write(with_one, 1, 2, snapshot=Snapshot(with_one, 2, 7, b"two")), write(without, 1, 2))
        four = Snapshot(with_one, 4, 7, b"four")
        append(recorder, write(with_one, 3, 4, 5, snapshot=four))
        expected = StreamTail(four, facts(with_one, 4, 5))
        assert recorder.load_many([without, with_one, unknown, with_one], 7) == [
            StreamTail(None, facts(without, 1, 2)),
            expected,
            StreamTail(None, []),
            expected,
        ]
        assert recorder.load_many([with_one], 8) == [StreamTail(None, facts(with_one, 1, 2, 3, 4, 5))]

    def test_many_streams_are_loaded_each_in_its_order_however_their_facts_are_mixed(self, recorder):
        cards = [uuid4() for _ in range(60)]
        for version in range(1, 8):
            snapshots = {card_id: Snapshot(card_id, version, 1, b"state") for card_id in cards[::3] if version == 4}
            append(recorder, *(write(card_id, version, snapshot=snapshots.get(card_id)) for card_id in cards))
        for place, tail in enumerate(recorder.load_many(cards, 1)):
            first = 4 if place % 3 == 0 else 1
            assert (tail.snapshot is not None) == (place % 3 == 0)
            assert tail.facts == facts(cards[place], *range(first, 8))

    # Commands

    def test_an_accepted_command_is_found_with_the_place_of_its_facts(self, recorder):
        card_id = uuid4()
        append(recorder, write(card_id, 1))
        append(recorder, write(card_id, 2, 3, command=COMMAND))
        remembered = AcceptedCommand(COMMAND.body_hash, card_id, 2, 2)
        assert recorder.accepted_commands(["nobody's", COMMAND.command_id]) == {COMMAND.command_id: remembered}

    def test_a_command_without_facts_is_recorded_as_accepted(self, recorder):
        card_id = uuid4()
        append(recorder, write(card_id, 1))
        assert append(recorder, Write(card_id, 2, [], command=COMMAND)) == ALL_STORED
        assert recorder.accepted_commands([COMMAND.command_id]) == {
            COMMAND.command_id: AcceptedCommand(COMMAND.body_hash, card_id, 2, 0)
        }
        assert versions_of(recorder, card_id) == [1]

    def test_a_command_that_was_accepted_before_is_a_conflict_wherever_it_comes(self, recorder):
        first, second, third = uuid4(), uuid4(), uuid4()
        append(recorder, write(first, 1, command=COMMAND))
        again = write(second, 1, command=CommandIdentity(COMMAND.command_id, b"another body"))
        assert append(recorder, again, write(third, 1)) == Refusals(frozenset({second}), {})
        assert [versions_of(recorder, one) for one in (second, third)] == [[], [1]]
        assert recorder.accepted_commands([COMMAND.command_id])[COMMAND.command_id].card_id == first

    def test_of_two_commands_with_one_id_in_a_batch_the_first_is_accepted(self, recorder):
        first, second = uuid4(), uuid4()
        batch = [write(card_id, 1, command=COMMAND) for card_id in (first, second)]
        assert append(recorder, *batch) == Refusals(frozenset({second}), {})
        assert recorder.accepted_commands([COMMAND.command_id])[COMMAND.command_id].card_id == first

    # Limits

    def test_limits_hold_in_the_order_of_the_batch(self, recorder):
        batch = [trying(tries()) for _ in range(12)]
        limited = dict.fromkeys(
            [one.card_id for one in batch[10:]], Limited("mastercard_24h", AT + OPEN_FOR, open_only=True)
        )
        assert append(recorder, *batch) == Refusals(frozenset(), limited)
        assert [versions_of(recorder, one.card_id) for one in batch] == [[1]] * 10 + [[]] * 2

    def test_a_blocked_payment_card_is_limited_for_those_after_it_in_the_batch_also_if_its_tries_do_not_count(
        self, recorder
    ):
        stolen = tries(brand="visa")
        before, after, other = trying(stolen), trying(tries(brand="visa")), trying(tries(fingerprint="other"))
        never = trying(declined(stolen, code="stolen_card", consequence=Consequence.NEVER))
        assert append(recorder, before, never, after, other) == Refusals(
            frozenset(), {after.card_id: Limited(NEVER, None)}
        )
        assert append(recorder, trying(tries(AT + DAY, brand="visa"))).limited

    def test_a_try_that_does_not_count_and_was_declined_in_the_same_append_is_not_checked(self, recorder):
        stolen = tries(brand="visa")
        append(recorder, trying(declined(stolen, code="stolen_card", consequence=Consequence.NEVER)))
        attempt = tries(brand="visa")
        assert append(recorder, trying(attempt, declined(attempt), versions=(1, 2))) == ALL_STORED

    def test_of_a_limited_stream_neither_fact_nor_snapshot_nor_command_is_kept(self, recorder):
        append(recorder, *[trying(tries()) for _ in range(10)])
        card_id = uuid4()
        append(recorder, write(card_id, 1))
        besides = {"snapshot": Snapshot(card_id, 2, 1, b"wrong"), "command": COMMAND}
        assert append(recorder, trying(tries(), card_id=card_id, versions=(2,), **besides)).limited.keys() == {card_id}
        assert recorder.load_many([card_id], 1) == [StreamTail(None, facts(card_id, 1))]
        assert recorder.accepted_commands([COMMAND.command_id]) == {}

    # Lost replies

    def test_an_append_whose_reply_was_lost_is_stored_once_and_no_conflict(self, recorder):
        one, other = uuid4(), uuid4()
        losing = LosesReplies(recorder)
        assert losing.append(write(one, 1, 2, command=COMMAND), write(other, 1)) == ALL_STORED
        assert [versions_of(recorder, card_id) for card_id in (one, other)] == [[1, 2], [1]]
        assert losing.pauses == [APPEND_PAUSE_S]

    def test_a_conflict_remains_one_after_a_lost_reply(self, recorder):
        taken, free = uuid4(), uuid4()
        append(recorder, write(taken, 1, state=b'{"wake_at":null,"by":"somebody else"}'))
        assert LosesReplies(recorder).append(write(taken, 1), write(free, 1)) == Refusals(frozenset({taken}), {})

    def test_a_command_without_facts_whose_reply_was_lost_is_a_conflict_and_found_as_accepted(self, recorder):
        card_id = uuid4()
        append(recorder, write(card_id, 1))
        assert LosesReplies(recorder).append(Write(card_id, 2, [], command=COMMAND)).conflicts == {card_id}
        assert recorder.accepted_commands([COMMAND.command_id])[COMMAND.command_id].card_id == card_id

    def test_without_any_reply_the_append_raises_an_error(self, recorder):
        card_id = uuid4()
        losing = LosesReplies(recorder, losses=APPEND_TRIES)
        with pytest.raises(ConnectionLostError):
            losing.append(write(card_id, 1))
        assert versions_of(recorder, card_id) == [1]  # stored all the same, and once
        assert len(losing.pauses) == APPEND_TRIES - 1
