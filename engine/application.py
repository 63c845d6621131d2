"""The engine: the steps of the pipeline and the commands, for many cards at a time; one card is a batch of one."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from engine.card.decisions import record_answer
from engine.card.events import ChargeAttempted, Events, Learned
from engine.card.next import Ask, Rules, Wait, advance, deferred, next_step, wakes_at
from engine.card.state import Attempt, Card, replay
from engine.commands import Command, decide
from engine.errors import BaohaoError, CorruptHistoryError, Refused
from engine.ports import Answer, ChargeRequest
from engine.store import Append, Store, Stream

CONFLICT_TRIES = 5
"""How often a card is loaded and decided again when somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question for the gateway, and the stream in whose light it was asked."""

    stream: Stream
    request: ChargeRequest
    learned: Learned
    """How the answer will have become known; `looked_up` must never cause a charge."""
    cause: str


@dataclass(slots=True)
class Settled:
    """What a step of the pipeline came to."""

    questions: list[Question] = field(default_factory=list["Question"])
    failed: dict[UUID, Exception] = field(default_factory=dict[UUID, Exception])
    """Cards that could not be decided, each with its reason; the others are not touched by them."""
    facts: int = 0


@dataclass(frozen=True, slots=True)
class _Decided:
    """What was decided for one card in the light of one version of it."""

    append: Append | None
    question: Attempt | None = None
    learned: Learned = "sent"


Decision = Callable[[Stream], _Decided]


class Engine:
    """Decides and records; the caller brings rules and time, and talks to the gateway."""

    def __init__(self, store: Store, recorded_now: Callable[[], datetime]) -> None:
        self._store = store
        self._recorded_now = recorded_now

    def wake(self, causes: Mapping[UUID, str], rules: Rules, at: datetime) -> Settled:
        """Let time ask each card (card id → id of the message that woke it): facts are stored, questions returned."""
        work: dict[UUID, tuple[Stream, Decision, str]] = {}
        settled = Settled()
        for card_id, loaded in self._store.load_many(list(causes)).items():
            if isinstance(loaded, CorruptHistoryError):
                settled.failed[card_id] = loaded
            else:
                cause = causes[card_id]
                work[card_id] = (loaded, _waking(rules, at, cause), cause)
        self._settle(work, settled)
        return settled

    def record(self, answers: Sequence[tuple[Question, Answer]], rules: Rules, at: datetime) -> Settled:
        """Record the gateway's answers, and what follows from them at once; further questions are returned."""
        settled = Settled()
        work = {
            question.stream.card_id: (question.stream, _answering(question, answer, rules, at), question.cause)
            for question, answer in answers
        }
        self._settle(work, settled)
        return settled

    def execute(self, commands: Sequence[Command], rules: Rules, at: datetime) -> list[Events | Refused | Exception]:
        """Answer each command with its facts (() when all was so already), its refusal, or what went wrong.

        Commands for one card are taken in their order, each in the light of the one before.
        """
        answers: dict[int, Events | Refused | Exception] = {}
        queues: defaultdict[UUID, deque[int]] = defaultdict(deque)
        for index, command in enumerate(commands):
            queues[command.card_id].append(index)
        streams: dict[UUID, Stream] = {}
        for card_id, loaded in self._store.load_many(list(queues)).items():
            if isinstance(loaded, CorruptHistoryError):
                answers |= dict.fromkeys(queues.pop(card_id), loaded)
            else:
                streams[card_id] = loaded
        while queues:
            turn = {card_id: queue.popleft() for card_id, queue in queues.items()}
            self._take_turn({card_id: (commands[i], i) for card_id, i in turn.items()}, streams, answers, rules, at)
            queues = defaultdict(deque, {card_id: queue for card_id, queue in queues.items() if queue})
        return [answers[index] for index in range(len(commands))]

    def _take_turn(
        self,
        turn: Mapping[UUID, tuple[Command, int]],
        streams: dict[UUID, Stream],
        answers: dict[int, Events | Refused | Exception],
        rules: Rules,
        at: datetime,
    ) -> None:
        work = {
            card_id: (streams[card_id], _commanding(command, rules, at), command.command_id)
            for card_id, (command, _) in turn.items()
        }
        settled = Settled()
        appended = self._settle(work, settled)
        for card_id, (_, index) in turn.items():
            append = appended.get(card_id)
            answers[index] = settled.failed.get(card_id, append.facts if append else ())
            if append is not None:
                streams[card_id] = _after(append)

    def _settle(self, work: dict[UUID, tuple[Stream, Decision, str]], settled: Settled) -> dict[UUID, Append]:
        """Decide, append in one transaction, and decide again what was in conflict, a bounded number of times."""
        done: dict[UUID, Append] = {}
        for _ in range(CONFLICT_TRIES):
            decided = self._decide(work, settled)
            appends = {card_id: one.append for card_id, one in decided.items() if one.append is not None}
            conflicts: frozenset[UUID] = frozenset()
            if appends:
                conflicts = self._store.append_many(list(appends.values()), self._recorded_now())
            for card_id, one in decided.items():
                if card_id in conflicts:
                    continue
                stream = work[card_id][0]
                if one.append is not None:
                    done[card_id] = one.append
                    stream = _after(one.append)
                    settled.facts += len(one.append.facts)
                if one.question is not None:
                    settled.questions.append(_question(stream, one.question, one.learned, work[card_id][2]))
            if not conflicts:
                return done
            work = self._reload(work, conflicts, settled)
        for card_id in work:
            settled.failed[card_id] = BaohaoError(f"card {card_id} was changed by others {CONFLICT_TRIES} times over")
        return done

    def _decide(self, work: Mapping[UUID, tuple[Stream, Decision, str]], settled: Settled) -> dict[UUID, _Decided]:
        decided: dict[UUID, _Decided] = {}
        for card_id, (stream, decision, _) in work.items():
            try:
                decided[card_id] = decision(stream)
            except Exception as error:  # noqa: BLE001 (one bad card must not stop the others; it is parked with this)
                settled.failed[card_id] = error
        return decided

    def _reload(
        self,
        work: Mapping[UUID, tuple[Stream, Decision, str]],
        conflicts: frozenset[UUID],
        settled: Settled,
    ) -> dict[UUID, tuple[Stream, Decision, str]]:
        again: dict[UUID, tuple[Stream, Decision, str]] = {}
        for card_id, loaded in self._store.load_many(list(conflicts)).items():
            if isinstance(loaded, CorruptHistoryError):
                settled.failed[card_id] = loaded
            else:
                again[card_id] = (loaded, *work[card_id][1:])
        return again


