"""Virtual years of the demo's cards, lived in memory through the real engine and the simulated gateway."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from uuid import UUID

from adapters.cli.demo.population import BEGIN, population
from adapters.cli.demo.year import GRID
from adapters.gateways.simulated import SIMULATED, SimulatedGateway
from engine.actor import actor
from engine.application import Engine
from engine.card.facts import CardFact
from engine.catalogue import read_catalogue
from engine.commands import Issued
from engine.envelope import card_fact
from engine.pipeline import Ask, ReadClock, Wake, renew
from engine.policy import Policy
from engine.questions import ask
from engine.rules import Rules
from engine.store.streams import Store
from projections.whatif.figures import Figures
from projections.whatif.histories import Past, Span
from tests.simulation.memory import MemoryRecorder

__all__ = ["BEGIN", "RULES", "lived", "past_of"]

RULES = Rules(Policy(), read_catalogue(), SIMULATED)


def lived(cards: int, months: int, seed: int, folder: Path, rules: Rules = RULES) -> dict[UUID, list[CardFact]]:
    """What becomes of so many cards, by card; time stands only at points of the demo's grid."""
    due: list[tuple[datetime, int, UUID]] = []
    recorder = MemoryRecorder(
        lambda: BEGIN, due=lambda card_id, at: at and heappush(due, (_on_grid(at), card_id.int, card_id))
    )
    store = Store(recorder)
    gateway = SimulatedGateway(folder / "gateway.sqlite", seed, rules.policy.gateway_budget)
    engine = Engine(store, actor("system", "consumer"))
    commands, ends = population(cards, months, seed), BEGIN + timedelta(days=30 * months)
    now = BEGIN
    while True:
        given = [one for one in commands if one.at <= now]
        commands = commands[len(given) :]
        engine.execute([Issued(one.command, one.actor) for one in given], rules, now)
        while card_ids := _due(due, now):
            _run(engine, gateway, {one: "due" for one in card_ids if _is_due(store, one, now)}, rules, now)
        now = min([ends, *(_on_grid(one.at) for one in commands[:1]), *(at for at, *_ in due[:1])])
        if now >= ends:
            break
    gateway.close()
    return {one.card_id: _facts(store, one.card_id) for one in _registered(recorder)}


def past_of(histories: Mapping[UUID, Sequence[CardFact]], span: Span) -> Past:
    """These histories, to be replayed."""
    past = Past(span, Figures(span.since))
    for card_id, facts in histories.items():
        past.add(card_id, facts)
    return past


def _registered(recorder: MemoryRecorder):
    return [kept.rows[0] for kept in recorder._streams.values()]


def _facts(store: Store, card_id: UUID) -> list[CardFact]:
    return [card_fact(one) for one in store.history(card_id)]


def _due(due: list[tuple[datetime, int, UUID]], now: datetime) -> list[UUID]:
    """Takes the cards that were planned to wake by then."""
    found: list[UUID] = []
    while due and due[0][0] <= now:
        found.append(heappop(due)[2])
    return list(dict.fromkeys(found))


def _is_due(store: Store, card_id: UUID, now: datetime) -> bool:
    wake_at = store.load_many([card_id])[card_id].wake_at
    return wake_at is not None and wake_at <= now


def _run(engine, gateway, causes, rules, now) -> None:
    """Runs the pipeline; no card of these is ever parked."""
    steps, sent = renew(causes), None
    with suppress(StopIteration):
        while True:
            match steps.send(sent):
                case Wake(causes=woken):
                    sent = engine.wake(woken, rules, now)
                    assert sent.failed == {}
                case ReadClock():
                    sent = now
                case Ask(questions=questions, at=at):
                    sent = [(one, _answer(gateway, one, at)) for one in questions]
                case recording:
                    sent = engine.record(recording.answers, rules, now)


def _answer(gateway, question, at):
    """Without an event loop: without delay nothing waits, and charges have a call for callers that have none."""
    if question.kind == "charge":
        [answer] = gateway.charge_all([question.request], at)
        return answer
    try:
        ask(gateway, question, at).send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"{question.kind} waits")


def _on_grid(at: datetime) -> datetime:
    return BEGIN - (BEGIN - at) // GRID * GRID
