"""Tokens of the API, for operators: making, listing and revoking them."""

import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from adapters.cli.output import err, put_fields, put_json, put_rows
from adapters.cli.servers import waiting_on
from adapters.clock import recorded_now
from adapters.settings import Settings
from adapters.web.api.tokens import SCOPES, NewToken, Scope, create_token, list_tokens, revoke_token
from engine.errors import BaohaoError
from engine.text import is_contact

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOLDER_CHARACTERS_MOST = 200


class Wanted(NamedTuple):
    """A token as an operator asks for it."""

    name: str
    holder: str | None
    scopes: Sequence[str]
    days: int


def create(settings: Settings, wanted: Wanted, *, as_json: bool) -> None:
    """Make a token; on stdout is the token alone. Raises BaohaoError for what cannot be one."""
    if not _NAME.fullmatch(wanted.name) or is_contact(wanted.name):
        raise BaohaoError("a name has 1 to 64 letters, digits, dots, hyphens and underscores, and is no address")
    holder = wanted.holder
    if holder is not None and (not 0 < len(holder) <= _HOLDER_CHARACTERS_MOST or "\x00" in holder):
        raise BaohaoError(f"a holder's id has 1 to {_HOLDER_CHARACTERS_MOST} characters")
    scopes: list[Scope] = [one for one in SCOPES if one in wanted.scopes]
    if unknown := set(wanted.scopes) - set(SCOPES):
        raise BaohaoError(f"there is no scope {min(unknown)}; choose of {', '.join(SCOPES)}")
    new = NewToken(wanted.name, holder, scopes, timedelta(days=wanted.days))
    now = recorded_now()
    token = waiting_on(settings, lambda connection: create_token(connection, new, now))
    if token is None:
        raise BaohaoError("another token has, or had, that name")
    if as_json:
        put_json({"name": new.name, "token": token, "expires_at": now + new.lasts})
        return
    sys.stdout.write(f"{token}\n")
    err.print("keep it safe: it is not shown again", soft_wrap=True)


def show_all(settings: Settings, *, as_json: bool) -> None:
    """All tokens, also those that are over."""
    put_rows("tokens", waiting_on(settings, list_tokens), as_json=as_json)


def revoke(settings: Settings, name: str, *, as_json: bool) -> None:
    """End a token at once; raises BaohaoError if there is none of that name that still is."""
    now = recorded_now()
    if not waiting_on(settings, lambda connection: revoke_token(connection, name, now)):
        raise BaohaoError(f"there is no token {name} that is not revoked already")
    put_fields("token", {"name": name, "revoked_at": now}, as_json=as_json)
