"""`scripts/faults`: seeded faults over real servers and processes, checked from outside."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli import run_command
from adapters.cli.demo.population import BEGIN
from adapters.cli.output import err, out, put_fields, put_json
from adapters.cli.servers import temporary_home
from adapters.logs import configure_logs
from tests.faults.run import Outcome, Plan, live_through
from tests.simulation.__main__ import seeds_of

_TOLD_MOST = 20


def run_faults(plans: Sequence[Plan], *, keep: Path | None, as_json: bool) -> int:
    """Live through all plans; the exit status is 0 only if no promise was broken."""
    configure_logs("faults", "error")
    logging.getLogger("nats").setLevel(logging.CRITICAL)  # it loses its connection again and again
    started, outcomes = perf_counter(), list[Outcome]()
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=err, disable=as_json, transient=True) as bar:
        for plan in plans:
            outcomes.append(_one(plan, bar, keep))
            _tell(outcomes[-1], as_json=as_json)
    found = _figures(outcomes, perf_counter() - started)
    if as_json:
        put_json(found)
    else:
        put_fields("faults", {**found, "violations": len(found["violations"])}, as_json=False)
    return 1 if found["violations"] else 0


def _one(plan: Plan, bar: Progress, keep: Path | None) -> Outcome:
    task = bar.add_task(f"seed {plan.seed}", total=30.5 * plan.months)

    def tell(now: datetime, faults: int) -> None:
        passed = (now - BEGIN).total_seconds() / 86400
        bar.update(task, completed=passed, description=f"seed {plan.seed} · {now:%Y-%m-%d} · {faults} faults")

    try:
        if keep is not None:
            home = (keep / f"seed-{plan.seed}").absolute()
            home.mkdir(parents=True)
            return live_through(plan, home, tell)
        with temporary_home("baohao-faults-") as home:
            return live_through(plan, home, tell)
    finally:
        bar.remove_task(task)


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    if not as_json:
        out.print(
            f"seed {outcome.plan.seed}: {sum(outcome.faults.values())} faults, {outcome.charges} charges, "
            f"{outcome.facts} facts, {len(outcome.violations)} violations, {outcome.wall_s:.0f} s",
            highlight=False,
        )
    for sentence in outcome.violations[:_TOLD_MOST]:
        err.print(sentence, markup=False, highlight=False, soft_wrap=True, style="red")


def _figures(outcomes: Sequence[Outcome], wall_s: float) -> dict[str, Any]:
    faults: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    for one in outcomes:
        faults.update(one.faults)
        ended.update(one.ended_by_themselves)
    return {
        "seeds": len(outcomes),
        "faults": faults.total(),
        "charges": sum(one.charges for one in outcomes),
        "facts": sum(one.facts for one in outcomes),
        "violations": [sentence for one in outcomes for sentence in one.violations],
        "wall_s": round(wall_s, 1),
        **dict(sorted(faults.items())),
        **{f"{role}_ended_by_itself": times for role, times in sorted(ended.items())},
    }


def main(
    seeds: Annotated[str, typer.Option(help="1, 1..30 or 1,5,9: each is a system of its own.")] = "1..3",
    cards: Annotated[int, typer.Option(min=1, max=100_000, help="How many cards.")] = 300,
    months: Annotated[int, typer.Option(min=1, max=24, help="How many virtual months.")] = 3,
    faults: Annotated[int, typer.Option(min=0, max=10_000, help="How many faults in each seed.")] = 70,
    minutes: Annotated[float, typer.Option(min=0.1, help="The longest that one seed may really take.")] = 10.0,
    keep: Annotated[Path | None, typer.Option(help="Keep the homes, with all logs, in this folder.")] = None,
    *,
    restores: Annotated[bool, typer.Option(help="Put the database back from dumps too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")] = False,
) -> None:
    """Faults over real servers and processes; exit status 0 only if no promise was broken."""
    try:
        wanted = seeds_of(seeds)
    except ValueError:
        raise typer.BadParameter(f"{seeds!r} is not like 1, 1..30 or 1,5,9", param_hint="--seeds") from None
    plans = [Plan(seed, cards, months, faults, minutes, restores) for seed in wanted]
    raise typer.Exit(run_faults(plans, keep=keep, as_json=as_json))


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
