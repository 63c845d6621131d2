"""`baohao up` on embedded servers: it keeps them, shares them, starts them again, and is the only one on its home."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import nats
import psutil
import psycopg
import pytest
from typer.testing import CliRunner

from adapters.cli.app import app
from adapters.control import move_clock
from adapters.embedded import NatsServer, PostgresServer, url_in_use
from tests.adapters.cards import BEGIN, card_id_of, commands_for
from tests.journey.patience import until


class Home:
    """A home folder and commands on it, each a process."""

    def __init__(self, folder):
        self.folder = folder
        outside = {"DATABASE_URL", "NATS_URL", "BAOHAO_HOME", "BAOHAO_NATS_PORT"}
        kept = {name: value for name, value in os.environ.items() if name not in outside}
        self.environment = kept | {"BAOHAO_HOME": str(folder), "BAOHAO_NATS_PORT": "0"}

    @contextmanager
    def start(self, *words):
        command = [sys.executable, "-m", "adapters.cli", *map(str, words)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, env=self.environment, **pipes, text=True) as process:
            try:
                yield process
            finally:
                process.kill()  # where a test failed; else it has ended

    def ended(self, *words, given=""):
        with self.start(*words) as process:
            out, err = process.communicate(given, timeout=60)
        return process.returncode, out, err

    def json(self, *words):
        """What a command prints that ends with status 0, in this process: quicker than one of its own."""
        done = self.run(*words, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, *words, given=""):
        unset = dict.fromkeys(os.environ.keys() - self.environment.keys())
        words = [str(word) for word in words]
        return CliRunner().invoke(app, words, given, env=unset | self.environment, catch_exceptions=False)

    @contextmanager
    def up(self):
        """`baohao up`, once it says that it is up."""
        with self.start("up") as process:
            line = process.stderr.readline()
            assert line.startswith("Baohao is up: consumer, projector, publisher, scheduler; events on nats://")
            yield process

    def urls(self):
        return url_in_use(PostgresServer(self.folder)), url_in_use(NatsServer(self.folder, 0))

    def log(self, role):
        return (self.folder / "logs" / f"{role}.log").read_text()

    def server_pid(self, file):
        return int((self.folder / file).read_text().split()[0])


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(prefix="baohao-up-"))
    yield Home(folder)
    shutil.rmtree(folder)


class Running(NamedTuple):
    """A system, and a command that had started its servers before it."""

    home: Home
    system: subprocess.Popen[str]
    importing: subprocess.Popen[str]


@pytest.fixture(scope="module")
def running():
    """On a home of its own and a virtual clock; at the end it is terminated."""
    home = Home(Path(tempfile.mkdtemp(prefix="baohao-up-")))
    home.environment["BAOHAO_CLOCK"] = "virtual"
    assert home.run("migrate").exit_code == 0
    with home.start("import", "-") as importing:
        until(lambda: home.urls()[0])
        with home.up() as system:
            yield Running(home, system, importing)
            system.terminate()
            system.communicate(timeout=60)
    assert system.returncode == 0
    assert home.urls() == (None, None)
    shutil.rmtree(home.folder)


LINES = "\n".join(command.model_dump_json() for command in commands_for(1, "sim:good:1"))


def answers(urls):
    """Whether both servers answer."""

    async def ping():
        client = await nats.connect(urls[1], allow_reconnect=False, connect_timeout=1)
        await client.close()

    try:
        psycopg.connect(urls[0]).close()
        asyncio.run(ping())
    except (psycopg.Error, OSError, nats.errors.Error):
        return False
    return True


@pytest.mark.usefixtures("started_truly")
def test_killed_servers_are_started_again_at_their_addresses_and_ctrl_c_ends_in_order(home):
    with home.up() as system:
        before = home.urls()
        with psycopg.connect(before[0]) as application, pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("ALTER TABLE card_events DISABLE TRIGGER ALL")
        until(lambda: "role.leading" in home.log("projector"))
        for file in ("postgres/postmaster.pid", "nats/nats.pid"):
            pid = home.server_pid(file)
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")
        until(lambda: answers(before))
        assert home.urls() == before
        until(lambda: "role.recovered" in home.log("projector"))
        assert home.log("projector").count("role.recovered") == 1
        assert home.ended("import", "-", given=LINES)[0] == 0
        until(lambda: home.json("cards", "list"))
        system.send_signal(signal.SIGINT)
        _, err = system.communicate(timeout=60)
    assert (system.returncode, err.splitlines()[-1]) == (0, "Baohao is down")
    assert len(re.findall(r'"event":"server.restarted"', err)) == 2
    assert home.urls() == (None, None)


def test_a_command_that_started_first_leaves_the_servers_to_the_system(running):
    out, _ = running.importing.communicate(LINES, timeout=60)
    assert out.startswith("lines 3")
    assert answers(running.home.urls())


def test_status_without_a_system_says_how_to_start_one(home):
    nothing = home.run("status", "--json")
    assert (nothing.exit_code, nothing.stderr) == (1, "")
    assert json.loads(nothing.stdout)["problems"][0] == f"no database runs in {home.folder}; `baohao up` starts one"


def test_status_shows_what_runs_and_what_is_missing(running):
    home, system, _ = running
    until(lambda: "role.leading" in home.log("scheduler"))
    with home.start("run", "scheduler") as standby:
        until(lambda: '"role.standby"' in standby.stderr.readline())
        until(lambda: home.run("status", "--json").exit_code == 0)
        found = home.json("status")
        roles = {(one["role"], one["leads"]) for one in found["database"]["roles"]}
        assert roles >= {("consumer", None), ("projector", True), ("publisher", True), ("scheduler", True)}
        by_pid = {one["pid"]: (one["role"], one["leads"]) for one in found["database"]["roles"]}
        assert by_pid[standby.pid] == ("scheduler", False)
        assert found["system"] == f"baohao up (process {system.pid})"
        assert found["database"]["lag"].keys() >= {"publisher", "read_models"}
        assert found["broker"]["due_waiting"] == 0
        shown = home.run("status").stdout
        assert "leads" in shown
        assert "stands by" in shown
        assert "goes on" in shown
        standby.terminate()
        standby.communicate(timeout=60)


def test_time_passes_on_a_virtual_clock_by_a_command_and_the_cards_act(home, running, tmp_path):
    status, _, err = home.ended("clock", "forward", "30d")
    assert (status, err.split(",")[0]) == (1, "this system's clock is the real one")
    nobodys = Home(tmp_path)
    nobodys.environment["BAOHAO_CLOCK"] = "virtual"
    status, _, err = nobodys.ended("clock", "forward", "30d")
    assert (status, err) == (1, f"nothing runs in {tmp_path} that time could pass for; start `baohao up` first\n")
    home = running.home
    with psycopg.connect(home.urls()[0], autocommit=True) as connection:
        move_clock(connection, BEGIN)
    lines = "\n".join(command.model_dump_json() for command in commands_for(2, "sim:good:2"))
    assert home.run("import", "-", given=lines).exit_code == 0
    moved = {name: datetime.fromisoformat(at) for name, at in home.json("clock", "forward", "30d").items()}
    assert moved == {"was": BEGIN, "now": BEGIN + timedelta(days=30)}
    history = home.json("card", "history", card_id_of(2))
    assert "card_renewed.v1" in [fact["name"] for fact in history]
    assert not [fact for fact in history if fact["name"].startswith("deadlines_moved")]


def test_a_second_system_on_the_home_is_refused_and_the_first_goes_on(running):
    home, system, _ = running
    first = f"baohao up (process {system.pid}) already runs on {home.folder}; "
    status, _, err = home.ended("up")
    assert (status, err) == (1, f"{first}stop it first, or set BAOHAO_HOME to another folder\n")
    status, _, err = home.ended("demo", "--cards", 5, "--home", home.folder)
    assert (status, err.strip()) == (1, f"{first}give the demo another --home")
    assert answers(home.urls())


def test_a_demo_does_not_touch_the_data_of_another_system(tmp_path):
    (tmp_path / "postgres").mkdir()
    status, _, err = Home(tmp_path).ended("demo", "--cards", 5, "--home", tmp_path)
    assert status == 1
    assert "holds the data of a system that `baohao demo` did not make" in err
    assert [path.name for path in tmp_path.iterdir()] == ["postgres"]


def test_the_port_of_nats_is_a_setting_and_one_that_is_taken_is_named(home, nats_url):
    home = Home(home.folder)
    home.environment["BAOHAO_NATS_PORT"] = taken = nats_url.rpartition(":")[2]
    status, _, err = home.ended("up")
    assert status == 1
    assert f"port {taken} is taken; set BAOHAO_NATS_PORT to a free one" in err
    assert home.urls() == (None, None)
