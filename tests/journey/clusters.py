"""A cluster of real NATS servers on this machine."""

import json
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.ports import free_port

SERVERS = 3
FORMED_WITHIN_S = 60


@dataclass
class Node:
    """One server: its process, and the ports for clients and for what it says of itself."""

    process: subprocess.Popen[bytes]
    port: int
    monitor: int

    def tells(self, about: str) -> dict:
        """What it says of itself."""
        with urlopen(f"http://127.0.0.1:{self.monitor}/{about}", timeout=2) as answer:
            return json.load(answer)

    def serves(self, client: str) -> bool:
        """Whether a client whose name begins so is connected to it."""
        return any(one.get("name", "").startswith(client) for one in self.tells("connz")["connections"])


@contextmanager
def nats_cluster(home: Path) -> Iterator[list[Node]]:
    """Three servers that keep each stream together; killed at the end of the block, also while they are stopped."""
    ports = [free_port() for _ in range(3 * SERVERS)]
    routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports[2::3])
    with ExitStack() as stack:
        nodes = []
        for number in range(SERVERS):
            client, monitor, cluster = ports[3 * number : 3 * number + 3]
            address = ["--addr", "127.0.0.1", "--port", client, "--http_port", monitor]
            together = ["--cluster_name", "test", "--cluster", f"nats://127.0.0.1:{cluster}", "--routes", routes]
            files = ["--name", f"node-{number}", "--jetstream", "--store_dir", home / f"node-{number}"]
            command = [Path(sysconfig.get_path("scripts")) / "nats-server", *address, *together, *files]
            log = stack.enter_context((home / f"node-{number}.log").open("wb"))
            process = subprocess.Popen([*map(str, command)], stdout=log, stderr=log, start_new_session=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            nodes.append(Node(process, client, monitor))
        wait_until_formed(nodes)
        yield nodes


def wait_until_formed(nodes):
    """Wait until the servers have chosen who leads them and all have caught up."""
    deadline = time.monotonic() + FORMED_WITHIN_S
    while True:
        with suppress(OSError):
            if all(node.tells("healthz")["status"] == "ok" for node in nodes):
                meta = [node.tells("jsz").get("meta_cluster", {}) for node in nodes]
                if all(one.get("leader") and one.get("cluster_size") == SERVERS for one in meta):
                    return
        assert time.monotonic() < deadline, "the servers do not form a cluster"
        time.sleep(0.1)
