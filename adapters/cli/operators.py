"""Accounts of the console: making, listing, resetting and removing them."""

import sys

from adapters.cli.output import err, put_fields, put_json, put_rows
from adapters.cli.servers import waiting_on
from adapters.clock import recorded_now
from adapters.directory.addresses import email_as_read
from adapters.settings import Settings
from adapters.web.console.accounts import Invitation, add_operator, list_operators, remove_operator, reset_operator
from adapters.web.console.roles import Role
from engine.errors import BaohaoError

NO_CONSOLE = "CONSOLE"
"""Stands for the address of the console where none is set."""


def add(settings: Settings, email: str, role: Role, *, as_json: bool) -> None:
    """Make an account; on stdout is the link alone. Raises BaohaoError where there is one, or the address is none."""
    address, now = _address(email), recorded_now()
    invitation = waiting_on(settings, lambda connection: add_operator(connection, address, role, now))
    if invitation is None:
        raise BaohaoError("another account has that address; `baohao operator reset` lets it be set up anew")
    _put(settings, invitation, as_json=as_json)


def reset(settings: Settings, email: str, *, as_json: bool) -> None:
    """Let an account be set up anew; raises BaohaoError if there is none."""
    address, now = _address(email), recorded_now()
    invitation = waiting_on(settings, lambda connection: reset_operator(connection, address, now))
    if invitation is None:
        raise BaohaoError("there is no such account")
    _put(settings, invitation, as_json=as_json)


def remove(settings: Settings, email: str, *, as_json: bool) -> None:
    """End an account at once; raises BaohaoError if there is none."""
    address, now = _address(email), recorded_now()
    operator_id = waiting_on(settings, lambda connection: remove_operator(connection, address, now))
    if operator_id is None:
        raise BaohaoError("there is no such account")
    put_fields("operator", {"operator_id": operator_id, "removed_at": now}, as_json=as_json)


def show_all(settings: Settings, *, as_json: bool) -> None:
    """All accounts that are not removed."""
    put_rows("operators", waiting_on(settings, list_operators), as_json=as_json)


def link_of(settings: Settings, token: str) -> str:
    """Where an account is set up."""
    return f"{settings.console_url or NO_CONSOLE}/set-up/{token}"


def _address(typed: str) -> str:
    address = email_as_read(typed)
    if address is None:
        raise BaohaoError("what is given as an e-mail address is none")
    return address


def _put(settings: Settings, invitation: Invitation, *, as_json: bool) -> None:
    link = link_of(settings, invitation.token)
    if as_json:
        put_json({"operator_id": invitation.operator_id, "link": link, "works_until": invitation.until})
        return
    sys.stdout.write(f"{link}\n")
    where = "" if settings.console_url else f"; {NO_CONSOLE} stands for its address, which BAOHAO_CONSOLE_URL sets"
    until = f"{invitation.until:%Y-%m-%d %H:%M} UTC"
    err.print(f"{invitation.operator_id} sets password and second factor there, once, until {until}{where}")
