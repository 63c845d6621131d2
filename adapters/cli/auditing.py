"""Sealing keys, heads, the verification of the log, and proofs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import typer

from adapters.cli.output import err, out, put_fields, put_json, put_table
from adapters.cli.servers import connection, database
from adapters.schema import check_schema
from adapters.seal_keys import public_key, seal_key_of, write_key
from adapters.settings import Settings, SettingsError
from projections.audit.heads import Head, HeadError, PublicKey, SealKey, check_head, read_head
from projections.audit.proofs import Held, check_proof, position_of_event
from projections.audit.proofs import prove_growth as proof_of_growth
from projections.audit.proofs import prove_inclusion as proof_of_inclusion
from projections.audit.seals import last_seal, seals_from
from projections.audit.tree import ProofError
from projections.audit.verifying import Verified, verify


def make_key(file: Path, name: str, *, as_json: bool) -> None:
    """Write a new key, and print its public key, which alone is no secret."""
    key = SealKey.new(name)
    write_key(file, key)
    if as_json:
        put_json({"name": name, "public_key": key.public.text, "file": str(file.absolute())})
        return
    out.print(key.public.text, markup=False, highlight=False, soft_wrap=True)
    text = f"The key is in {file}: set BAOHAO_SEAL_KEY_FILE to it, and keep a copy. Hand the public key above out."
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def show_head(settings: Settings, number: int | None, *, as_json: bool) -> None:
    """The newest signed head, or that of a seal; ends with a sentence where there is none."""
    with connection(settings) as open_connection:
        found = [last_seal(open_connection)] if number is None else seals_from(open_connection, number, 1)
    if not found or found[0].number != (number or found[0].number) or not found[0].number:
        raise HeadError("the log has no seal yet" if number is None else f"there is no seal {number}")
    seal = found[0]
    if as_json:
        put_json({"seal": seal.number, "facts": seal.size, "position": seal.position, "head": seal.head})
    else:
        sys.stdout.write(seal.head)


def verify_log(
    settings: Settings,
    head_files: Sequence[Path],
    keys: Sequence[str],
    *,
    from_seal: int | None,
    parallel: int,
    as_json: bool,
) -> None:
    """Verify, and end with status 1 where something was found."""
    known = known_keys(settings, keys)
    heads = checked_heads(head_files, known)
    with database(settings) as url:
        check_schema(url)
        verified = verify(url, known, heads, from_seal=from_seal, parallel=parallel)
    put_verified(verified, with_head=bool(heads), as_json=as_json)


def put_verified(verified: Verified, *, with_head: bool, as_json: bool) -> None:
    """Say what a verification gave, and end with status 1 where something was found."""
    if as_json:
        put_json(verified._asdict() | {"findings": [one._asdict() for one in verified.findings]})
    else:
        _put(verified, with_head=with_head)
    if verified.findings:
        raise typer.Exit(1)


def _put(verified: Verified, *, with_head: bool) -> None:
    counts = f"{verified.facts:,} facts under {verified.seals:,} seals compared"
    waiting = f"; {verified.unsealed:,} wait for a seal" if verified.unsealed else ""
    if verified.findings:
        rows = [(one.kind, one.sentence) for one in verified.findings]
        put_table(f"{counts}{waiting}; not as they were sealed", ("what", "where"), rows)
    else:
        out.print(f"{counts}{waiting}; all are as they were sealed", highlight=False, soft_wrap=True)
    if not with_head:
        out.print("whether facts were cut off at the end is shown by a head that was kept elsewhere: --head FILE")


def known_keys(settings: Settings, given: Sequence[str]) -> list[PublicKey]:
    """Those that were given, or else the sealer's; raises HeadError or SettingsError."""
    if given:
        return [public_key(one) for one in given]
    if settings.seal_key_file is None:
        raise SettingsError(
            "Give the sealer's public key: --key KEY; or set BAOHAO_SEAL_KEY_FILE to the file of its key."
        )
    return [seal_key_of(settings).public]


def checked_heads(files: Sequence[Path], keys: Sequence[PublicKey]) -> list[Head]:
    """The heads in files, whose signatures hold; raises HeadError and OSError."""
    return [_checked_head(file, keys) for file in files]


def _checked_head(file: Path, keys: Sequence[PublicKey]) -> Head:
    """The head in a file, whose signature holds; raises HeadError, which names the file."""
    try:
        head = read_head(file.read_text("utf-8"))
        check_head(head, keys)
    except UnicodeDecodeError:
        raise HeadError(f"{file} is no text") from None
    except HeadError as error:
        raise HeadError(f"{file}: {error}") from None
    return head


def prove(settings: Settings, fact: str, *, as_json: bool) -> None:
    """The proof that the log holds an event, or what is at a position."""
    with connection(settings) as open_connection:
        if fact.isascii() and fact.isdecimal() and len(fact) <= 18:  # noqa: PLR2004 (a bigint)
            position = int(fact)
        else:
            position = position_of_event(open_connection, _event_id(fact))
        proof = proof_of_inclusion(open_connection, position)
    err.print("the proof holds the whole fact, with holder's id and payment token: give it only to who may know them")
    _put_proof(proof, as_json=as_json)


def _event_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ProofError(f"{text!r} is neither the id of an event nor a position") from None


def prove_growth(settings: Settings, older: int, newer: int, *, as_json: bool) -> None:
    """The proof that the log under one seal begins with that under another."""
    with connection(settings) as open_connection:
        proof = proof_of_growth(open_connection, older, newer)
    _put_proof(proof, as_json=as_json)


def _put_proof(proof: str, *, as_json: bool) -> None:
    if as_json:
        put_json({"proof": proof})
    else:
        sys.stdout.write(proof)


def check(file: BinaryIO, keys: Sequence[str], *, as_json: bool) -> None:
    """Say what a proof shows; raises ProofError or HeadError where it shows nothing."""
    try:
        text = file.read().decode()
    except UnicodeDecodeError:
        raise ProofError("this is no proof: it is no text") from None
    shown = check_proof(text, [public_key(one) for one in keys])
    if isinstance(shown, Held):
        fact, head = shown.fact, shown.head
        fields = {"number": shown.number, **fact._asdict(), "origin": head.origin, "facts": head.size}
        put_fields("the log holds this fact", fields, as_json=as_json)
    else:
        older, newer = shown.older, shown.newer
        fields = {"origin": newer.origin, "older_facts": older.size, "newer_facts": newer.size}
        put_fields("the newer log begins with all facts of the older one", fields, as_json=as_json)
