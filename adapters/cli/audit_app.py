"""The commands by which the log proves itself, and their options; see app.py for the others."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from adapters.cli.options import Json, Limit
from adapters.settings import load_settings

audit_app = typer.Typer(help="The log proves itself: seals, verification, proofs.", no_args_is_help=True)

Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="KEY", help="A public key, or its file; may be repeated. Else that of the sealer."),
]
_FORMATS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]
WantedMoment = Annotated[
    datetime, typer.Option("--as-of", formats=_FORMATS, metavar="T", help="In UTC: 2027-01-31T12:00:00.")
]
DiffMoment = Annotated[datetime, typer.Argument(formats=_FORMATS, metavar="T", help="In UTC: 2027-01-31T12:00:00.")]
NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="A new file, which only you can read.")]


@audit_app.command("key")
def audit_key(
    file: NewFile,
    *,
    name: Annotated[str, typer.Option(help="Whose log it is, as heads say it: best an address such as example.com/1.")],
    as_json: Json = False,
) -> None:
    """Make a key by which the log is sealed, and print the public key by which seals are checked."""
    from adapters.cli import auditing

    auditing.make_key(file, name, as_json=as_json)


@audit_app.command("head")
def audit_head(
    *,
    seal: Annotated[int | None, typer.Option(min=1, metavar="N", help="That of seal N; else the newest.")] = None,
    as_json: Json = False,
) -> None:
    """A signed head of the log, to be kept elsewhere."""
    from adapters.cli import auditing

    auditing.show_head(load_settings(), seal, as_json=as_json)


@audit_app.command("verify")
def audit_verify(
    *,
    head: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A head that was kept elsewhere; may be repeated.")
    ] = None,
    key: Keys = None,
    from_seal: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Trust seal N, and verify what comes after it.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="In so many processes.")] = 1,
    archive: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Not the log, but an archive of it, without a database. Only with --head, --key."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare the log with its seals, and name what was altered, removed, inserted or cut; exit status 1 if any."""
    from adapters.cli import archiving, auditing

    if archive is not None:
        if from_seal is not None or parallel != 1:
            raise typer.BadParameter(
                "an archive is compared from its beginning, by one process", param_hint="--archive"
            )
        archiving.verify_folder(load_settings(), archive, head or [], key or [], as_json=as_json)
        return
    auditing.verify_log(load_settings(), head or [], key or [], from_seal=from_seal, parallel=parallel, as_json=as_json)


@audit_app.command("prove")
def audit_prove(
    fact: Annotated[str, typer.Argument(metavar="EVENT|POSITION", help="The id of an event, or its position.")],
    *,
    as_json: Json = False,
) -> None:
    """The proof that the log holds a fact, for who has the public key alone."""
    from adapters.cli import auditing

    auditing.prove(load_settings(), fact, as_json=as_json)


@audit_app.command("prove-growth")
def audit_prove_growth(
    older: Annotated[int, typer.Argument(min=1, metavar="SEAL", help="The number of a seal.")],
    newer: Annotated[int, typer.Argument(min=1, metavar="SEAL", help="The number of a later one.")],
    *,
    as_json: Json = False,
) -> None:
    """The proof that the log under one seal begins with that under another: it only grew."""
    from adapters.cli import auditing

    auditing.prove_growth(load_settings(), older, newer, as_json=as_json)


@audit_app.command("replay")
def audit_replay(
    *,
    as_of: WantedMoment,
    to: Annotated[
        str,
        typer.Option(
            metavar="DIR|schema:NAME",
            help="A new or empty folder, for a file per read model; or, as the owner, a new schema, for tables.",
        ),
    ],
    as_format: Annotated[
        Literal["csv", "parquet"] | None, typer.Option("--format", help="Of the files; csv unless it is said.")
    ] = None,
    as_json: Json = False,
) -> None:
    """All read models as they stood at a moment, from the facts up to it."""
    from adapters.cli import replaying

    if not to.startswith(replaying.SCHEMA):
        replaying.replay_to_folder(load_settings(), as_of, Path(to), as_format or "csv", as_json=as_json)
    elif as_format is None:
        replaying.replay_to_schema(load_settings(), as_of, to.removeprefix(replaying.SCHEMA), as_json=as_json)
    else:
        raise typer.BadParameter("tables have no format", param_hint="--format")


@audit_app.command("diff")
def audit_diff(
    earlier: DiffMoment,
    later: DiffMoment,
    *,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Which rows of the read models were added, removed or changed between two moments."""
    from adapters.cli import replaying

    replaying.show_changes(load_settings(), earlier, later, limit, as_json=as_json)


@audit_app.command("export")
def audit_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    *,
    as_format: Annotated[
        Literal["jsonl", "parquet"], typer.Option("--format", help="JSON lines, or Parquet with a row for each fact.")
    ] = "jsonl",
    first: Annotated[int, typer.Option("--from", min=1, metavar="SEAL", help="The first seal.")] = 1,
    last: Annotated[
        int | None, typer.Option("--to", min=1, metavar="SEAL", help="The last one; else the newest.")
    ] = None,
    key: Keys = None,
    as_json: Json = False,
) -> None:
    """Write the sealed log, each stretch checked against its signed head."""
    from adapters.cli import transferring

    transferring.export_to(load_settings(), file, as_format, first, last, key or [], as_json=as_json)


@audit_app.command("archive")
def audit_archive(
    *,
    before: Annotated[
        datetime,
        typer.Option("--before", formats=_FORMATS, metavar="T", help="In UTC: 2027-01-31T12:00:00. What is older."),
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, or that of an archive, to go on with.")],
    facts_per_file: Annotated[
        int, typer.Option(min=1, max=100_000_000, metavar="N", help="A file has about so many facts.")
    ] = 1_000_000,
    key: Keys = None,
    as_json: Json = False,
) -> None:
    """Write what was sealed of before a moment to Parquet files, behind those of earlier runs; the log stays whole."""
    from adapters.cli import archiving

    archiving.archive_to(load_settings(), before, to, facts_per_file, key or [], as_json=as_json)


@audit_app.command("import")
def audit_import(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|DIR",
            help="What `audit export` wrote, in either format, or the folder of `audit archive`; - is stdin.",
        ),
    ],
    *,
    key: Keys = None,
    as_json: Json = False,
) -> None:
    """As the owner, add an exported log to an empty one, or to that before it: all with its positions, or nothing."""
    from adapters.cli import transferring

    transferring.import_from(load_settings(), file, key or [], as_json=as_json)


@audit_app.command("check")
def audit_check(
    proof: Annotated[typer.FileBinaryRead, typer.Argument(metavar="PROOF", help="The file of a proof; - is stdin.")],
    *,
    key: Annotated[list[str], typer.Option(metavar="KEY", help="A public key, or its file; may be repeated.")],
    as_json: Json = False,
) -> None:
    """Check a proof with the public key alone, without a database, and say what it shows."""
    from adapters.cli import auditing

    auditing.check(proof, key, as_json=as_json)
