"""Accounts of the broker: a reader and a sender do what they are for on a real server, and nothing else."""

import asyncio
import json
import socket
import subprocess
import sysconfig
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats
import pytest
from nats.js.api import StreamConfig

from adapters.broker.commands import ANSWERS_STREAM, COMMANDS_STREAM
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.readers import ensure_readers
from adapters.broker.streams import ensure_command_streams, ensure_due_stream, ensure_events_stream
from adapters.cli import broker_accounts
from adapters.settings import SettingsError, load_settings
from tests.ports import free_port

PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"
PATIENCE_S = 60
SETTINGS = load_settings(readers="finance,carrier", senders="crm")
CARD = "0b2f7d1e-5a3c-5d7e-9f10-2b6c8d4e1a90"


@pytest.fixture
def folder(tmp_path):
    broker_accounts.write(SETTINGS, tmp_path / "accounts", as_json=True)
    return tmp_path / "accounts"


class Guarded:
    """A server with these accounts; `client` connects as one of them."""

    def __init__(self, port, folder):
        self.port, self.folder, self.refused = port, folder, []

    @asynccontextmanager
    async def client(self, name):
        async def heard(error):
            self.refused.append(str(error))

        password = (self.folder / f"{name}.password").read_text().strip()
        client = await nats.connect(
            f"nats://127.0.0.1:{self.port}", user=name, password=password, inbox_prefix=f"_INBOX.{name}", error_cb=heard
        )
        yield client
        await client.close()

    async def with_streams(self):
        async with self.client("baohao") as ours:
            jetstream = ours.jetstream()
            await ensure_events_stream(jetstream, SETTINGS)
            await ensure_due_stream(jetstream, SETTINGS)
            await ensure_command_streams(jetstream, SETTINGS)
            await ensure_readers(jetstream, EVENTS_STREAM, SETTINGS.reader_names, "baohao.v1.>")

    async def refuses(self, name, action):
        """Whether the server soon says that it lets nobody of that name do so."""
        before = len(self.refused)
        async with self.client(name) as client:
            await action(client)
            await client.flush()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    while len(self.refused) == before:  # noqa: ASYNC110 (the client calls back)
                        await asyncio.sleep(0.01)
        return "permissions violation" in str(self.refused[before:]).lower()


@pytest.fixture
def guarded(run, folder, tmp_path, eventually):
    port, log, conf = free_port(), tmp_path / "nats.log", tmp_path / "nats.conf"
    conf.write_text(
        f"listen: 127.0.0.1:{port}\njetstream {{ store_dir: {tmp_path}/nats }}\ninclude accounts/accounts.conf\n"
    )
    server = subprocess.Popen([PROGRAM, "--config", conf, "--log", log])
    eventually(lambda: log.exists() and "Server is ready" in log.read_text())
    found = Guarded(port, folder)
    run(found.with_streams())
    yield found
    server.kill()
    server.wait()


def test_a_reader_fetches_events_from_its_place_and_acknowledges_them(run, guarded):
    async def scenario():
        async with guarded.client("baohao") as ours:
            for number in (1, 2):
                await ours.jetstream().publish(f"baohao.v1.card.{CARD}.card_held", json.dumps(number).encode())
        heard = []
        for _ in range(2):  # the second time it goes on where it was
            async with guarded.client("finance") as client:
                place = await client.jetstream().pull_subscribe("baohao.v1.>", "finance", EVENTS_STREAM)
                [event] = await place.fetch(1, timeout=60)
                await event.ack_sync()
                heard.append(event.data)
        return heard

    assert run(scenario()) == [b"1", b"2"]
    assert guarded.refused == []


