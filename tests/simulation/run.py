"""Runs plans, each seed in a process of its own, and tells what came of them."""

import gc
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from time import perf_counter
from uuid import UUID

from tests.simulation.checker import Checker
from tests.simulation.checker.findings import Violation
from tests.simulation.memory import Row
from tests.simulation.world import Plan, World

Progress = Callable[[int, float], None]
"""Seed, and how much of its time has passed (0 to 1)."""
_PATIENCE_S = 0.2
_TOLD_EVERY = 0.01


@dataclass
class Outcome:
    """What came of one plan."""

    plan: Plan
    attempts: int
    facts: int
    hours: float
    wall_s: float
    digest: str
    """Of all stored bytes in their order: the same plan gives the same."""
    faults: dict[str, int]
    kinds: dict[str, int]
    """Violations by check."""
    violations: list[Violation]
    slots: dict[UUID, int] = field(default_factory=dict[UUID, int])
    """The places of the cards concerned."""
    history: list[str] = field(default_factory=list[str])
    """The facts of the first card concerned, up to the violation."""


def run_plan(plan: Plan, progress: Callable[[float], None] = lambda _: None, *, first_only: bool = False) -> Outcome:
    """One seeded world from beginning to end, or to its first violation."""
    with tempfile.TemporaryDirectory(prefix="baohao-simulation-") as folder, _rare_collection():
        return _lived_through(plan, Path(folder) / "gateway.sqlite", progress, first_only=first_only)


def _lived_through(plan: Plan, record: Path, progress: Callable[[float], None], *, first_only: bool) -> Outcome:
    """A function of its own, so that the world is gone before garbage is collected as usual again."""
    started, checker, digest = perf_counter(), Checker(plan.seed), blake2b(digest_size=16)
    world = World(plan, checker, record, progress, digest.update)
    world.run((lambda: bool(checker.violations)) if first_only else (lambda: False))
    outcome = _outcome(world, checker, perf_counter() - started, digest.hexdigest(), first_only=first_only)
    world.forget()
    return outcome


def _outcome(world: World, checker: Checker, wall_s: float, digest: str, *, first_only: bool) -> Outcome:
    concerned = [one.card_id for one in checker.violations if one.card_id is not None]
    return Outcome(
        plan=world.plan,
        attempts=checker.attempts,
        facts=checker.facts,
        hours=(world.now - world.begins).total_seconds() / 3600,
        wall_s=wall_s,
        digest=digest,
        faults=world.faults.counts,
        kinds=dict(checker.kinds),
        violations=checker.violations,
        slots={card_id: world.slot_of(card_id) for card_id in concerned},
        history=[_line(row) for row in world.history(concerned[0])] if concerned and first_only else [],
    )


def run_all(plans: Sequence[Plan], processes: int, progress: Progress = lambda *_: None) -> list[Outcome]:
    """The outcomes in the order of the plans, however many processes there are."""
    if processes == 1:
        return [run_plan(plan, lambda share, seed=plan.seed: progress(seed, share)) for plan in plans]
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, context) as pool:
        told = manager.Queue()
        futures = [pool.submit(_run_telling, plan, told) for plan in plans]
        for seed, share in _heard(told, futures):
            progress(seed, share)
        return [future.result() for future in futures]


def _heard(told, futures: Sequence["Future[Outcome]"]) -> Iterator[tuple[int, float]]:
    while not all(future.done() for future in futures):
        try:
            yield told.get(timeout=_PATIENCE_S)
        except Empty:
            continue


def _run_telling(plan: Plan, told) -> Outcome:
    last = 0.0

    def tell(share: float) -> None:
        nonlocal last
        if share - last >= _TOLD_EVERY:
            last = share
            told.put((plan.seed, share))

    return run_plan(plan, tell)


@contextmanager
def _rare_collection() -> Iterator[None]:
    """A world leaves no cycles behind; to look for them as often as usual costs an eighth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(1_000_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _line(row: Row) -> str:
    stored = json.loads(row.state)
    fact = stored["fact"]
    at = fact.pop("at")[:19]
    told = ", ".join(f"{name}={_short(value)}" for name, value in fact.items() if value is not None)
    return (
        f"{row.version:>5} {at} {row.topic.partition('.')[0]:<24} {told} (wakes {(stored['wake_at'] or 'never')[:19]})"
    )


def _short(value: object) -> str:
    if isinstance(value, dict) and "minor" in value:
        return f"{value['minor']} {value['currency']}"
    return json.dumps(value) if isinstance(value, dict) else str(value)
