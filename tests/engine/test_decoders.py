"""Decoders are made by the first thread that needs one; the others wait, as half-made types would end the process."""

import subprocess
import sys

RUNS = 2
"""Without the lock about every second one crashes."""
READ_BY_TWELVE_THREADS = """
import sys, threading
from uuid import uuid4
from engine.envelope import NAME_OF, encode_fact, read_fact
from tests.engine.samples import PAID
rows = [
    (1, uuid4(), 1, NAME_OF[type(one)], encode_fact(uuid4(), one.at, "a", "b", None, True, one)) for one in PAID
]
together = threading.Barrier(12)
def read(number):
    together.wait()
    for row in rows if number % 2 else rows[::-1]:
        read_fact(*row)
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=read, args=(number,)) for number in range(12)]
for one in threads:
    one.start()
for one in threads:
    one.join()
"""


def test_many_threads_that_read_their_first_facts_at_once_all_live():
    for _ in range(RUNS):
        command = [sys.executable, "-c", READ_BY_TWELVE_THREADS]
        done = subprocess.run(command, check=False, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
