"""The engine: the steps of the pipeline and the commands, for many cards at a time; one card is a batch of one."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from engine.card.attempt import ChargeAttempted
from engine.card.facts import CardFacts
from engine.card.next import NO_LIMITS
from engine.commands import Command
from engine.deciding import Decided, Decision, Question, Said, answering, commanding, replanning, waking
from engine.errors import BaohaoError, CorruptHistoryError, Refused
from engine.networks import Limited
from engine.rules import Rules
from engine.store.streams import Append, CommandMark, Refusals, Remembered, Store, Stream

CONFLICT_TRIES = 5
"""How often a card is loaded and decided again when somebody else was faster."""
ROUNDS_MAX = CONFLICT_TRIES + 10
"""With those in which a method after the other was found to be limited."""

Reply = CardFacts | Refused | Exception

_ALL_STORED = Refusals(frozenset(), {})


@dataclass(slots=True)
class Settled:
    """What a step of the pipeline came to."""

    questions: list[Question] = field(default_factory=list["Question"])
    failed: dict[UUID, Exception] = field(default_factory=dict[UUID, Exception])
    """Cards that could not be decided, each with its reason; the others are not touched by them."""
    facts: int = 0


class _Work(NamedTuple):
    """One card to decide and append to."""

    stream: Stream
    decision: Decision
    cause: str
    mark: CommandMark | None = None
    limited: Mapping[str, Limited] = NO_LIMITS


@dataclass(slots=True)
class _Done:
    """What became of the work: the streams that others had changed, what was appended, and commands given before."""

    reloaded: dict[UUID, Stream] = field(default_factory=dict[UUID, Stream])
    appended: list[tuple[Stream, Append]] = field(default_factory=list["tuple[Stream, Append]"])
    """Each with its stream as it now is."""
    recalled: dict[UUID, Remembered] = field(default_factory=dict[UUID, Remembered])


class Engine:
    """Decides and records; the caller brings rules and time, and talks to the gateway."""

    def __init__(self, store: Store, recorded_now: Callable[[], datetime]) -> None:
        self._store = store
        self._recorded_now = recorded_now

    def wake(self, causes: Mapping[UUID, str], rules: Rules, at: datetime) -> Settled:
        """Let time ask each card (card id → id of the message that woke it): facts are stored, questions returned."""
        settled = Settled()
        loaded = self._load(causes, settled.failed)
        work = [_Work(stream, waking(rules, at, causes[one]), causes[one]) for one, stream in loaded.items()]
        self._settle(work, settled)
        return settled

    def record(self, answers: Sequence[tuple[Question, Said]], rules: Rules, at: datetime) -> Settled:
        """Record the gateway's answers, and what follows from them at once; further questions are returned.

        Several answers for one card are taken in their order, each in the light of the one before.
        """
        settled, left = Settled(), list(answers)
        while left:
            turn: dict[UUID, _Work] = {}
            later: list[tuple[Question, Said]] = []
            for question, said in left:
                if question.stream.card_id in turn:
                    later.append((question, said))
                    continue
                work = _Work(question.stream, answering(question, said, rules, at), question.cause)
                turn[question.stream.card_id] = work
            self._settle(turn.values(), settled)
            left = later
        return settled

    def replan(self, card_ids: Sequence[UUID], cause: str, rules: Rules, at: datetime) -> Settled:
        """Plan anew when each card wakes, after a change of policy, catalogue or zone database."""
        settled = Settled()
        loaded = self._load(card_ids, settled.failed)
        work = [_Work(stream, replanning(rules, at, cause), cause) for stream in loaded.values()]
        self._settle(work, settled)
        return settled

    def execute(self, commands: Sequence[Command], rules: Rules, at: datetime) -> list[Reply]:
        """Answer each command with its facts (() when all was so already), its refusal, or what went wrong.

        Commands for one card are taken in their order, each in the light of the one before. One that was accepted
        before, by its id, is answered as it was then; the same id with another body is refused.
        """
        answers: dict[int, Reply] = {}
        known = self._store.recall([command.command_id for command in commands])
        queues: defaultdict[UUID, deque[int]] = defaultdict(deque)
        for index, command in enumerate(commands):
            if command.command_id in known:
                answers[index] = self._again(command, known[command.command_id])
            else:
                queues[command.card_id].append(index)
        failed: dict[UUID, Exception] = {}
        streams = self._load(queues, failed)
        for card_id, error in failed.items():
            answers |= dict.fromkeys(queues.pop(card_id), error)
        while queues:
            turn = {card_id: queue.popleft() for card_id, queue in queues.items()}
            self._take_turn({card_id: (commands[i], i) for card_id, i in turn.items()}, streams, answers, rules, at)
            queues = defaultdict(deque, {card_id: queue for card_id, queue in queues.items() if queue})
        return [answers[index] for index in range(len(commands))]

    def _take_turn(
        self,
        turn: Mapping[UUID, tuple[Command, int]],
        streams: dict[UUID, Stream],
        answers: dict[int, Reply],
        rules: Rules,
        at: datetime,
    ) -> None:
        work: list[_Work] = []
        for card_id, (command, _) in turn.items():
            mark = CommandMark(command.command_id, command.body_hash())
            decision = commanding(command, mark, rules, at, partial(self._store.charge, card_id))
            work.append(_Work(streams[card_id], decision, command.command_id, mark))
        settled = Settled()
        done = self._settle(work, settled)
        streams.update(done.reloaded)
        facts: dict[UUID, CardFacts] = {}
        for stream, append in done.appended:
            streams[stream.card_id], facts[stream.card_id] = stream, append.facts
        for card_id, (command, index) in turn.items():
            if card_id in done.recalled:
                answers[index] = self._again(command, done.recalled[card_id])
            else:
                answers[index] = settled.failed.get(card_id, facts.get(card_id, ()))

    def _again(self, command: Command, remembered: Remembered) -> Reply:
        """The answer that an accepted command had."""
        if remembered.body_hash == command.body_hash():
            return self._store.answer_of(remembered)
        message = f"command id {command.command_id!r} was used for another command; choose a new one"
        return Refused("command_id_reused", message, "command_id")

    def _settle(self, work: Iterable[_Work], settled: Settled) -> _Done:
        """Decide, append in one transaction, and decide again what was not stored, a bounded number of times."""
        done = _Done()
        for _ in range(ROUNDS_MAX):
            decided = self._decide(work, settled)
            appends = [one.append for _, one in decided if one.append is not None]
            answers = self._store.append_many(appends, self._recorded_now()) if appends else _ALL_STORED
            refused = answers.conflicts.union(answers.limited)
            again: dict[UUID, tuple[_Work, Decided]] = {}
            for one in decided:
                if refused and one[0].stream.card_id in refused:  # mostly nothing is, and a UUID's hash is Python
                    again[one[0].stream.card_id] = one
                else:
                    _keep(*one, done, settled)
            if not refused:
                return done
            work = [_limited(*again[card_id], limit) for card_id, limit in answers.limited.items()]
            work += self._reload({card_id: again[card_id][0] for card_id in answers.conflicts}, done, settled)
        for one in work:
            card_id = one.stream.card_id
            settled.failed[card_id] = BaohaoError(f"card {card_id} was changed by others {ROUNDS_MAX} times over")
        return done

    def _decide(self, work: Iterable[_Work], settled: Settled) -> list[tuple[_Work, Decided]]:
        decided: list[tuple[_Work, Decided]] = []
        for one in work:
            came = _tried(one)
            if isinstance(came, Decided):
                decided.append((one, came))
            else:
                settled.failed[one.stream.card_id] = came
        return decided

    def _reload(self, work: Mapping[UUID, _Work], done: _Done, settled: Settled) -> list[_Work]:
        """The work as it is to be done now; a command that somebody else saw through is done already."""
        if not work:
            return []
        marks = {card_id: one.mark.command_id for card_id, one in work.items() if one.mark is not None}
        known: Mapping[str, Remembered] = self._store.recall(list(marks.values())) if marks else {}
        done.recalled.update({card_id: known[mark] for card_id, mark in marks.items() if mark in known})
        streams = self._load(work, settled.failed)
        done.reloaded.update(streams)
        return [work[one]._replace(stream=streams[one]) for one in streams if one not in done.recalled]

    def _load(self, card_ids: Iterable[UUID], failed: dict[UUID, Exception]) -> dict[UUID, Stream]:
        streams: dict[UUID, Stream] = {}
        for card_id, loaded in self._store.load_many(list(card_ids)).items():
            if isinstance(loaded, CorruptHistoryError):
                failed[card_id] = loaded
            else:
                streams[card_id] = loaded
        return streams


def _tried(work: _Work) -> Decided | Exception:
    """What is decided, or why nothing could be: one bad card must not stop the others."""
    try:
        return work.decision(work.stream, work.limited)
    except BaohaoError as refused:  # its sentence says all; its traceback and context would keep the batch in memory
        refused.__cause__ = refused.__context__ = None
        return refused.with_traceback(None)
    except Exception as error:  # noqa: BLE001 (it is parked with this)
        return error


def _keep(work: _Work, decided: Decided, done: _Done, settled: Settled) -> None:
    stream, append = work.stream, decided.append
    if append is not None:
        stream = Stream(stream.card_id, append.card, stream.version + len(append.facts), append.wake_at)
        done.appended.append((stream, append))
        settled.facts += len(append.facts)
    if decided.request is not None:
        question = Question(stream, decided.request, decided.learned, work.cause, decided.key_known_until)
        settled.questions.append(question)


def _limited(work: _Work, decided: Decided, limit: Limited) -> _Work:
    """The same work, with the method that it wanted to try out of bounds."""
    facts = decided.append.facts if decided.append is not None else ()
    methods = [fact.method_id for fact in facts if isinstance(fact, ChargeAttempted)]
    return work._replace(limited={**work.limited, **dict.fromkeys(methods, limit)})
