"""Logs are one JSON object per line on standard error, our own and those of libraries."""

import json
import subprocess
import sys
from datetime import UTC, datetime

PROGRAM = """
import logging, structlog
from adapters.logs import BROKER_LOGGER, configure_logs
log = structlog.get_logger()
configure_logs("consumer", "info", {format!r})
log.info("batch.decided", cards=256, name="保号")
log.debug("batch.detail")
logging.getLogger("nats.aio").info("chatter")
BROKER_LOGGER.warning("slow %s", "consumer")
log.warning("card.failed", error="token='tok_1' of 4242 4242 4242 4242\\x1b[2J\\x9b\\n\\u202e")
try:
    raise ZeroDivisionError("of 4242424242424242\\x1b[2J")
except ZeroDivisionError:
    secret = "hidden" + "-value"
    log.exception("batch.failed")
"""


def run(log_format):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(format=log_format)], check=True, capture_output=True, encoding="utf-8"
    )


def test_each_line_has_its_time_level_event_role_and_fields():
    done = run("json")
    decided, slow, card, failed = map(json.loads, done.stderr.splitlines())
    assert list(decided) == ["recorded_at", "level", "event", "role", "pid", "cards", "name"]
    assert datetime.fromisoformat(decided["recorded_at"]).tzinfo == UTC
    assert (decided["level"], decided["event"], decided["role"]) == ("info", "batch.decided", "consumer")
    assert decided["name"] == "保号"
    assert (slow["level"], slow["event"], slow["message"]) == ("warning", "broker", "slow consumer")
    assert card["error"] == 'token="…" of ***************4242?[2J???'
    assert "ZeroDivisionError: of ************4242?[2J" in failed["exception"]
    assert done.stdout == ""


def test_console_lines_are_readable_and_show_no_values_of_variables():
    done = run("console")
    assert "batch.decided" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "hidden-value" not in done.stderr
    assert "ZeroDivisionError: of ************4242?[2J" in done.stderr
    assert "***************4242?[2J???" in done.stderr
    assert done.stdout == ""
