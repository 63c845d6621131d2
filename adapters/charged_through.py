"""Through which gateway a database's cards are charged: roles say it once, and who names another one is refused.

Another gateway would be asked about attempts that it never heard of, and its answer would be believed.
"""

from typing import Any

from psycopg import Connection

from adapters.control import read_control
from adapters.settings import SettingsError
from engine.card.attempt import ChargeAttempted
from engine.envelope import names_of


def charge_through(connection: Connection[Any], gateway: str) -> None:
    """Let the roles charge through `gateway` from now on; raises SettingsError once another one was asked to charge."""
    connection.execute(
        """
        UPDATE control SET gateway = %(gateway)s WHERE gateway IS NULL OR (
            gateway <> %(gateway)s AND NOT EXISTS (SELECT FROM card_events WHERE topic = ANY (%(attempted)s))
        )
        """,
        {"gateway": gateway, "attempted": list(names_of(ChargeAttempted))},
    )
    check_gateway(connection, gateway)


def check_gateway(connection: Connection[Any], gateway: str) -> None:
    """Raise SettingsError where the roles charge through another gateway than this one."""
    refuse_another(gateway, read_control(connection, virtual_clock=True).gateway)


def refuse_another(gateway: str, used: str | None) -> None:
    """Raise SettingsError where another gateway is `used` than this one."""
    if used not in (None, gateway):
        raise SettingsError(
            f"the cards of this database are charged through the gateway {used}, and BAOHAO_GATEWAY is {gateway}; "
            f"set BAOHAO_GATEWAY={used} here, with what belongs to it, or use another database"
        )
