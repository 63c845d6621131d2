"""Asking the provider now for what something hints at, and recording its definite answers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from adapters.traces import ask_gateway
from engine.application import Engine
from engine.news import News
from engine.ports import Gateway, GatewayAnswer, NotFound, Unclear
from engine.questions import Question
from engine.rules import Rules

log = structlog.get_logger()

ReadRules = Callable[[], tuple[Rules, datetime]]
"""Reads the rules and the business time of now."""


class LookedUp(NamedTuple):
    """What became of news, in their order."""

    learned: list[bool]
    """Whether nothing more can be learned of each."""
    failed: Mapping[UUID, Exception]
    """Cards whose answers could not be recorded."""
    fact_count: int


async def look_up(engine: Engine, gateway: Gateway, news: Sequence[News], read_rules: ReadRules) -> LookedUp:
    """Look up what the news call for, each once, and record what was answered; never causes a charge."""
    if not news:
        return LookedUp([], {}, 0)
    rules, at = await asyncio.to_thread(read_rules)
    questions = await asyncio.to_thread(engine.look_ups, news, rules)
    asked = {question.request: question for question in questions if question is not None}
    replies = await asyncio.gather(*(_answer(gateway, question, at) for question in asked.values()))
    answered = {
        question.request: (question, reply)
        for question, reply in zip(asked.values(), replies, strict=True)
        if reply is not None
    }
    failed: Mapping[UUID, Exception] = {}
    facts = 0
    if answered:
        recorded = await asyncio.to_thread(lambda: engine.record(list(answered.values()), *read_rules()))
        failed, facts = recorded.failed, recorded.facts
    learned = [
        one.card_id not in failed and (question is None or question.request in answered)
        for one, question in zip(news, questions, strict=True)
    ]
    return LookedUp(learned, failed, facts)


async def _answer(gateway: Gateway, question: Question, at: datetime) -> GatewayAnswer | None:
    """The answer if it is a definite one: the first call may be under way, and its own answer still come.

    What the call raises concerns this question alone, so that no other waits for it.
    """
    try:
        reply = await ask_gateway(gateway, question, at)
    except Exception as error:  # noqa: BLE001 (as above)
        log.warning("look_up.failed", card_id=str(question.card_id), error=str(error))
        return None
    return None if isinstance(reply, Unclear | NotFound) else reply
