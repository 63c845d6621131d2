"""Parquet files: the sealed log, its archive, and read models as they stood.

Only here pyarrow is known, which not every installation has: `check_installed` comes before the other modules are
imported.
"""

from importlib.util import find_spec

from engine.errors import BaohaoError

MAGIC = b"PAR1"
"""What a Parquet file begins and ends with."""


class ParquetError(BaohaoError):
    """A Parquet file cannot be written, or is none of ours; the message says why."""


def check_installed() -> None:
    """Raise ParquetError where pyarrow is missing."""
    if find_spec("pyarrow") is None:
        raise ParquetError("Parquet files need pyarrow, which is not installed: pip install 'baohao[parquet]'")
