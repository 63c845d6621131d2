"""The sealer's key, in a file of its own: never in the database, whose owner it is to be checked against."""

import os
from pathlib import Path

from adapters.secret_files import read_secret
from adapters.settings import PREFIX, Settings, SettingsError
from projections.audit.heads import HeadError, PublicKey, SealKey


def seal_key_of(settings: Settings) -> SealKey:
    """The key that is set; raises SettingsError where none is, or its file holds none."""
    if settings.seal_key_file is None:
        raise SettingsError(f"{PREFIX}SEAL_KEY_FILE should name the file of a key; `baohao audit key` makes one.")
    try:
        return SealKey.read(read_secret(settings.seal_key_file))
    except HeadError as error:
        raise SettingsError(f"The file {settings.seal_key_file} is wrong: {error}.") from None


def write_key(file: Path, key: SealKey) -> None:
    """Write a new file that only its owner can read; raises OSError, also where there is one."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:  # noqa: PTH123 (a path cannot be opened with a mode)
        opened.write(f"{key.text}\n")


def public_key(text: str) -> PublicKey:
    """A public key, or that of a file; raises HeadError."""
    if "+" in text:
        return PublicKey.read(text)
    try:
        return PublicKey.read(Path(text).read_text("utf-8"))
    except UnicodeDecodeError:
        raise HeadError(f"{text} holds no public key of a sealer") from None
