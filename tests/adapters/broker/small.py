"""A broker whose store is small."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.embedded.nats_server import _program

CONFIGURATION = """
host: 127.0.0.1
port: -1
ports_file_dir: "{folder}"
jetstream {{ store_dir: "{folder}", max_file_store: {room} }}
"""


@contextmanager
def broker_with_room(folder: Path, room: int) -> Iterator[str]:
    """A NATS server with so many bytes for all streams together, for the block; yields its URL."""
    file = folder / "nats.conf"
    file.write_text(CONFIGURATION.format(folder=folder, room=room))
    with subprocess.Popen([_program(), "--config", file], stderr=subprocess.DEVNULL) as process:
        try:
            yield _url(folder / f"nats-server_{process.pid}.ports")
        finally:
            process.terminate()


def _url(ports: Path) -> str:
    deadline = time.monotonic() + 60
    while not (ports.exists() and ports.read_text().endswith("}")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return json.loads(ports.read_text())["nats"][0]
