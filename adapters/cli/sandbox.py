"""`baohao sandbox`: a payment provider of our own in this process, until Ctrl-C."""

import asyncio
import errno
import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import DecodeError, json

from adapters.cli.output import err, out
from adapters.gateways.sandbox.faults import Fault
from adapters.gateways.sandbox.server import Options, serving
from adapters.logs import configure_logs
from adapters.secret_files import read_secret
from adapters.settings import Settings
from engine.errors import BaohaoError

RECORD = "sandbox.db"
_TRY = "curl {address}/v1/payment_intents -u sk_test_sandbox: -d amount=500 -d currency=usd -d confirm=true -d "
_TRY += "payment_method=pm_card_visa -d 'payment_method_types[]=card'"


class SandboxError(BaohaoError):
    """The sandbox cannot be started; the message says why, and what to do."""


def record_of(settings: Settings, record: Path | None) -> Path:
    """The file of the record: the one named, or one in the home folder, which is created."""
    if record is None:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return settings.home / RECORD
    return record


def secret_of(file: Path) -> str:
    """The secret by which webhooks are signed; raises SettingsError."""
    return read_secret(file)


def faults_of(file: Path) -> tuple[Fault, ...]:
    """The faults that a JSON file lists; raises SandboxError."""
    try:
        return json.decode(file.read_bytes(), type=tuple[Fault, ...])
    except DecodeError as error:
        raise SandboxError(f"{file} lists no faults that can be understood: {error}") from None


def run(settings: Settings, options: Options) -> None:
    """Serve until Ctrl-C or SIGTERM; raises SandboxError where the port is taken."""
    configure_logs("sandbox", settings.log_level, settings.log_format)
    try:
        with _alone_on(Path(options.record)):
            asyncio.run(_serve(options))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise SandboxError(f"port {options.port} cannot be had; choose another one with --port") from None


@contextmanager
def _alone_on(record: Path) -> Iterator[None]:
    """One sandbox uses a record; raises SandboxError. The lock ends with the process, however it ends."""
    if not record.parent.is_dir():
        raise SandboxError(f"there is no folder {record.parent} for the record")
    with record.with_name(f"{record.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another sandbox uses the record {record}; stop it, or choose another one with --record"
            raise SandboxError(message) from None
        yield


async def _serve(options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(options) as address:
        out.print(f"the sandbox is up at {address}; its record is {options.record}; Ctrl-C stops it", soft_wrap=True)
        out.print(f"try: {_TRY.format(address=address)}", markup=False, highlight=False, soft_wrap=True)
        await stop.wait()
    err.print("the sandbox is down")
