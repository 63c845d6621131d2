"""An installation for a module's tests, and the command line on it: in this process, or in one of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from adapters import embedded
from adapters.cli.app import app
from adapters.control import move_clock
from adapters.schema import migrate
from engine.policy import Policy
from projections.audit.heads import SealKey
from projections.audit.sealing import seal_next
from tests.adapters.cards import cards_of, commands_for
from tests.engine.databases import application_url

_numbers = count(1)
PROCESS_S = 60


@dataclass
class Installation:
    """A migrated database, and commands on it."""

    environment: dict[str, str]

    @property
    def database_url(self) -> str:
        """As its owner; the commands are the application."""
        return embedded.owner_url(self.environment["DATABASE_URL"])

    def migrate(self) -> None:
        migrate(self.database_url, self.environment["DATABASE_URL"])

    def run(self, *words: object, **environment: str):
        """The command in this process; its `exit_code`, `stdout` and `stderr`."""
        words = [str(word) for word in words]
        return CliRunner().invoke(app, words, env=self.environment | environment, catch_exceptions=False)

    def ended_with(self, stdin: str, *words: object):
        """The command in this process, given that on standard input."""
        return CliRunner().invoke(app, [str(one) for one in words], stdin, self.environment, catch_exceptions=False)

    def json(self, *words: object) -> Any:
        """The command's JSON, the only line on stdout."""
        done = self.run(*words, "--json")
        assert done.exit_code == 0, done.stderr
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)

    def process(self, *words: object, **environment: str) -> subprocess.Popen[str]:
        """The command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "adapters.cli", *map(str, words)],
            env=os.environ | self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, *words: object, **environment: str) -> tuple[int, str, str]:
        """Status, stdout and stderr of a process that ends by itself."""
        with self.process(*words, **environment) as process:
            try:
                out, err = process.communicate(timeout=PROCESS_S)
            finally:
                process.kill()
        return process.returncode, out, err


@pytest.fixture(scope="module")
def new_installation(postgres_url, nats_url, tmp_path_factory):
    """Makes empty databases that last as long as the module's tests."""
    made = []
    home = tmp_path_factory.mktemp("installation") / "home"

    def make() -> Installation:
        made.append(f"cli_{next(_numbers)}")
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {made[-1]}")
        database_url = application_url(postgres_url).replace("/baohao?", f"/{made[-1]}?")
        return Installation({"DATABASE_URL": database_url, "NATS_URL": nats_url, "BAOHAO_HOME": str(home)})

    yield make
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def installation(new_installation):
    """A migrated database."""
    fresh = new_installation()
    fresh.migrate()
    return fresh


def on_virtual_clock(fresh: Installation, now: datetime) -> Installation:
    """A migrated database whose virtual clock stands at `now`, and commands that go by it."""
    fresh.migrate()
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        move_clock(connection, now)
    return Installation(fresh.environment | {"BAOHAO_CLOCK": "virtual"})


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    return tmp_path_factory.mktemp("keys") / "seal.key"


@pytest.fixture(scope="module")
def public(installation, key_file):
    """Made by the command, with two cards sealed by it."""
    public_key = installation.json("audit", "key", key_file, "--name", "baohao.example/1")["public_key"]
    lines = [command.model_dump_json() for number in (1, 2) for command in commands_for(number, "sim:good:x")]
    file = key_file.with_name("cards.jsonl")
    file.write_text("\n".join(lines))
    installation.json("import", file)
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        while seal_next(connection, SealKey.read(key_file.read_text()), 4) is not None:
            pass
    return public_key


@pytest.fixture(scope="module")
def cards(installation):
    """Cards in it, as the roles work on them."""
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        found, pool = cards_of(connection, installation.database_url, Policy().gateway_budget)
        yield found
        pool.close()
