"""`baohao broker config`: the accounts of NATS, and a password for each."""

import os
import secrets
from pathlib import Path

from adapters.broker import accounts
from adapters.broker.names import OUR_NAME
from adapters.cli.output import put_fields
from adapters.secret_files import read_secret
from adapters.settings import Settings

FILE = "accounts.conf"


def write(settings: Settings, folder: Path, *, as_json: bool) -> None:
    """Write the accounts and the passwords that are missing; those that are there stay."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = [OUR_NAME, *sorted(settings.reader_names | settings.sender_names)]
    passwords = {name: _password(folder / f"{name}.password") for name in names}
    _write(folder / FILE, accounts.config(settings.reader_names, settings.sender_names, passwords))
    put_fields("broker", {"accounts": str(folder / FILE), "users": ", ".join(names)}, as_json=as_json)


def _password(file: Path) -> str:
    if not file.exists():
        _write(file, secrets.token_urlsafe(32) + "\n")
    return read_secret(file)


def _write(file: Path, text: str) -> None:
    """Whole or not at all, for its owner alone."""
    half = file.with_name(f".{file.name}.new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
        new.write(text)
    half.replace(file)
