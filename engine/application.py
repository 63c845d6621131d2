"""The engine: the steps of the pipeline and the commands, for many cards at a time; one card is a batch of one."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple, cast
from uuid import UUID

from engine.actor import Actor
from engine.card.attempt import ChargeAttempted
from engine.card.card import Card
from engine.card.facts import CardFact, CardFacts
from engine.card.next import NO_LIMITS
from engine.card.recall import Past
from engine.commands import Command, Issued
from engine.decisions import Decided, Decision, on_answer, on_command, on_replan, on_wake
from engine.errors import BaohaoError, CorruptHistoryError, Refused
from engine.networks import Limited
from engine.news import News, question_about
from engine.ports import GatewayAnswer
from engine.questions import Question
from engine.rules import Rules
from engine.store.streams import AcceptedCommand, Append, Refusals, Store, Stream

ROUNDS_MAX = 15
"""How often a card is decided: again after each conflict, and again without each method that was found limited."""

Reply = CardFacts | Exception
"""The facts that a command led to, its refusal (Refused), or what went wrong."""

_NONE_REFUSED = Refusals(frozenset(), {})


@dataclass(slots=True)
class StepResult:
    """The result of one step for many cards."""

    appended: list[Append] = field(default_factory=list["Append"])
    questions: list[Question] = field(default_factory=list["Question"])
    failed: dict[UUID, Exception] = field(default_factory=dict[UUID, Exception])
    """Cards that could not be decided, each with its error."""
    reloaded: dict[UUID, Stream] = field(default_factory=dict[UUID, Stream])
    """The streams that were loaded again after a conflict."""
    accepted_before: dict[UUID, AcceptedCommand] = field(default_factory=dict[UUID, AcceptedCommand])
    """Commands that another process executed meanwhile, by their card."""

    @property
    def facts(self) -> int:
        """How many facts were stored."""
        return sum(len(append.facts) for append in self.appended)


class _Task(NamedTuple):
    """One card to decide and append to."""

    stream: Stream
    decide: Decision
    limited: Mapping[str, Limited] = NO_LIMITS


class Engine:
    """Decides and records; the caller passes rules and time, and calls the gateway.

    Facts of wakes and of the gateway's answers name `actor` as who acted, those of a command whoever issued it.
    """

    def __init__(self, store: Store, actor: Actor) -> None:
        self._store = store
        self._actor = actor

    def wake(self, causes: Mapping[UUID, str], rules: Rules, at: datetime) -> StepResult:
        """Decide and store what is due for each card (card id → id of the message that woke it); returns questions."""
        result = StepResult()
        loaded = self._load(causes, result.failed)
        self._decide_and_append(
            [_Task(loaded[one], on_wake(causes[one], self._actor, rules, at)) for one in loaded], result
        )
        return result

    def record(self, answers: Sequence[tuple[Question, GatewayAnswer]], rules: Rules, at: datetime) -> StepResult:
        """Record the gateway's answers, and what follows from them at once; returns further questions.

        Several answers for one card are taken in order, each decided on the result of the one before.
        """
        result, left = StepResult(), list(answers)
        while left:
            turn: dict[UUID, _Task] = {}
            later: list[tuple[Question, GatewayAnswer]] = []
            for question, answer in left:
                card_id = question.card_id
                if card_id in turn:
                    later.append((question, answer))
                else:
                    store = self._store
                    past = Past(
                        partial(store.charge, card_id), partial(store.failed, card_id), partial(self._history, card_id)
                    )
                    decide = on_answer(question, answer, self._actor, rules, at, past)
                    turn[card_id] = _Task(question.stream, decide)
            self._decide_and_append(turn.values(), result)
            left = later
        return result

    def look_ups(self, news: Sequence[News], rules: Rules) -> list[Question | None]:
        """The question that each of the news calls for; None where nothing more can be learned. Records nothing."""
        streams = self._load({one.card_id for one in news}, {})
        return [
            question_about(one, streams[one.card_id], partial(self._history, one.card_id), rules.provider)
            if one.card_id in streams
            else None
            for one in news
        ]

    def cards(self, card_ids: Sequence[UUID]) -> list[Card]:
        """The cards as they are, without those that do not exist or cannot be read."""
        return [card for card, _ in self.cards_with_versions(card_ids)]

    def cards_with_versions(self, card_ids: Sequence[UUID]) -> list[tuple[Card, int]]:
        """The same cards, each with the version of its last fact."""
        streams = self._load(card_ids, {})
        return [(one.card, one.version) for one in streams.values() if one.card is not None]

    def _history(self, card_id: UUID) -> list[CardFact]:
        return [cast("CardFact", one.fact) for one in self._store.history(card_id)]

    def replan(self, card_ids: Sequence[UUID], cause: str, actor: Actor, rules: Rules, at: datetime) -> StepResult:
        """Compute each card's wake time again, after a change of policy, catalogue or zone database."""
        result = StepResult()
        decide = on_replan(cause, actor, rules, at)
        self._decide_and_append(
            [_Task(stream, decide) for stream in self._load(card_ids, result.failed).values()], result
        )
        return result

    def accepted_before(self, command_ids: Sequence[str]) -> set[str]:
        """Those of the commands, by their ids, that were accepted before."""
        return set(self._store.accepted_commands(list(command_ids))) if command_ids else set()

    def execute(self, commands: Sequence[Issued], rules: Rules, at: datetime) -> list[Reply]:
        """The reply to each command: its facts (() when it changes nothing), its refusal, or its error.

        Commands for one card are taken in order, each decided on the result of the one before. One that was accepted
        before, by its id, gets the reply that it got then; the same id with another body is refused.
        """
        replies: dict[int, Reply] = {}
        known = self._store.accepted_commands([issued.command.command_id for issued in commands])
        queues: defaultdict[UUID, deque[int]] = defaultdict(deque)
        for index, (command, _) in enumerate(commands):
            if command.command_id in known:
                replies[index] = self._repeated_reply(command, known[command.command_id])
            else:
                queues[command.card_id].append(index)
        failed: dict[UUID, Exception] = {}
        streams = self._load(queues, failed)
        for card_id, error in failed.items():
            replies |= dict.fromkeys(queues.pop(card_id), error)
        while queues:
            turn = {card_id: queue.popleft() for card_id, queue in queues.items()}
            taken = self._take_turn({card_id: commands[index] for card_id, index in turn.items()}, streams, rules, at)
            replies |= {turn[card_id]: reply for card_id, reply in taken.items()}
            queues = defaultdict(deque, {card_id: queue for card_id, queue in queues.items() if queue})
        return [replies[index] for index in range(len(commands))]

    def _take_turn(
        self, turn: Mapping[UUID, Issued], streams: dict[UUID, Stream], rules: Rules, at: datetime
    ) -> dict[UUID, Reply]:
        """The reply to one command for each card; updates `streams`."""
        result = StepResult()
        charge = self._store.charge
        self._decide_and_append(
            [_Task(streams[one], on_command(turn[one], rules, at, partial(charge, one))) for one in turn], result
        )
        streams.update(result.reloaded)
        streams.update({append.stream.card_id: append.stored for append in result.appended})
        result.accepted_before.update(self._accepted_meanwhile(turn, result.failed))
        replies: dict[UUID, Reply] = dict(result.failed)
        replies |= {append.stream.card_id: append.facts for append in result.appended}
        before = result.accepted_before.items()
        return replies | {one: self._repeated_reply(turn[one].command, accepted) for one, accepted in before}

    def _accepted_meanwhile(
        self, turn: Mapping[UUID, Issued], failed: Mapping[UUID, Exception]
    ) -> dict[UUID, AcceptedCommand]:
        """Refused commands that were accepted as they are between the look for them and the loading of their cards."""
        ids = {card_id: turn[card_id].command.command_id for card_id in failed if isinstance(failed[card_id], Refused)}
        known: Mapping[str, AcceptedCommand] = self._store.accepted_commands(list(ids.values())) if ids else {}
        same = {card_id for card_id, one in ids.items() if one in known and _is_same(turn[card_id], known[one])}
        return {card_id: known[ids[card_id]] for card_id in same}

    def _repeated_reply(self, command: Command, accepted: AcceptedCommand) -> Reply:
        """The reply that an accepted command got."""
        if command.is_same(accepted.body_hash):
            return self._store.facts_of(accepted)
        message = f"command id {command.command_id!r} was used for another command; choose a new one"
        return Refused("command_id_reused", message, "command_id")

    def _decide_and_append(self, tasks: Iterable[_Task], result: StepResult) -> None:
        """Decide and append in one transaction; repeat for cards that were not stored, a bounded number of times."""
        for _ in range(ROUNDS_MAX):
            decided = self._with_event_ids(_decide_each(tasks, result.failed))
            appends = [one.append for _, one in decided if one.append is not None]
            refused = self._store.append_many(appends) if appends else _NONE_REFUSED
            result.failed.update({card_id: _repeats_an_attempt(card_id) for card_id in refused.repeated})
            left_out = refused.conflicts.union(refused.limited, refused.repeated)
            again: dict[UUID, tuple[_Task, Decided]] = {}
            for task, one in decided:
                if left_out and task.stream.card_id in left_out:  # mostly nothing is, and a UUID's hash is Python
                    again[task.stream.card_id] = task, one
                    continue
                if one.append is not None:
                    result.appended.append(one.append)
                if one.question is not None:
                    result.questions.append(one.question)
            if not left_out:
                return
            tasks = [_without_limited(*again[card_id], limit) for card_id, limit in refused.limited.items()]
            tasks += self._reload({card_id: again[card_id] for card_id in refused.conflicts}, result)
        for task in tasks:
            card_id = task.stream.card_id
            result.failed[card_id] = BaohaoError(f"card {card_id} could not be stored in {ROUNDS_MAX} rounds")

    def _with_event_ids(self, decided: list[tuple[_Task, Decided]]) -> list[tuple[_Task, Decided]]:
        ids = self._store.event_ids(sum(len(one.append.facts) for _, one in decided if one.append is not None))
        return [(task, one.with_event_ids(ids)) for task, one in decided]

    def _reload(self, conflicts: Mapping[UUID, tuple[_Task, Decided]], result: StepResult) -> list[_Task]:
        """The tasks with reloaded streams, without commands that another process executed meanwhile."""
        if not conflicts:
            return []
        ids = {
            card_id: decided.append.command.command_id
            for card_id, (_, decided) in conflicts.items()
            if decided.append is not None and decided.append.command is not None
        }
        known: Mapping[str, AcceptedCommand] = self._store.accepted_commands(list(ids.values())) if ids else {}
        result.accepted_before.update({card_id: known[one] for card_id, one in ids.items() if one in known})
        streams = self._load(conflicts, result.failed)
        result.reloaded.update(streams)
        return [conflicts[one][0]._replace(stream=streams[one]) for one in streams if one not in result.accepted_before]

    def _load(self, card_ids: Iterable[UUID], failed: dict[UUID, Exception]) -> dict[UUID, Stream]:
        streams: dict[UUID, Stream] = {}
        for card_id, loaded in self._store.load_many(list(card_ids)).items():
            if isinstance(loaded, CorruptHistoryError):
                failed[card_id] = loaded
            else:
                streams[card_id] = loaded
        return streams


