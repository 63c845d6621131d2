"""The example client, as somebody runs it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.adapters.web.pages.holders import HOLDER, NUMBERS, card_id_of

CLIENT = Path(__file__).parents[4] / "scripts/examples/api_client.py"


def run(program, *words, typed=""):
    environment = os.environ | {"BAOHAO_TOKEN": program.token}
    command = [sys.executable, CLIENT, program.address, *map(str, words)]
    return subprocess.run(
        command, check=False, env=environment, input=typed, capture_output=True, text=True, timeout=60
    )


def test_it_lists_the_cards_and_switches_auto_renewal_on_for_one(app):
    assert len(run(app).stdout.splitlines()) == len(NUMBERS)
    card_id = card_id_of("off")
    assert run(app, "--switch-on", card_id, typed="n\n").returncode == 0
    assert app.get(f"/cards/{card_id}").json["consent"] is None
    done = run(app, "--switch-on", card_id, typed="y\n")
    assert "7680 CNY every 12 months, 1920 CNY less than monthly" in done.stdout
    assert "Next payment: 7680 CNY at 2027-01-06T" in done.stdout
    assert app.get(f"/cards/{card_id}").json["auto_renewal_months"] == 12


def test_it_says_what_the_api_refuses(program, other_app):
    done = run(other_app, "--switch-on", card_id_of("off"), typed="y\n")
    assert (done.returncode, done.stderr) == (1, "unknown_card: there is no such card\n")
    writer = program(HOLDER, ["cards:write"])
    assert run(writer).stderr.startswith("missing_scope: ")
