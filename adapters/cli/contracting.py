"""`baohao contract`: what describes the public events to other systems."""

from pathlib import Path

from adapters.broker.documents import building
from adapters.broker.documents.commands import FOLDER as COMMANDS
from adapters.cli.output import put_fields
from engine.errors import BaohaoError


def build(folder: Path | None, *, check: bool, as_json: bool) -> None:
    """Write what is generated, or with `check` compare it.

    Raises BaohaoError for a promise to readers that would be broken, and for what differs.
    """
    folder = building.FOLDER if folder is None else folder
    files = building.generated(folder)
    if broken := building.broken(folder):
        raise BaohaoError("\n".join([*broken, "Give the message a new version beside the old one instead."]))
    changed = building.drifted(files, folder)
    if check and changed:
        raise BaohaoError(f"{', '.join(changed)} would change: run `baohao contract build`")
    (folder / COMMANDS).mkdir(exist_ok=True)
    for name in changed:
        (folder / name).write_text(files[name], "utf-8")
    put_fields("contract", {"folder": str(folder), "files": len(files), "written": len(changed)}, as_json=as_json)
