"""The one place that sets up logging: structured lines on standard error, also for what libraries log."""

import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor

from adapters.clock import recorded_now
from engine.text import escaped, masked, printable, printable_lines

BROKER_LOGGER = logging.getLogger("broker")
"""FastStream's `logger`; without it, FastStream would print to standard output with its own handlers."""


def configure_logs(
    role: str,
    level: str = "info",
    log_format: Literal["json", "console"] = "json",
    count: Callable[[EventDict], None] | None = None,
) -> None:
    """Set up structlog and the standard library's logging for this process; once, before the first line.

    Each line has `recorded_at` (real time, UTC, ISO 8601), `level`, `event` (a dotted name), `role` and `pid`.
    Modules write `log = structlog.get_logger()` and `log.info("batch.decided", cards=256)`; a line below `level`
    (debug, info, warning, error) costs next to nothing. Libraries log from warnings upward, with
    their logger's name as `event` and the text as `message`.
    `count` is told each line from `info` upward, also those below `level`.
    """
    to_console = log_format == "console"
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *([] if count is None else [_counted(count, least)]),
            _add_context(role),
            structlog.processors.format_exc_info,
            _cleaned,
            _for_people() if to_console else _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least if count is None else min(least, logging.INFO)),
        logger_factory=(
            structlog.PrintLoggerFactory(sys.stderr) if to_console else structlog.BytesLoggerFactory(sys.stderr.buffer)
        ),
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()], force=True)


class _Libraries(logging.Handler):
    """Passes the standard library's log records to structlog."""

    log: Any = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
            self.log.log(level, record.name, message=record.getMessage(), exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 (a line that cannot be logged must not stop the work)
            self.handleError(record)


_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()} | {"exception": logging.ERROR}


def _counted(count: Callable[[EventDict], None], least: int) -> Processor:
    def counted(_logger: object, method: str, line: EventDict) -> EventDict:
        count(line)
        if _LEVELS[method] < least:
            raise structlog.DropEvent
        return line

    return counted


def _add_context(role: str) -> Processor:
    pid = os.getpid()

    def add(_logger: object, _method: str, line: EventDict) -> EventDict:
        at = recorded_now().isoformat(timespec="microseconds")
        first = {"recorded_at": at, "level": line.pop("level"), "event": line.pop("event")}
        return {**first, "role": role, "pid": pid, **line}

    return add


def _cleaned(_logger: object, _method: str, line: EventDict) -> EventDict:
    """No card numbers and tokens in texts that others may have written, and nothing that moves a terminal."""
    return {
        name: (printable_lines if name == "exception" else printable)(masked(value))
        if isinstance(value, str)
        else value
        for name, value in line.items()
    }


def _for_people() -> Processor:
    return structlog.dev.ConsoleRenderer(
        timestamp_key="recorded_at",
        colors=sys.stderr.isatty(),
        exception_formatter=structlog.dev.plain_traceback,  # the default shows variables, secrets too
    )


def _as_json(_logger: object, _method: str, line: EventDict) -> bytes:
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)
    return escaped(text).encode()