def _is_same(issued: Issued, accepted: AcceptedCommand) -> bool:
    return issued.command.is_same(accepted.body_hash)


def _decide_each(tasks: Iterable[_Task], failed: dict[UUID, Exception]) -> list[tuple[_Task, Decided]]:
    """The decision for each card; the error of one that cannot be decided goes into `failed`."""
    decided: list[tuple[_Task, Decided]] = []
    for task in tasks:
        try:
            decided.append((task, task.decide(task.stream, task.limited)))
        except BaohaoError as error:  # its message is enough; its traceback would keep the batch in memory
            error.__cause__ = error.__context__ = None
            failed[task.stream.card_id] = error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 (the card is parked with this)
            failed[task.stream.card_id] = error
    return decided


def _repeats_an_attempt(card_id: UUID) -> CorruptHistoryError:
    message = f"card {card_id}: its next attempt is in the log already, so its state is wrong; nothing was stored"
    return CorruptHistoryError(f"{message}; delete its row of card_events_snapshots, then `baohao parked retry`")


def _without_limited(task: _Task, decided: Decided, limit: Limited) -> _Task:
    """The same task, with the method that it wanted to try marked as limited."""
    facts = decided.append.facts if decided.append is not None else ()
    methods = [fact.method_id for fact in facts if isinstance(fact, ChargeAttempted)]
    return task._replace(limited={**task.limited, **dict.fromkeys(methods, limit)})
