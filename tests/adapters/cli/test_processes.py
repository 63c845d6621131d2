"""The command line as processes: exit statuses, what goes to which stream, and how a role starts and ends."""

import asyncio
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nats
import psutil
import psycopg
import pytest
from nats.js.errors import NotFoundError

from adapters import embedded
from adapters.broker.due import DUE_STREAM
from adapters.broker.streams import CHARGING
from adapters.schema import SCHEMA_VERSION
from projections.live import MODELS
from tests.adapters.cards import card_id_of, commands_for
from tests.journey.patience import until

NO_BROKER = "nats://127.0.0.1:1"


@pytest.mark.usefixtures("started_truly")
def test_a_wrong_setting_is_named_and_ends_with_78(installation):
    status, out, err = installation.ended("cards", "list", BAOHAO_BATCH_SIZE="x")
    assert (status, out) == (78, "")
    assert err.startswith("BAOHAO_BATCH_SIZE is 'x', but it should be a valid integer")
    assert err.count("\n") == 1


def test_a_role_refuses_to_start_on_an_unmigrated_database_with_78(new_installation):
    status, out, err = new_installation().ended("run", "consumer")
    assert (status, out) == (78, "")
    assert err == f"the database is at schema 0, this program needs {SCHEMA_VERSION}; run `baohao migrate`\n"


def test_a_database_that_cannot_be_reached_is_a_sentence_and_status_1(installation):
    status, out, err = installation.ended("cards", "list", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert (status, out) == (1, "")
    assert "connection" in err
    assert "Traceback" not in err


@pytest.mark.usefixtures("started_truly")
def test_a_role_logs_json_on_stderr_only_and_ends_in_order_on_sigterm(installation):
    with installation.process("run", "consumer") as process:
        lines = [process.stderr.readline()]
        process.send_signal(signal.SIGTERM)
        out, rest = process.communicate(timeout=60)
    logged = [json.loads(line) for line in lines + rest.splitlines()]
    assert [line["event"] for line in logged] == ["role.started", "role.stopped"]
    assert {line["role"] for line in logged} == {"consumer"}
    assert (process.returncode, out) == (0, "")


@pytest.mark.parametrize("role", ["consumer", "publisher"])
def test_a_role_without_a_broker_keeps_trying_and_ends_in_order_on_sigterm(installation, role):
    with installation.process("run", role, NATS_URL=NO_BROKER) as process:
        lines = [process.stderr.readline(), process.stderr.readline()]
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert [json.loads(line)["event"] for line in lines] == ["role.started", "broker.error"]
    assert (process.returncode, out) == (0, "")


def test_a_consumer_that_lost_its_broker_ends_in_order_on_sigterm(installation, tmp_path):
    with embedded.nats(tmp_path) as url:
        process = installation.process("run", "consumer", NATS_URL=url)
        until(lambda: asyncio.run(consumers(url)))
    with process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(err.splitlines()[-1])["event"] == "role.stopped"


async def consumers(url):
    """How many consumers of due cards wait for messages."""
    client = await nats.connect(url)
    try:
        return (await client.jetstream().consumer_info(DUE_STREAM, CHARGING)).num_waiting
    except NotFoundError:
        return 0
    finally:
        await client.close()


def test_read_models_are_kept_up_to_date_without_a_broker(installation, tmp_path):
    file = tmp_path / "cards.jsonl"
    file.write_text("\n".join(command.model_dump_json() for command in commands_for(1, "sim:good:1")))
    installation.json("import", file)
    with installation.process("run", "projector", NATS_URL=NO_BROKER) as process:
        until(lambda: installation.json("cards", "list"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_a_row_that_cannot_be_read_parks_its_card_and_the_projector_goes_on(new_installation, tmp_path):
    fresh, file = new_installation(), tmp_path / "cards.jsonl"
    fresh.migrate()
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 1, 'x.v1', '{}')",
            (card_id_of(2),),
        )
    file.write_text("\n".join(command.model_dump_json() for command in commands_for(1, "sim:good:1")))
    fresh.json("import", file)
    with fresh.process("run", "projector", NATS_URL=NO_BROKER) as process:
        until(lambda: fresh.json("cards", "list"))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    lines = [json.loads(line) for line in err.splitlines()]
    parked = [line for line in lines if line["event"] == "projector.card_parked"]
    assert {line["card_id"] for line in parked} == {str(card_id_of(2))}
    assert len({line["model"] for line in parked}) == len(parked) == len(MODELS)
    assert [line["event"] for line in lines[:: len(lines) - 1]] == ["role.started", "role.stopped"]


def test_the_demo_prints_its_figures_in_json_on_stdout_and_all_else_on_stderr(installation, server_home):
    home = server_home / "demo"
    options = ("--cards", 5, "--months", 1, "--seed", 3, "--home", home, "--json")
    status, out, err = installation.ended("demo", *options)
    assert status == 0, err
    figures = json.loads(out)
    assert (figures["cards"], figures["double_charges"], figures["ledger_equals_gateway"]) == (5, 0, True)
    assert (home / "logs" / "consumer.log").exists()


def test_log_lines_do_not_mix_with_the_results(installation):
    program = """
import atexit, structlog
from adapters.cli import main
atexit.register(lambda: structlog.get_logger().warning("something.happened"))
main()
"""
    command = [sys.executable, "-c", program, "settings", "--json"]
    environment = os.environ | installation.environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)
    assert json.loads(done.stderr)["event"] == "something.happened"


