"""The people of a simulated world: when cards begin, and when people give or react with which commands."""

from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from engine.actor import Actor, actor
from engine.card.attempt import CaseOpened
from engine.commands import AnnouncePriceChange, Command, ConfirmNumber, ResolveAttempt
from engine.envelope import read_fact
from tests.simulation.agenda import Agenda, on_grid
from tests.simulation.chance import Chance
from tests.simulation.holders import ENDED, Holders, number_found
from tests.simulation.lives import Life
from tests.simulation.memory import Row

OPERATOR = actor("operator", "simulation")


class People:
    """Keeps all cards' lives, and puts what people will do on the agenda; from `quiet_from` on they do nothing new."""

    def __init__(self, chance: Chance, holders: Holders, agenda: Agenda, quiet_from: datetime) -> None:
        self.lives: dict[UUID, Life] = {}
        self._chance = chance
        self._holders = holders
        self._agenda = agenda
        self._quiet_from = quiet_from

    def add_card(self, slot: int, generation: int, at: datetime) -> None:
        """A new card and its first commands."""
        life, commands = self._holders.new_card(slot, generation, at)
        self.lives[life.card_id] = life
        for command in commands:
            self._agenda.add(at, "command", command)
        self._plan_next_command(life, at)

    def random_commands(self, life: Life, rows: list[Row], at: datetime) -> list[Command]:
        """What somebody asks for now, for a card with these facts."""
        if at >= self._quiet_from:
            return []
        commands = self._holders.random_commands(life, rows)
        self._plan_next_command(life, at)
        return commands

    def concurrent_commands(self, card_id: UUID, rows: list[Row]) -> list[Command]:
        """What somebody asks for while a worker handles the card."""
        return self._holders.random_commands(self.lives[card_id], rows)

    def react(self, row: Row, rows: list[Row], at: datetime) -> None:
        """Plan the reaction to a fact, if there is one."""
        life = self.lives[row.card_id]
        if row.topic in ENDED:
            days = 1 + 20 * self._chance.of("again", life.slot, life.generation)
            if at + timedelta(days=days) < self._quiet_from:
                self._agenda.add(on_grid(at + timedelta(days=days)), "birth", (life.slot, life.generation + 1))
        elif row.topic == "case_opened.v1":
            case = cast("CaseOpened", read_fact(*row).fact)
            hours = 1 + 30 * self._chance.of("person", row.card_id, row.version)
            if case.reason == "number_may_be_lost":
                self._agenda.add(on_grid(at + timedelta(hours=9 * hours)), "command", number_found(life))
            else:
                self._agenda.add(on_grid(at + timedelta(hours=hours)), "person", (life, case.about))
        elif at < self._quiet_from or row.topic == "card_held.v1":
            for command in self._holders.reaction(life, row, rows):
                hours = 48 * self._chance.of("reaction", row.card_id, row.version)
                self._agenda.add(on_grid(at + timedelta(hours=hours)), "command", command)

    def who(self, command: Command) -> Actor:
        """Who gives a command: the card's holder, or the operator."""
        if isinstance(command, ResolveAttempt | ConfirmNumber | AnnouncePriceChange):
            return OPERATOR
        return actor("holder", self.lives[command.card_id].holder_id)

    def _plan_next_command(self, life: Life, at: datetime) -> None:
        self._agenda.add(on_grid(at + self._holders.time_to_next_command(life)), "thought", life)
