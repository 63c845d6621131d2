"""Lets a program exit in order on SIGTERM and SIGHUP."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

EXIT_INTERRUPTED = 128 + signal.SIGINT
"""Exit status after Ctrl-C, as shells have it."""


@contextmanager
def termination_unwinds() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, with SystemExit (128 + number).

    Keeps the program's own handlers, and does nothing outside the main thread.
    """

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        for each in ours:
            signal.signal(each, signal.SIG_IGN)  # a repeated signal must not interrupt the exit
        raise SystemExit(128 + number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    candidates = (signal.SIGTERM, signal.SIGHUP) if in_main_thread else ()
    ours = [number for number in candidates if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
