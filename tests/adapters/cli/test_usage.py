"""What the command line says to wrong words, and about itself."""

from importlib.metadata import version

import pytest


def test_the_version_is_printed(installation):
    assert installation.run("--version").stdout == f"baohao {version('baohao')}\n"


@pytest.mark.parametrize("span", ["30", "d", "0d", "-1d", "99999d", "1y", "1.5d"])
def test_a_wrong_span_of_time_is_wrong_usage(installation, span):
    done = installation.run("clock", "forward", "--", span)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is not like 30d" in done.stderr


def test_an_unknown_command_is_wrong_usage(installation):
    done = installation.run("cards", "count")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "count" in done.stderr


def test_an_invalid_id_is_wrong_usage(installation):
    done = installation.run("card", "show", "13")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Invalid value for 'ID'" in done.stderr
