"""Starts commands and roles without the second of processor time that their imports take.

`subprocess` starts `python -m adapters.cli …` and `python -m adapters.cli.role …` here by a fork of one process, which
has imported the whole product and has done nothing else. A fork is as real as what is started truly: it has arguments,
environment, folder and streams of its own and ends like every program of Python; its parent is whoever asked for it,
who waits for it and may kill it. Where the system cannot do that, and within `true_starts`, for tests that are about
the start itself, everything is started as usual.
"""

import atexit
import ctypes
import gc
import inspect
import json
import os
import pkgutil
import platform
import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import adapters
import engine
import projections
from adapters import supervise

ROOT = Path(__file__).parent.parent
FORKED = [[sys.executable, "-m", program] for program in ("adapters.cli", "adapters.cli.role")]
SUPERVISING = ("up", "demo")
"""Commands that start others."""
FIXED_AT_START = ("PYTHON", "LD_", "LC_", "LANG")
"""Variables that begin so are read before the first import."""
IMPORTED_LATE = ("uvloop",)
"""What only a call of a function imports."""
_CLONE_CALL = {"x86_64": 56, "aarch64": 220}.get(platform.machine())
_CLONE_PARENT = 0x8000
_MESSAGE_BYTES_MAX = 1 << 20
_TrueStart = subprocess.Popen


class Start(subprocess.Popen):
    """`subprocess.Popen` that forks what it can."""

    truly = sys.platform != "linux" or _CLONE_CALL is None
    """Whether nothing is forked."""

    def _execute_child(self, *given: Any) -> None:
        asked = inspect.signature(super()._execute_child).bind(*given).arguments
        source = None if self.truly or not _is_ours(asked) else _source()
        pid = source.forked(asked) if source else 0
        if not pid:
            super()._execute_child(*given)
            return
        self.pid, self._child_created = pid, True
        self._close_pipe_fds(*(asked[f"{end}{use}"] for end in ("p2c", "c2p", "err") for use in ("read", "write")))


def _is_ours(asked: dict[str, Any]) -> bool:
    """Whether a fork would be the same as what is asked for."""
    words, hook = asked["args"], asked["preexec_fn"]
    if isinstance(words, str | bytes | os.PathLike) or list(words[:3]) not in FORKED:
        return False
    if hook is not None and hook.__module__ != "adapters.supervise":
        return False
    if any(asked[name] for name in ("executable", "shell", "pass_fds", "uid", "gid", "gids")):
        return False
    return asked["env"] is None or _fixed(asked["env"]) == _fixed(os.environ)


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(FIXED_AT_START)}


class Source:
    """The process that is forked, as the one that asks it for forks sees it."""

    def __init__(self, channel: socket.socket, attending: threading.Thread | None = None) -> None:
        self._channel, self._attending, self._lock = channel, attending, threading.Lock()

    def forked(self, asked: dict[str, Any]) -> int:
        """The id of a new child of this process; 0 where the system does not allow it."""
        streams = [asked["p2cread"], asked["c2pwrite"], asked["errwrite"]]
        streams = [number if stream == -1 else stream for number, stream in enumerate(streams)]
        message = {
            "module": asked["args"][2],
            "words": [os.fspath(word) for word in asked["args"][3:]],
            "folder": os.fspath(asked["cwd"] or Path.cwd()),
            "environment": dict(os.environ if asked["env"] is None else asked["env"]),
            "leads_session": bool(asked["start_new_session"]),
            "dies_with": os.getpid() if asked["preexec_fn"] else None,
        }
        with self._lock:
            socket.send_fds(self._channel, [json.dumps(message).encode()], streams)
            return int(self._channel.recv(_MESSAGE_BYTES_MAX))

    def close(self) -> None:
        """Let it end."""
        self._channel.close()
        if self._attending:
            self._attending.join()


