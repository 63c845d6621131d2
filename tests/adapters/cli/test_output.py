"""What is printed moves no terminal and shows no card number, whoever wrote it; JSON stays the same value."""

import json
import subprocess
import sys

from adapters.cli.output import err, out, put_fields, put_json

WRITTEN = "\x1b]0;owned\x07\x1b[2J\x9b31m \u202e 4242424242424242"
SHOWN = "?]0;owned??[2J?31m ? ************4242"


def test_a_table_shows_no_control_characters_and_no_card_number(capsys):
    put_fields("card", {"reason": WRITTEN}, as_json=False)
    printed = capsys.readouterr().out
    assert SHOWN in printed
    assert not set(printed) & set("\x1b\x07\x9b\u202e")


def test_a_sentence_shows_none_either(capsys):
    out.print(f"{WRITTEN}\nnext", markup=False, soft_wrap=True)
    err.print(WRITTEN, markup=False, soft_wrap=True)
    assert capsys.readouterr() == (f"{SHOWN}\nnext\n", f"{SHOWN}\n")


def test_json_has_the_same_value_in_escapes(capsys):
    put_json({"reason": "\x1b\x9b\u202e保号"})
    printed = capsys.readouterr().out
    assert printed == '{"reason": "\\u001b\\u009b\\u202e保号"}\n'
    assert json.loads(printed) == {"reason": "\x1b\x9b\u202e保号"}


FAILING = f"""
from adapters.cli import _run
from engine.errors import BaohaoError

def fail():
    raise BaohaoError({WRITTEN!r})

_run(fail)
"""


def test_an_error_that_ends_a_command_shows_none():
    """In a process of its own, since a command sets up the logs of its process."""
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{SHOWN}\n")
