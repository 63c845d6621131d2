"""`baohao sandbox`: it says where it is and how to try it, and ends cleanly."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys

import pytest

from adapters.cli.demo.showing import guide
from adapters.cli.serving import of_demo
from adapters.cli.with_sandbox import with_sandbox
from adapters.gateways.sandbox.webhooks import Webhook, signature
from adapters.settings import load_settings
from tests.adapters.gateways.sandbox.api import Api
from tests.adapters.gateways.sandbox.receiver import receiving


@pytest.fixture
def process(tmp_path):
    """Starts the command; the processes end with the test."""
    started = []

    def start(*words):
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "adapters.cli", "sandbox", *words],
                env=os.environ | {"BAOHAO_HOME": str(tmp_path / "home")},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


def address_of(line):
    return line.split(" at ")[1].split(";")[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_how_to_try_it_and_ends_cleanly(process, tmp_path, number):
    running = process("--port", "0")
    api = Api(address_of(running.stdout.readline()))
    words = shlex.split(running.stdout.readline().removeprefix("try: "))
    assert words[:2] == ["curl", f"{api.address}/v1/payment_intents"]
    form = "&".join(word for word in words if "=" in word)
    tried = api.send("POST", "/v1/payment_intents", form, {"Authorization": "Basic c2tfdGVzdF9zYW5kYm94Og=="})
    assert tried.body["status"] == "succeeded"
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (0, "", "the sandbox is down\n")
    assert (tmp_path / "home" / "sandbox.db").exists()


def test_the_demo_is_its_owners_alone_and_says_what_commands_beside_it_need(tmp_path):
    system = with_sandbox(of_demo(load_settings(home=tmp_path / "a home")), seed=1)
    home = tmp_path / "a home" / "demo"
    assert [folder.stat().st_mode & 0o777 for folder in (home.parent, home)] == [0o700, 0o700]
    given = dict(one.split("=", 1) for one in shlex.split(system.variables))
    assert (given["BAOHAO_HOME"], given["BAOHAO_CLOCK"], given["BAOHAO_GATEWAY"]) == (str(home), "virtual", "stripe")
    assert given["BAOHAO_CONSOLE_URL"] == f"http://console.localhost:{given['BAOHAO_WEB_PORT']}"
    assert f"export {system.variables}" in guide(system)


def test_a_port_that_is_taken_is_a_sentence(process):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        out, err = process("--port", str(port)).communicate(timeout=60)
    assert (out, err) == ("", f"port {port} cannot be had; choose another one with --port\n")


def test_two_sandboxes_never_use_one_record(process):
    first = process("--port", "0")
    assert " at " in first.stdout.readline()
    second = process("--port", "0")
    assert second.wait(timeout=60) == 1
    assert "another sandbox uses the record" in second.stderr.read()


def test_webhooks_and_faults_are_given_at_the_start(process, tmp_path, eventually):
    secret, faults = tmp_path / "secret", tmp_path / "faults.json"
    secret.write_text("whsec_of_tests\n")
    faults.write_text(json.dumps([{"kind": "rate_limit", "path": "charges"}]))
    with receiving() as (receiver, url):
        words = ["--webhook", url, "--webhook-secret-file", str(secret), "--faults", str(faults)]
        api = Api(address_of(process("--port", "0", *words).stdout.readline()))
        api.customer()
        assert api.get("charges").status == 429
        eventually(lambda: receiver.received)
    headers, body = receiver.received[0]
    at = int(headers["Stripe-Signature"].split(",")[0].removeprefix("t="))
    assert headers["Stripe-Signature"] == signature(Webhook(url, "whsec_of_tests"), body, at)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--webhook", "http://127.0.0.1:9/"], "go together"),
        (["--faults", "{faults}"], "lists no faults that can be understood"),
        (["--record", "{folder}/none/money.db"], "there is no folder"),
    ],
)
def test_what_cannot_be_is_a_sentence(process, tmp_path, words, said):
    (tmp_path / "faults.json").write_text('[{"kind": "colour"}]')
    words = [word.format(faults=tmp_path / "faults.json", folder=tmp_path) for word in words]
    running = process("--port", "0", *words)
    out, err = running.communicate(timeout=60)
    assert (running.returncode != 0, out) == (True, "")
    assert said in err
    assert "Traceback" not in err
