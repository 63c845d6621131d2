"""Computing wake times again, of many cards: a batch at a time, each by the rules of its moment."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from adapters.asking import ReadRules
from engine.actor import Actor
from engine.application import Engine, StepResult

CARDS_AT_ONCE = 1000


def planned_anew(
    engine: Engine, read_rules: ReadRules, card_ids: Sequence[UUID], cause: str, actor: Actor
) -> Iterator[tuple[int, StepResult]]:
    """For each batch how many cards it has, and what became of them."""
    for start in range(0, len(card_ids), CARDS_AT_ONCE):
        batch = card_ids[start : start + CARDS_AT_ONCE]
        rules, at = read_rules()
        yield len(batch), engine.replan(batch, cause, actor, rules, at)