def lines_of(numbers):
    return "".join(f"{command.model_dump_json()}\n" for n in numbers for command in commands_for(n, "sim:good:1"))


def test_an_import_from_a_pipe_that_is_interrupted_says_how_far_it_came(installation):
    begun = sys.executable, "-m", "adapters.cli", "import", "-"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(begun, env=os.environ | installation.environment, **pipes, text=True) as process:
        process.stdin.write(lines_of(range(1000, 1400)))  # 1200 lines, of which the first 1000 are executed together
        process.stdin.flush()
        until(lambda: installation.run("card", "history", card_id_of(1333)).exit_code == 0)
        until(lambda: waits_for_input(process.pid))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "interrupted after line 1000; import it again: what is done is not done twice\n"
    assert out == "lines 1000, accepted 1000, repeated 0, unchanged 0, facts 1000, problems 0\n"


def waits_for_input(pid):
    """Whether a process used no processor time for half a second."""
    process = psutil.Process(pid)
    before = process.cpu_times()
    time.sleep(0.5)
    return process.cpu_times() == before


def test_ctrl_c_is_one_word_however_early_it_comes(installation):
    for moment in ("adapters.settings", "adapters.cli.app", "psycopg"):
        program = f"""
import os, signal, sys
class Interrupts:
    def find_spec(self, name, *_):
        if name == {moment!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
from adapters.cli import main
main()
"""
        command = [sys.executable, "-c", program, "cards", "list"]
        environment = os.environ | installation.environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


@pytest.mark.parametrize("words", [("up",), ("import", "-"), ("demo", "--home", "{home}")], ids=lambda words: words[0])
def test_a_home_that_cannot_be_written_is_a_sentence(installation, tmp_path, words):
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"  # root may write to every folder, but not to one that is a file
    words = [word.format(home=home) for word in words]
    status, out, err = installation.ended(*words, BAOHAO_HOME=str(home), DATABASE_URL="", NATS_URL="")
    assert (status, out) == (1, "")
    assert err.strip() == f"{err.split(':')[0]}: Not a directory"
    assert str(tmp_path) in err


PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
"""Of Linux: the second is what lets root write to every folder."""


def bound_by_modes():
    """Let a process of root respect the modes of files too, as it would as anybody else."""
    if os.getuid() == 0 and ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0):
        os._exit(99)


@pytest.mark.skipif(
    sys.platform != "linux" and os.getuid() == 0,
    reason="root may write to every folder, and only Linux takes that away",
)
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("up",), id="up"),
        pytest.param(("import", "-"), id="import", marks=pytest.mark.slow),
        pytest.param(("demo", "--home", "{home}"), id="demo", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("exists", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["existing", "new"])
def test_a_home_that_may_only_be_read_is_a_sentence(installation, tmp_path, words, exists):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    home = closed if exists else closed / "home"
    environment = os.environ | installation.environment | {"BAOHAO_HOME": str(home), "DATABASE_URL": "", "NATS_URL": ""}
    command = [sys.executable, "-m", "adapters.cli", *(word.format(home=home) for word in words)]
    given = {"stdin": subprocess.DEVNULL, "preexec_fn": bound_by_modes}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, **given)
    if done.returncode == 99:
        pytest.skip("root may write to every folder, and is not allowed to give that up here")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"{re.escape(str(home))}(/[a-z.]+)?: Permission denied\n", done.stderr)
    assert list(closed.iterdir()) == []


@pytest.mark.usefixtures("started_truly")
def test_a_full_disk_is_a_sentence(installation):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "adapters.cli", "settings", "--json"]
        environment = os.environ | installation.environment
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "No space left on device\n")


def test_seeds_in_the_wrong_order_are_a_sentence(installation):
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "4..1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "'4..1' is not like 1, 1..4 or 1,5,9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("started_truly")
def test_a_closed_stdout_is_no_error(installation):
    command = [sys.executable, "-m", "adapters.cli", "settings"]
    with subprocess.Popen(
        command, env=os.environ | installation.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
        process.wait(60)
    assert err == ""
