"""A log that is published on NATS, and another broker to which it is forwarded, as the roles do it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from nats.aio.client import Client

from adapters.broker.outlets.outlet import Outlet
from adapters.roles.forwarder import forward, resume
from adapters.roles.publisher import Begun, start_epoch
from adapters.settings import load_settings
from tests.adapters.stored import CELL, LIMIT, publish_all, stored


class BreaksBeforeCommit(psycopg.Connection):
    """A database connection that is lost after sending and before the commit."""

    def commit(self):
        self.close()
        super().commit()


@dataclass
class Telling:
    run: Callable[..., Any]
    connection: psycopg.Connection[Any]
    client: Client
    outlet: Outlet

    def publish(self) -> int:
        return self.run(publish_all(self.connection, self.client))

    def published(self):
        """The messages on NATS, and of each the attributes of the CloudEvent."""
        return [(one, _attributes(one.headers or {})) for one in self.run(stored(self.client))]

    def start_epoch(self) -> Begun:
        return self.run(start_epoch(self.connection, self.client, load_settings()))

    def resume(self, outlet: Outlet | None = None) -> None:
        self.run(resume(self.connection, outlet or self.outlet))

    def step(self, connection: psycopg.Connection[Any] | None = None, outlet: Outlet | None = None):
        return self.run(forward(connection or self.connection, outlet or self.outlet, CELL.name, LIMIT))

    def forward(self, outlet: Outlet | None = None) -> int:
        """Until nothing is left; how many messages were sent."""
        self.resume(outlet)
        sent, more = 0, True
        while more:
            messages, more = self.step(outlet=outlet)
            sent += messages
        return sent

    def killed_before_it_saves(self) -> None:
        """One step, whose messages the broker has, while the position stays."""
        url = self.connection.info.dsn
        with BreaksBeforeCommit.connect(url, autocommit=True) as dying:
            try:
                self.step(dying)
            except psycopg.OperationalError:
                return
        raise AssertionError("it was not killed")


def _attributes(headers):
    return {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
