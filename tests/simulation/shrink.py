"""The smallest world in which a promise is still broken: fewer cards, less time, fewer kinds of faults."""

from dataclasses import replace

from tests.simulation.checker.findings import Violation
from tests.simulation.run import Outcome, run_plan
from tests.simulation.world import Plan

YEARS_MIN = 0.1


def shrink(plan: Plan, found: Outcome, runs_max: int = 60) -> Outcome:
    """The smallest outcome found within `runs_max` runs that breaks the first of the promises broken in `found`."""
    return _Shrinking(found.violations[0], found.slots, runs_max).shrink(plan)


class _Shrinking:
    def __init__(self, wanted: Violation, slots: dict, runs_left: int) -> None:
        self._kind = wanted.kind
        self._slot = slots.get(wanted.card_id)
        self._runs_left = runs_left
        self._best: Outcome | None = None

    def shrink(self, plan: Plan) -> Outcome:
        if self._slot is not None and not self._fails(replace(plan, slots=(self._slot,))):
            self._fewer_cards(plan)
        plan = self._best.plan if self._best else plan
        while plan.years / 2 >= YEARS_MIN and self._fails(replace(plan, years=plan.years / 2)):
            plan = replace(plan, years=plan.years / 2)
        for kind in sorted(plan.kinds):
            fewer = replace(plan, kinds=plan.kinds - {kind})
            if self._fails(fewer):
                plan = fewer
        return self._best or run_plan(plan, first_only=True)

    def _fewer_cards(self, plan: Plan) -> None:
        """Leave out halves of the cards, then smaller parts, as long as the promise is still broken."""
        slots = list(plan.slots if plan.slots is not None else range(plan.cards))
        part = len(slots) // 2
        while part and self._runs_left > 0:
            for start in range(0, len(slots), part):
                fewer = [*slots[:start], *slots[start + part :]]
                if fewer and self._fails(replace(plan, slots=tuple(fewer))):
                    slots = fewer
                    break
            else:
                part //= 2

    def _fails(self, plan: Plan) -> bool:
        if self._runs_left <= 0:
            return False
        self._runs_left -= 1
        outcome = run_plan(plan, first_only=True)
        if any(one.kind == self._kind for one in outcome.violations):
            self._best = outcome
            return True
        return False
