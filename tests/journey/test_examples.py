"""The example consumers follow a running system, as somebody runs them: killed, started again, and asked twice."""

import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.card.methods import PaymentMethod
from engine.commands import BindPaymentMethod, EnableAutoRenew, RegisterCard
from tests.adapters.cards import TERMS, card_id_of
from tests.adapters.cli.test_up import Home
from tests.journey.patience import until

EXAMPLES = Path(__file__).parents[2] / "scripts/examples"
RUNNING, LAPSED = str(card_id_of(1)), str(card_id_of(2))


@pytest.fixture(scope="module")
def home():
    """A system that is up, with a card whose term runs, and one whose term ended."""
    home = Home(Path(tempfile.mkdtemp(prefix="baohao-up-")))
    assert home.run("migrate").exit_code == 0
    with home.up() as system:
        give(home, registration(1, days_ago=3), registration(2, days_ago=45))
        yield home
        system.terminate()
        system.communicate(timeout=60)
    shutil.rmtree(home.folder)


def registration(number, days_ago):
    return RegisterCard(
        command_id=f"register-{number}",
        card_id=card_id_of(number),
        holder_id=f"holder-{number}",
        plan="keep-short",
        currency="EUR",
        zone="Europe/Berlin",
        starts_on=datetime.now(UTC).date() - timedelta(days=days_ago),
        months=1,
        lapsed=days_ago > 30,
    )


def give(home, *commands):
    lines = "\n".join(command.model_dump_json() for command in commands)
    done = home.run("import", "-", "--json", given=lines)
    assert done.exit_code == 0, done.stdout + done.stderr


def command(home, script, *words):
    return [sys.executable, EXAMPLES / script, home.urls()[1], *map(str, words)]


@contextmanager
def started(home, script, *words):
    with subprocess.Popen(command(home, script, *words), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_in(file):
    if not file.exists():
        return {}
    with closing(sqlite3.connect(file)) as db:
        try:
            return dict(db.execute("SELECT card_id, state FROM lines"))
        except sqlite3.OperationalError:  # the tables are being made
            return {}


def journal(home, folder):
    """The rows of all days after one more run."""
    subprocess.run(command(home, "finance_journal.py", folder), check=True, timeout=60)
    files = sorted(folder.glob("journal-*.csv"))
    return [row for file in files for row in csv.DictReader(file.read_text("utf-8").splitlines())]


def test_a_carrier_switches_lines_off_and_on_and_finance_keeps_a_journal(home, tmp_path):
    lines, folder = tmp_path / "lines.sqlite3", tmp_path / "journal"
    with started(home, "carrier_lines.py", lines) as carrier:
        until(lambda: lines_in(lines) == {RUNNING: "on", LAPSED: "off"})
        os.kill(carrier.pid, signal.SIGKILL)
    assert journal(home, folder) == []

    method = PaymentMethod(method_id="pm-1", kind="paypal", token="sim:good:1")
    give(
        home,
        BindPaymentMethod(command_id="bind-2", card_id=card_id_of(2), method=method),
        EnableAutoRenew(command_id="enable-2", card_id=card_id_of(2), months=1, **TERMS),
    )
    with started(home, "carrier_lines.py", lines):
        until(lambda: lines_in(lines) == {RUNNING: "on", LAPSED: "on"})

    [charged] = journal(home, folder)
    assert (charged["event"], charged["card_id"], charged["currency"]) == ("charge_succeeded", LAPSED, "EUR")
    assert int(charged["minor"]) > 0
    assert home.run("refund", charged["attempt_id"]).exit_code == 0
    until(lambda: sum(int(row["minor"]) for row in journal(home, folder)) == 0)
    assert [row["event"] for row in journal(home, folder)] == ["charge_succeeded", "charge_refunded"]


def test_the_follower_shows_a_card_from_its_registration_on(home):
    with started(home, "follow_events.py", "shown") as follower:
        shown = [follower.stdout.readline().split(maxsplit=3) for _ in range(3)]
    assert {line[1] for line in shown} == {RUNNING, LAPSED}
    assert shown[0][2] == "baohao.card_registered.v1"
