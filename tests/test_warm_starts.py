"""A fork of the warm process is what a process that was started truly is."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.warm_starts import Start, true_starts

COMMAND = [sys.executable, "-m", "adapters.cli"]
NOWHERE = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "NATS_URL": "nats://127.0.0.1:1"}


def ended(*words, **changed):
    """Status, stdout and stderr of a command."""
    done = subprocess.run(
        [*COMMAND, *words], env=os.environ | NOWHERE | changed, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def waiting(tmp_path):
    """A sandbox that runs."""
    given = {"env": os.environ | NOWHERE | {"BAOHAO_HOME": str(tmp_path)}, "cwd": tmp_path, "start_new_session": True}
    with subprocess.Popen([*COMMAND, "sandbox", "--port", "0"], stdout=subprocess.PIPE, **given, text=True) as process:
        process.stdout.readline()
        yield psutil.Process(process.pid), process
        process.kill()


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["settings", "--json"], {"BAOHAO_BATCH_SIZE": "17"}),
        (["settings"], {"BAOHAO_BATCH_SIZE": "x"}),
        (["cards", "list"], {}),
        (["no", "such", "command"], {}),
    ],
    ids=["settings", "wrong setting", "no database", "no command"],
)
def test_it_ends_and_says_the_same(words, changed):
    with true_starts():
        truly = ended(*words, **changed)
    assert ended(*words, **changed) == truly


def test_it_costs_a_fraction():
    ended("settings")  # the first one starts what is forked
    before = os.times().children_user
    began = time.monotonic()
    ended("settings")
    assert os.times().children_user - before < 0.5
    assert time.monotonic() - began < 30


@pytest.mark.skipif(Start.truly, reason="nothing is forked on this system")
def test_it_is_a_child_of_its_own_session_in_its_folder_with_its_environment(waiting, tmp_path):
    process, _ = waiting
    assert process.ppid() == os.getpid()
    assert os.getsid(process.pid) == process.pid
    assert process.cwd() == str(tmp_path)
    assert process.cmdline()[1:3] == ["-m", "tests.warm_starts"]


def test_it_is_killed_as_any(waiting):
    process, started = waiting
    process.kill()
    assert started.wait(60) == -signal.SIGKILL
