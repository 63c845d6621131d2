"""An operator of the console for the demo, whose second factor can be had without a phone."""

from pathlib import Path

import psycopg

from adapters.clock import recorded_now
from adapters.directory.visit import Visit
from adapters.web.console.accounts import add_operator
from adapters.web.console.proof import code_at
from adapters.web.console.signing_in import Typed, find_invited, set_up

OPERATOR = "operator@example.com"
FILE = "demo.totp"
"""In the home folder: the secret of the authenticator app, which only its owner reads."""


async def open_operator(database_url: str, home: Path, password: str) -> None:
    """The account, set up; may be repeated."""
    visit = Visit(recorded_now())
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        invitation = await add_operator(connection, OPERATOR, "operator", visit.now)
        invited = invitation and await find_invited(connection, invitation.token, visit)
        if invitation is None or invited is None:
            return
        file = home / FILE
        file.touch(mode=0o600)
        file.write_text(invited.totp_secret, "utf-8")
        typed = Typed(OPERATOR, password, code_at(invited.totp_secret, visit.now))
        await set_up(connection, invitation.token, typed, visit)


def secret_in(home: Path) -> str | None:
    """The secret of the operator's authenticator app; None before the account is there."""
    file = home / FILE
    return file.read_text("utf-8") if file.exists() else None


def code_now(home: Path) -> str | None:
    """What the operator's authenticator app would show at this moment."""
    secret = secret_in(home)
    return secret and code_at(secret, recorded_now())