def test_a_sender_queues_commands_asks_and_fetches_its_answers(run, guarded):
    async def scenario():
        async with guarded.client("baohao") as ours, guarded.client("crm") as client:

            async def answer(message):
                await message.respond(b"done")

            await ours.subscribe("baohao.v1.ask.*.*", "commands", answer)
            await ours.flush()
            queued = await client.jetstream().publish("baohao.v1.command.crm.close_card", b"{}")
            reply = await client.request("baohao.v1.ask.crm.close_card", b"{}", timeout=60)
            await ours.jetstream().publish("baohao.v1.answer.crm.command_accepted", b"{}")
            answers = await client.jetstream().pull_subscribe("baohao.v1.answer.crm.*", "crm", ANSWERS_STREAM)
            [told] = await answers.fetch(1, timeout=60)
            await told.ack_sync()
        return queued.stream, reply.data, told.subject

    assert run(scenario()) == (COMMANDS_STREAM, b"done", "baohao.v1.answer.crm.command_accepted")
    assert guarded.refused == []


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("finance", f"baohao.v1.card.{CARD}.card_held"),
        ("finance", "baohao.v1.command.finance.close_card"),
        ("finance", "baohao.v1.command.crm.close_card"),
        ("finance", "baohao.due"),
        ("finance", f"$JS.API.STREAM.DELETE.{EVENTS_STREAM}"),
        ("finance", f"$JS.API.CONSUMER.CREATE.{EVENTS_STREAM}.finance"),
        ("finance", f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS_STREAM}.carrier"),
        ("finance", "_INBOX.crm.1"),
        ("crm", "baohao.v1.command.finance.close_card"),
        ("crm", "baohao.v1.ask.finance.close_card"),
        ("crm", "baohao.v1.command.crm.close_card.more"),
        ("crm", "baohao.v1.answer.crm.command_accepted"),
        ("crm", "baohao.due"),
        ("crm", f"$JS.API.STREAM.PURGE.{COMMANDS_STREAM}"),
        ("crm", f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS_STREAM}.crm"),
    ],
)
def test_what_an_account_is_not_for_it_may_not_publish(run, guarded, name, subject):
    assert run(guarded.refuses(name, lambda client: client.publish(subject, b"{}")))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("finance", ">"),
        ("finance", "_INBOX.>"),
        ("finance", "_INBOX.carrier.>"),
        ("finance", "baohao.v1.command.>"),
        ("finance", "baohao.v1.answer.crm.*"),
        ("finance", "baohao.due"),
        ("finance", "$SYS.>"),
        ("crm", "baohao.v1.card.>"),
        ("crm", "baohao.v1.ask.>"),
        ("crm", "baohao.v1.answer.>"),
    ],
)
def test_what_an_account_is_not_for_it_may_not_hear(run, guarded, name, subject):
    assert run(guarded.refuses(name, lambda client: client.subscribe(subject)))


@pytest.mark.parametrize("identity", [{}, {"user": "finance", "pass": "baohao"}], ids=["nobody", "a wrong password"])
def test_nobody_is_let_in_without_an_account(guarded, identity):
    with socket.create_connection(("127.0.0.1", guarded.port), PATIENCE_S) as connection:
        connection.sendall(f"CONNECT {json.dumps(identity)}\r\nPING\r\n".encode())
        said = b""
        while chunk := connection.recv(4096):  # it hangs up
            said += chunk
    assert b"Authorization Violation" in said
    assert b"PONG" not in said


def test_written_again_passwords_stay_and_files_are_closed_to_others(folder):
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert before.keys() == {"accounts.conf", *(f"{name}.password" for name in ("baohao", "carrier", "crm", "finance"))}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert len({text for name, text in before.items() if name.endswith(".password")}) == 4
    broker_accounts.write(SETTINGS, folder, as_json=True)
    assert {file.name: file.read_text() for file in folder.iterdir()} == before


@pytest.mark.parametrize("wrong", ["Crm", "a b", "crm,crm", "baohao", "a.b", "x" * 33, "*", ">"])
@pytest.mark.parametrize("setting", ["senders", "readers"])
def test_a_name_that_is_no_word_of_a_subject_is_refused(setting, wrong):
    with pytest.raises(SettingsError, match=f"BAOHAO_{setting.upper()}"):
        load_settings(**{setting: wrong})


def test_a_place_that_is_kept_stays_when_it_is_ensured_again(run, client):
    async def scenario():
        jetstream = client.jetstream()
        await jetstream.add_stream(StreamConfig(name=EVENTS_STREAM, subjects=["baohao.v1.>"]))
        await ensure_readers(jetstream, EVENTS_STREAM, {"finance"}, "baohao.v1.>")
        await jetstream.publish("baohao.v1.card.1.card_held", b"{}")
        place = await jetstream.pull_subscribe("baohao.v1.>", "finance", EVENTS_STREAM)
        [event] = await place.fetch(1, timeout=60)
        await event.ack_sync()
        await ensure_readers(jetstream, EVENTS_STREAM, {"finance"}, "baohao.v1.>")
        return await jetstream.consumer_info(EVENTS_STREAM, "finance")

    info = run(scenario())
    assert (info.num_pending, info.ack_floor.stream_seq, info.config.max_ack_pending) == (0, 1, 1)
