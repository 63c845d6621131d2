"""Files that are there whole or not at all, whatever is killed, whatever disk is full."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished"
"""The end of the name that a file has while it is written; one that was left behind is overwritten."""


@contextmanager
def new_file(path: Path) -> Generator[BinaryIO]:
    """A file to be written in the block, which has its name after it; raises FileExistsError and other OSErrors."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with replaced_file(path) as file:
        yield file


@contextmanager
def replaced_file(path: Path) -> Generator[BinaryIO]:
    """The same, also in the place of another file."""
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise _named(error, path) from None
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def new_files(folder: Path) -> Generator[None]:
    """A new or empty folder for the files of the block, of which none stays if it fails."""
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for one in list(folder.iterdir()):
            one.unlink()
        if not existed:
            folder.rmdir()
        raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a failure of power, where the system can do that."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _named(error: OSError, path: Path) -> OSError:
    """The error with the name of the file, which a full disk does not say."""
    if error.filename is not None or error.errno is None:
        return error
    return OSError(error.errno, os.strerror(error.errno), str(path))
