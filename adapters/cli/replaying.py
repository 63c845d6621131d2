"""The read models as they stood at an earlier moment, and what differs between two."""

from collections import Counter
from datetime import datetime
from pathlib import Path

from adapters.cli.inspecting import utc
from adapters.cli.moments import MomentError, place_of
from adapters.cli.output import err, put_fields, put_json, put_table
from adapters.cli.servers import connection
from adapters.settings import Settings
from projections.audit.as_of import changes_between, count_replayed, place_at, replay, write_csv
from projections.live import MODELS


def replay_to(settings: Settings, moment: datetime, folder: Path, *, as_json: bool) -> None:
    """Write a CSV file per read model; raises MomentError before the first fact, OSError for a folder in use."""
    if folder.exists() and any(folder.iterdir()):
        raise MomentError(f"{folder} is not empty")
    with connection(settings) as open_connection:
        upto = place_of(settings, open_connection, moment)
        replay(open_connection, 0, upto)
        folder.mkdir(parents=True, exist_ok=True)
        for model in MODELS:
            with (folder / f"{model.name}.csv").open("w", encoding="utf-8", newline="") as file:
                write_csv(open_connection, model, file)
        counts = count_replayed(open_connection)
    put_fields(f"rows as of {utc(moment):%Y-%m-%d %H:%M:%S} UTC", {"position": upto, **counts}, as_json=as_json)


def show_changes(settings: Settings, earlier: datetime, later: datetime, limit: int, *, as_json: bool) -> None:
    """The rows that two moments do not have alike; raises MomentError if they are the wrong way round."""
    if later < earlier:
        raise MomentError("the first moment is later than the second")
    with connection(settings) as open_connection:
        places = [
            place_at(open_connection, utc(one), virtual_clock=settings.clock == "virtual") for one in (earlier, later)
        ]
        changes = changes_between(open_connection, *places)
    if as_json:
        put_json([one._asdict() for one in changes[:limit]])
        return
    counts = Counter((one.model, one.what) for one in changes)
    put_table(
        f"positions {places[0]} to {places[1]}: rows that differ",
        ("read model", "what", "rows"),
        [(*one, count) for one, count in sorted(counts.items())],
    )
    put_table("each", ("read model", "key", "what"), changes[:limit])
    if len(changes) > limit:
        err.print(f"{len(changes) - limit} more; --limit shows them")
