"""`scripts/simulate`: seeded worlds with faults around the real engine, checked from outside."""

import os
from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.cli import run_command
from adapters.cli.output import err, out, put_fields, put_json
from tests.simulation.faults import Level
from tests.simulation.run import Outcome, run_all
from tests.simulation.shrink import shrink
from tests.simulation.world import Plan

PAGES = 0.05
"""How often a holder who asks for something also pays on the provider's page."""
_HISTORY_MOST = 60
_DOUBLE, _SUSPENDED, _LIMITS = ("double_charge", "two_intents"), ("wrongful_suspension",), ("limits",)


def seeds_of(text: str) -> list[int]:
    """The seeds that `1`, `1..4` or `1,5,9` names; raises ValueError."""
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("..")
        named = range(int(first), int(last or first) + 1)
        if not named:
            raise ValueError(part)
        seeds += named
    return seeds


def run_simulation(*, cards: int, years: float, seeds: Sequence[int], level: Level, as_json: bool) -> int:
    """Run all seeds; the exit status is 0 only if no promise was broken."""
    plans = [Plan(seed, cards, years, level, pages=PAGES) for seed in seeds]
    started = perf_counter()
    processes = min(len(plans), os.cpu_count() or 1)
    with _bar(as_json=as_json) as bar:
        tasks = {plan.seed: bar.add_task(f"seed {plan.seed}", total=1.0) for plan in plans}
        outcomes = run_all(plans, processes, lambda seed, share: bar.update(tasks[seed], completed=share))
    broken = [one for one in outcomes if one.violations]
    found = _figures(outcomes, perf_counter() - started, processes, cards, years)
    for one in broken[:1]:
        _tell(one)
    if as_json:
        put_json(found)
    else:
        _summary(found)
    return 1 if broken else 0


def _bar(*, as_json: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=err, disable=as_json, transient=True)


def _figures(outcomes: Sequence[Outcome], wall_s: float, processes: int, cards: int, years: float) -> dict[str, object]:
    kinds: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for one in outcomes:
        kinds.update(one.kinds)
        faults.update(one.faults)
    attempts = sum(one.attempts for one in outcomes)
    return {
        "seeds": [one.plan.seed for one in outcomes],
        "cards": cards,
        "years": years,
        "attempts": attempts,
        "attempts_per_s": round(attempts / wall_s, 1),
        "attempts_per_s_per_core": round(attempts / (wall_s * processes), 1),
        "double_charges": sum(kinds[kind] for kind in _DOUBLE),
        "wrongful_suspensions": sum(kinds[kind] for kind in _SUSPENDED),
        "breached_limits": sum(kinds[kind] for kind in _LIMITS),
        "lost_facts": kinds["lost_fact"],
        "violations": [violation.sentence for one in outcomes for violation in one.violations],
        "faults": dict(sorted(faults.items())),
        "sim_hours": round(sum(one.hours for one in outcomes)),
        "wall_s": round(wall_s, 1),
    }


def _tell(outcome: Outcome) -> None:
    """What was broken, and the shortest history found that shows it."""
    plan = outcome.plan
    err.print(f"[bold red]seed {plan.seed}: {len(outcome.violations)} promises broken; looking for a short history …")
    small = shrink(plan, outcome)
    slots = "all" if small.plan.slots is None else ",".join(map(str, small.plan.slots[:10]))
    err.print(
        f"seed {plan.seed}, {plan.cards} cards of which only {slots}, {small.plan.years:g} years, "
        f"faults: {', '.join(sorted(small.plan.kinds)) or 'none'}",
        highlight=False,
    )
    for line in small.history[-_HISTORY_MOST:]:
        err.print(line, markup=False, highlight=False, overflow="fold")
    for violation in small.violations[:3]:
        err.print(violation.sentence, markup=False, highlight=False, style="red")


def _summary(found: dict[str, object]) -> None:
    violations, faults = found["violations"], found["faults"]
    assert isinstance(violations, list)
    assert isinstance(faults, dict)
    shown = {name: value for name, value in found.items() if name not in ("violations", "faults")}
    put_fields("simulation", {**shown, "seeds": str(found["seeds"]), "violations": len(violations)}, as_json=False)
    put_fields("faults", faults, as_json=False)
    for sentence in violations[:20]:
        out.print(sentence, markup=False)


def main(
    cards: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many cards live at a time.")] = 2000,
    years: Annotated[float, typer.Option(min=0.1, max=10.0, help="How many virtual years.")] = 3.0,
    seeds: Annotated[str, typer.Option(help="1, 1..4 or 1,5,9: each is a world of its own.")] = "1..4",
    faults: Annotated[Level, typer.Option(help="How much goes wrong.")] = "low",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")] = False,
) -> None:
    """Seeded worlds with faults around the real engine; exit status 0 only if no promise was broken."""
    try:
        wanted = seeds_of(seeds)
    except ValueError:
        raise typer.BadParameter(f"{seeds!r} is not like 1, 1..4 or 1,5,9", param_hint="--seeds") from None
    raise typer.Exit(run_simulation(cards=cards, years=years, seeds=wanted, level=faults, as_json=as_json))


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
