"""The supervisor keeps real processes alive and leaves none behind."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from adapters import supervise
from adapters.supervise import RoleFailedError, Supervisor

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
]
SUPERVISES = """
import os, sys
from pathlib import Path
from adapters.supervise import Supervisor
sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
with Supervisor({"web": sleeps, "consumer": sleeps}, os.environ, Path(sys.argv[1])) as supervisor:
    print(*(pid for pids in supervisor.pids().values() for pid in pids), flush=True)
    supervisor.wait()
"""


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def script(text):
    return [sys.executable, "-c", text]


def test_a_killed_child_is_restarted(tmp_path, eventually):
    with Supervisor({"consumer": SLEEPS, "web": SLEEPS}, os.environ, tmp_path) as supervisor:
        before = supervisor.pids()
        os.kill(before["consumer"][0], signal.SIGKILL)
        eventually(lambda: supervisor.restarts["consumer"] == 1)
        after = supervisor.pids()
    assert len(after["consumer"]) == 1
    assert after["consumer"] != before["consumer"]
    assert after["web"] == before["web"]
    assert supervisor.restarts == {"consumer": 1}


def test_a_child_that_exits_is_restarted_too_with_growing_delays(tmp_path, eventually):
    with Supervisor({"web": script("pass")}, os.environ, tmp_path) as supervisor:
        began = time.monotonic()
        eventually(lambda: supervisor.restarts["web"] == 3)
        assert time.monotonic() - began > 0.1 + 0.2 + 0.4


def test_a_role_may_have_several_children(tmp_path, eventually):
    roles = {"consumer": SLEEPS, "consumer#2": SLEEPS, "web": SLEEPS}
    with Supervisor(roles, os.environ, tmp_path) as supervisor:
        pids = supervisor.pids()
        assert [(role, len(found)) for role, found in pids.items()] == [("consumer", 2), ("web", 1)]
        os.kill(pids["consumer"][1], signal.SIGKILL)
        eventually(lambda: supervisor.restarts["consumer"] == 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["consumer#2.log", "consumer.log", "web.log"]


@pytest.mark.parametrize("status", [2, 78])
def test_a_role_with_wrong_settings_stops_everything_and_is_named(tmp_path, status):
    wrong = script(f"import sys; print('BAOHAO_CLOCK is wrong.', file=sys.stderr); sys.exit({status})")
    sentence = rf"^web ended with status {status}: BAOHAO_CLOCK is wrong\.$"
    supervisor = Supervisor({"consumer": SLEEPS, "web": wrong}, os.environ, tmp_path)
    with pytest.raises(RoleFailedError, match=sentence), supervisor:
        supervisor.wait(60)
    assert supervisor.pids() == {"consumer": [], "web": []}
    assert not supervisor.restarts


def test_the_others_go_on_without_an_optional_role_which_is_tried_again_later(tmp_path, monkeypatch, eventually):
    monkeypatch.setattr(supervise, "_OPTIONAL_AGAIN_S", 0.2)
    roles = {"consumer": SLEEPS, "forwarder": script("raise SystemExit(78)")}
    with Supervisor(roles, os.environ, tmp_path, frozenset({"forwarder"})) as supervisor:
        eventually(lambda: supervisor.restarts["forwarder"] >= 2)
        supervisor.check()
        assert len(supervisor.pids()["consumer"]) == 1


def test_a_failure_is_raised_at_the_end_of_the_block(tmp_path, eventually):
    supervisor = Supervisor({"web": script("raise SystemExit(78)")}, os.environ, tmp_path)
    with pytest.raises(RoleFailedError, match="its log is empty"), supervisor:
        eventually(lambda: supervisor._failure)


def test_a_command_that_does_not_exist_is_named(tmp_path):
    supervisor = Supervisor({"web": ["no-such-program"]}, os.environ, tmp_path)
    with pytest.raises(RoleFailedError, match=r"^web does not start: .*no-such-program"), supervisor:
        pass


def test_children_get_the_given_environment_and_write_to_their_log(tmp_path, eventually):
    child = script("import os, sys; print(os.environ['WORD'], flush=True); print(input(), file=sys.stderr)")
    with Supervisor({"web": child}, {"WORD": "mountain"}, tmp_path) as supervisor:
        eventually(lambda: supervisor.restarts["web"] > 0)
    words = (tmp_path / "web.log").read_text()
    assert "mountain" in words
    assert "EOFError" in words


def test_stop_leaves_no_process_even_one_that_ignores_sigterm(tmp_path, monkeypatch, eventually):
    monkeypatch.setattr("adapters.supervise._STOP_S", 0.3)
    with Supervisor({"web": SLEEPS, "stubborn": STUBBORN}, os.environ, tmp_path) as supervisor:
        [web], [stubborn] = supervisor.pids().values()
        eventually((tmp_path / "stubborn.log").read_text)
        supervisor.stop()
        assert not alive(web)
        assert not alive(stubborn)
        assert supervisor.pids() == {"web": [], "stubborn": []}


def test_an_exception_stops_the_children(tmp_path):
    supervisor = Supervisor({"web": SLEEPS}, os.environ, tmp_path)
    with pytest.raises(ZeroDivisionError), supervisor:
        raise ZeroDivisionError
    assert supervisor.pids() == {"web": []}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_children_end_with_their_supervisor(tmp_path, number, eventually):
    if number == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux ends children with their parent")
    program = [*script(SUPERVISES), str(tmp_path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as supervisor:
        pids = [int(pid) for pid in supervisor.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        supervisor.send_signal(number)
    eventually(lambda: not any(map(alive, pids)))
