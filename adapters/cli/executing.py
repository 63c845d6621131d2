"""One command of the engine, given on the command line: checked, executed, and refused in a sentence."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import psycopg
import typer
from pydantic import BaseModel, ValidationError

from adapters.cli.output import err
from adapters.cli.servers import database
from adapters.clock_check import clock_of
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_now, rules_of
from engine.card.event import Event
from engine.commands import AnyCommand, Issued
from engine.errors import Refused

C = TypeVar("C", bound=BaseModel)


class Done(NamedTuple):
    """What a command led to; `repeated`: the same command had been given before."""

    recorded: Sequence[Event]
    repeated: bool

    @property
    def facts(self) -> list[str]:
        """The names of its facts."""
        return [type(fact).__name__ for fact in self.recorded]


def execute(settings: Settings, command: AnyCommand) -> Done:
    """Execute a command; where it is refused, exit status 1."""
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url, autocommit=True) as open_connection:
            rules, at = rules_now(open_connection, clock_of(settings), rules_of(settings))
        engine, issued = engine_of(settings, url, "cli"), Issued(command, operator_of(settings))
        repeated = bool(engine.accepted_before([command.command_id]))
        (answer,) = engine.execute([issued], rules, at)
    if isinstance(answer, Exception):
        code = f" [{answer.code}]" if isinstance(answer, Refused) else ""
        err.print(f"{answer}{code}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    return Done(answer, repeated)


def valid(kind: type[C], fields: Mapping[str, object]) -> C:
    """The command with these fields; where one is malformed, exit status 2."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(wrong["msg"], param_hint=str(wrong["loc"][0])) from None
