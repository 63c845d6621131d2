"""A request as routes see it: who asks, for which cards, and what was done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict

from adapters.languages.language import Language, preferred
from adapters.web.api.problems import ProblemError, no_card
from adapters.web.api.showing import name_of
from adapters.web.api.tokens import Bearer, Scope
from adapters.web.pages.portal import Held, Portal
from adapters.web.payments.printing import Printer
from engine.card.facts import CardFacts
from engine.commands import AnyCommand, Issued

log = structlog.get_logger()

CHANNEL = "api"
_BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="`baohao token create` prints one, once.")


@dataclass(frozen=True)
class Asked:
    """A request whose token has the scope that the route needs."""

    portal: Portal
    bearer: Bearer
    language: Language
    printer: Printer

    async def card(self, card_id: UUID) -> Held:
        """A card within reach; raises ProblemError, the same for one that does not exist."""
        found = await self.portal.held([card_id])
        if not found or not self.bearer.may_see(found[0].card.custody.holder_id):
            raise no_card()
        return found[0]

    def command_id(self, key: str) -> str:
        """The command's id: of the key only a hash, as nobody knows what callers write in it."""
        return f"api:{self.bearer.token_id}:{sha256(key.encode()).hexdigest()}"

    async def do(self, command: AnyCommand) -> "Done":
        """Execute a command for a card within reach; raises ProblemError, Refused and what else goes wrong."""
        return _done(command, await self.facts_of(command))

    async def facts_of(self, command: AnyCommand) -> CardFacts:
        """The same; the facts that it led to, now or when it was sent first."""
        await self.card(command.card_id)
        facts = await self.portal.reply(Issued(command, self.bearer.actor))
        kind, card_id = type(command).__name__, str(command.card_id)
        log.info("api.done", command=kind, card_id=card_id, token=self.bearer.name, facts=len(facts))
        return facts


class DoneEvent(BaseModel):
    """One thing that the command led to."""

    type: str
    at: datetime


class Done(BaseModel):
    """What a command led to; the same again for the same Idempotency-Key. No events: it was so already."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "card_id": "6f1c2a50-3f0e-4d26-9d3b-0d7c1a4c9b11",
                    "command_id": "api:0b6c…:9f86…",
                    "events": [{"type": "auto_renew_enabled", "at": "2026-11-29T04:00:00Z"}],
                }
            ]
        }
    )

    card_id: UUID
    command_id: str
    events: list[DoneEvent]


def _done(command: AnyCommand, facts: CardFacts) -> Done:
    events = [DoneEvent(type=name_of(one), at=one.at) for one in facts]
    return Done(card_id=command.card_id, command_id=command.command_id, events=events)


def _asking(scope: Scope) -> Callable[..., Asked]:
    def ask(
        request: Request,
        _: Annotated[object, Security(_BEARER)],
        accept_language: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Asked:
        bearer: Bearer = request.state.bearer
        if scope not in bearer.scopes:
            raise ProblemError(403, "missing_scope", f"the token lacks the scope {scope}")
        state = request.app.state
        return Asked(state.portal, bearer, preferred(accept_language), state.printer)

    return ask


Reading = Annotated[Asked, Depends(_asking("cards:read"))]
Writing = Annotated[Asked, Depends(_asking("cards:write"))]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[ -~]+$",
        description="Yours to choose: the same key with the same body is done once, and answered alike.",
    ),
]
