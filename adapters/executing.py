"""Commands of the system itself, executed from asyncio: the engine works in a thread."""

import asyncio
from collections.abc import Sequence

from adapters.asking import ReadRules
from engine.actor import Actor
from engine.application import Engine, Reply
from engine.commands import AnyCommand, Issued


class Executor:
    """The engine with the rules and the business time of the moment, acting as `actor`."""

    def __init__(self, engine: Engine, actor: Actor, read_rules: ReadRules) -> None:
        self.engine, self.read_rules = engine, read_rules
        self._actor = actor

    async def execute(self, commands: Sequence[AnyCommand], by: Actor | None = None) -> list[Reply]:
        """The reply to each command, given `by` a holder if so: its facts, its refusal, or its error."""
        if not commands:
            return []
        issued = [Issued(command, by or self._actor) for command in commands]
        rules, at = await asyncio.to_thread(self.read_rules)
        return await asyncio.to_thread(self.engine.execute, issued, rules, at)
