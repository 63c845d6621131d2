"""Cards on a real engine and database: registered by commands, due when a test wants it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace
from psycopg import Connection

from adapters.broker.contract import message_of
from adapters.parked import park
from engine.actor import actor
from engine.application import Engine
from engine.card.methods import PaymentMethod
from engine.catalogue import read_catalogue
from engine.commands import BindPaymentMethod, Command, EnableAutoRenew, Issued, RegisterCard
from engine.envelope import Recorded
from engine.policy import Policy
from engine.rules import Rules
from engine.store.log import read_log
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store
from projections.follow import follow
from projections.live import LIVE

BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
"""When the cards are registered."""
FAR = BEGIN + timedelta(days=20)
"""By then all of a test's cards are due."""
TERMS = {"terms_version": "2026-11", "channel": "web"}
EVERYTHING = 100_000
PRICE = 270
"""What a renewal costs, in cents."""
RENEWED = ["renewal_started", "charge_attempted", "charge_succeeded", "card_renewed"]
"""The facts of a renewal."""


def card_id_of(number: int) -> UUID:
    return uuid5(UUID(int=7), f"card {number}")


def commands_for(number: int, token: str) -> list[Command]:
    """A card whose renewal opens `number % 300` days after BEGIN, with one method and auto-renewal."""
    card_id = card_id_of(number)
    method = PaymentMethod(method_id="pm-1", kind="paypal", token=token)
    registration = RegisterCard(
        command_id=f"register-{number}",
        card_id=card_id,
        holder_id=f"holder-{number}",
        plan="keep-plus",
        currency="EUR",
        zone="Africa/Abidjan",  # its days are UTC's
        starts_on=date(2026, 12, 4) + timedelta(days=number % 300),
        months=1,
    )
    return [
        registration,
        BindPaymentMethod(command_id=f"bind-{number}", card_id=card_id, method=method),
        EnableAutoRenew(command_id=f"enable-{number}", card_id=card_id, months=1, **TERMS),
    ]


@dataclass
class Cards:
    """The cards of one test, with their engine, rules and business time."""

    connection: Connection[Any]
    engine: Engine
    policy_and_catalogue: Rules
    now: datetime = BEGIN
    charging_stopped: bool = False

    def rules(self) -> tuple[Rules, datetime]:
        return replace(self.policy_and_catalogue, charging_stopped=self.charging_stopped), self.now

    def park(self, parked):
        park(self.connection, parked)

    def register(self, *numbers: int, token: str = "sim:good:{}") -> list[UUID]:
        """Cards with auto-renewal; `token` determines how their method behaves."""
        for number in numbers:
            self.give(*commands_for(number, token.format(number)))
        return [card_id_of(number) for number in numbers]

    def bind(self, card_id: UUID, method_id: str) -> None:
        method = PaymentMethod(method_id=method_id, kind="paypal", token=f"sim:good:{method_id}")
        self.give(BindPaymentMethod(command_id=f"bind-{method_id}", card_id=card_id, method=method))

    def give(self, *commands: Command) -> None:
        issued = [Issued(command, actor("operator", "tests")) for command in commands]
        answers = self.engine.execute(issued, self.policy_and_catalogue, BEGIN)
        assert not [answer for answer in answers if isinstance(answer, Exception)]

    def project(self) -> None:
        """Bring the read models up to date, as the projector does."""
        while follow(self.connection, LIVE, EVERYTHING).fact_count:
            pass

    def log(self) -> list[Recorded]:
        return read_log(self.connection, 0, EVERYTHING)

    def public_ids(self) -> list[str]:
        """Ids of the public messages of the log, in order."""
        return [str(one.event_id) for one in self.log() if message_of(one.fact) is not None]

    def names(self, card_id: UUID) -> list[str]:
        """Names of the card's facts, oldest first, readable or not."""
        query = "SELECT topic FROM card_events WHERE originator_id = %s ORDER BY originator_version"
        return [topic.partition(".")[0] for (topic,) in self.connection.execute(query, (card_id,))]


def cards_of(connection: Connection[Any], database_url: str, gateway_budget: timedelta) -> tuple[Cards, Any]:
    """Cards on a migrated database, and the connection pool to close afterwards."""
    pool = datastore(database_url, pool_size=2)
    never_late = timedelta(days=365)  # a test may wake its cards as late as it likes
    rules = Rules(Policy(gateway_budget=gateway_budget, late_after=never_late), read_catalogue(None))
    return Cards(connection, Engine(Store(CardRecorder(pool)), actor("system", "consumer")), rules), pool