def _card_of(stream: Stream) -> Card:
    if stream.card is None:
        raise BaohaoError(f"there is no card {stream.card_id}")
    return stream.card


def _after(append: Append) -> Stream:
    """The stream as it is once `append` is stored."""
    stream = append.stream
    return Stream(stream.card_id, append.card, stream.version + len(append.facts), append.wake_at)


def _waking(rules: Rules, at: datetime, cause: str) -> Decision:
    def decision(stream: Stream) -> _Decided:
        card, facts, step = advance(_card_of(stream), rules, at)
        facts = facts or deferred(step, stream.wake_at, at)
        return _decided(stream, card, facts, step, at, cause)

    return decision


def _answering(question: Question, answer: Answer, rules: Rules, at: datetime) -> Decision:
    def decision(stream: Stream) -> _Decided:
        before = _card_of(stream)
        outcome = record_answer(
            before,
            question.request.attempt_id,
            answer,
            learned=question.learned,
            policy=rules.policy,
            at=at,
        )
        if not outcome:
            return _Decided(None)
        card = replay(before, stream.card_id, outcome)
        try:
            card, facts, step = advance(card, rules, at)
        except BaohaoError:  # what came of the charge is kept all the same; the next wake fails with this again
            return _Decided(Append(stream, outcome, card, at, question.cause))
        return _decided(stream, card, outcome + facts, step, at, question.cause)

    return decision


def _commanding(command: Command, rules: Rules, at: datetime) -> Decision:
    def decision(stream: Stream) -> _Decided:
        facts = decide(command, stream.card, rules, at)
        if not facts:
            return _Decided(None)
        card = replay(stream.card, stream.card_id, facts)
        wake_at = wakes_at(next_step(card, rules, at), at)
        return _Decided(Append(stream, facts, card, wake_at, command.command_id))

    return decision


def _decided(stream: Stream, card: Card, facts: Events, step: Ask | Wait, at: datetime, cause: str) -> _Decided:
    append = Append(stream, facts, card, wakes_at(step, at), cause) if facts else None
    if isinstance(step, Ask):
        return _Decided(append, step.attempt, step.learned)
    if facts and isinstance(facts[-1], ChargeAttempted):
        return _Decided(append, card.open_attempt, "sent")
    return _Decided(append)


def _question(stream: Stream, attempt: Attempt, learned: Learned, cause: str) -> Question:
    request = ChargeRequest(
        attempt_id=attempt.attempt_id,
        card_id=stream.card_id,
        purpose=f"renewal:{_card_of(stream).term.number + 1}",
        token=attempt.token,
        amount=attempt.amount,
    )
    return Question(stream, request, learned, cause)