def _new_source() -> Source:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def attend() -> None:
        command = [sys.executable, "-m", "tests.warm_starts", str(its.fileno())]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with its:
            source = _TrueStart(command, **streams, cwd=ROOT, start_new_session=True, pass_fds=[its.fileno()])
        source.wait()

    # The parent of all forks is the thread that started their source, and some die with it: it stays.
    attending = threading.Thread(target=attend, name="source of forks", daemon=True)
    attending.start()
    return Source(ours, attending)


_sources: dict[int, Source] = {}
"""That of this process, by its id: a fork of it has none."""
_sources_lock = threading.Lock()


def _source() -> Source:
    with _sources_lock:
        if os.getpid() not in _sources:
            _sources[os.getpid()] = _new_source()
        return _sources[os.getpid()]


@contextmanager
def warm_starts() -> Iterator[None]:
    """Meanwhile, what `subprocess` starts is started here."""
    subprocess.Popen = Start
    try:
        yield
    finally:
        subprocess.Popen = _TrueStart
        if source := _sources.pop(os.getpid(), None):
            source.close()


@contextmanager
def true_starts() -> Iterator[None]:
    """Meanwhile, all processes are started by the interpreter."""
    before, Start.truly = Start.truly, True
    try:
        yield
    finally:
        Start.truly = before


def serve(channel: socket.socket) -> None:
    """Fork whenever asked to, until nobody can ask any more; each fork becomes what it is asked to be."""
    while True:
        message, streams, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES_MAX, 3)
        if not message:
            raise SystemExit
        pid = _fork_beside()
        if pid == 0:
            channel.close()
            _become(json.loads(message), streams)
        for stream in streams:
            os.close(stream)
        channel.send(str(max(pid, 0)).encode())


def _fork_beside() -> int:
    """`os.fork`, but the parent of the new process is this one's parent; -1 where the system refuses."""
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = ctypes.PyDLL(None).syscall(_CLONE_CALL, _CLONE_PARENT, 0, 0, 0, 0)
    after = ctypes.pythonapi.PyOS_AfterFork_Parent if pid else ctypes.pythonapi.PyOS_AfterFork_Child
    after()
    return pid


def _become(asked: dict[str, Any], streams: list[int]) -> None:
    """Make this process what an interpreter is before its program begins; then run that."""
    if asked["leads_session"]:
        os.setsid()
    _take_streams(streams)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    if asked["dies_with"]:
        supervise._end_with(asked["dies_with"])()
    if asked["words"][:1] and asked["words"][0] in SUPERVISING:
        _take_a_source_along()
    sys.argv = [asked["module"], *asked["words"]]
    _run(asked["module"])


def _run(module: str) -> NoReturn:
    """Run it as a program, without the tenth of a second in which an interpreter frees all that was imported."""
    ended = []

    def leave() -> None:
        with suppress(OSError):  # a stream that cannot be written: the interpreter says so
            sys.stdout.flush()
            sys.stderr.flush()
            for status in ended:
                os._exit(status)

    atexit.register(leave)  # first: it is called last
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        ended.append(0)
    except SystemExit as end:
        if isinstance(end.code, int | None):
            ended.append(end.code or 0)
        raise
    sys.exit()


def _take_streams(streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = _stream(0, "r")
    sys.stdout = sys.__stdout__ = _stream(1, "w")
    sys.stderr = sys.__stderr__ = _stream(2, "w", errors="backslashreplace", buffering=1)


def _stream(number: int, mode: str, **given: Any) -> Any:
    return open(number, mode, encoding=sys.stdout.encoding, closefd=False, **given)


def _take_a_source_along() -> None:
    """Let what this process starts be forks too: of a process like this one, made before it has done anything."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        os.setsid()
        _take_streams([os.open(os.devnull, os.O_RDWR) for _ in range(3)])
        serve(its)
    its.close()
    _sources[os.getpid()] = Source(ours)
    subprocess.Popen = Start


def import_everything() -> None:
    """What commands and roles import, also what they import late."""
    for package in (adapters, engine, projections):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    for module in IMPORTED_LATE:
        import_module(module)
    gc.freeze()


if __name__ == "__main__":
    import_everything()
    serve(socket.socket(fileno=int(sys.argv[1])))
