"""Signed heads: how many facts the tree has and its root, as a text that anybody can keep and check.

The text is a checkpoint (c2sp.org/tlog-checkpoint) in a signed note (c2sp.org/signed-note): origin, size, root, an
empty line, and a signature by Ed25519. Keys are written as the note package of Go's checksum database writes them, so
that other programs can check our heads.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine.errors import BaohaoError
from projections.audit.tree import HASH_BYTES

_ED25519 = b"\x01"
_KEY_BYTES = 32
_ID_BYTES = 4
_SIGNED_BYTES = _ID_BYTES + 64
_PRIVATE = "PRIVATE+KEY+"
_DASH = "\N{EM DASH} "
NAME = re.compile(r"[!-*,-~]{1,200}")
"""What a key may be called, and so the origin of its heads: visible ASCII characters without a plus sign."""


class HeadError(BaohaoError):
    """A head or key cannot be read, or a head is not signed by a known key; the message says which and why."""


class Head(NamedTuple):
    """What a signed head says, whether or not the signature holds."""

    origin: str
    """Whose log it is."""
    size: int
    """How many facts the tree has."""
    root: bytes
    text: str
    """All of it, with its signatures."""


class PublicKey(NamedTuple):
    """What checks the signatures of an origin."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """Tells keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """As it is handed out: name, id and key with plus signs between."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.key).decode()}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The key of a text; raises HeadError."""
        name, _, rest = text.strip().partition("+")
        given_id, _, encoded = rest.partition("+")
        key = decoded(encoded)
        found = cls(name, key[1:])
        if (
            not NAME.fullmatch(name)
            or key[:1] != _ED25519
            or len(found.key) != _KEY_BYTES
            or found.id.hex() != given_id
        ):
            raise HeadError(
                "this is no public key of a sealer: it should be NAME+ID+KEY, as `baohao audit key` shows it"
            )
        return found


class SealKey(NamedTuple):
    """What signs heads, in the name of an origin."""

    name: str
    secret: bytes

    def __repr__(self) -> str:
        """Without the secret."""
        return f"SealKey({self.name!r})"

    @classmethod
    def new(cls, name: str) -> Self:
        """A new key; raises HeadError for a name that a key may not have."""
        if not NAME.fullmatch(name):
            raise HeadError("the name of a key has visible ASCII characters, at most 200, and no plus sign")
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> PublicKey:
        """What checks its signatures."""
        return PublicKey(self.name, Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """As it is kept in a file."""
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{b64encode(_ED25519 + self.secret).decode()}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The key of a text; raises HeadError, which does not repeat it."""
        name, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
        given_id, _, encoded = rest.partition("+")
        secret = decoded(encoded)
        found = cls(name, secret[1:])
        is_key = text.startswith(_PRIVATE) and secret[:1] == _ED25519 and len(found.secret) == _KEY_BYTES
        if not is_key or not NAME.fullmatch(name) or found.public.id.hex() != given_id:
            raise HeadError("this is no key of a sealer; `baohao audit key` makes one")
        return found


def signed_head(key: SealKey, size: int, root: bytes) -> str:
    """The head of a tree, signed."""
    body = f"{key.name}\n{size}\n{b64encode(root).decode()}\n"
    signature = Ed25519PrivateKey.from_private_bytes(key.secret).sign(body.encode())
    return f"{body}\n{_DASH}{key.name} {b64encode(key.public.id + signature).decode()}\n"


def read_head(text: str) -> Head:
    """What a head says; its signature is not checked. Raises HeadError."""
    body = _body_of(text)
    lines = body.split("\n")
    origin, size, root = (*lines, "", "", "")[:3]
    root_hash = decoded(root)
    is_head = origin and "" not in lines[:-1] and re.fullmatch(r"0|[1-9]\d{0,18}", size, re.ASCII)
    if not is_head or len(root_hash) != HASH_BYTES:
        raise HeadError("this is no head of a log: it should have an origin, a size and a root, each on its line")
    return Head(origin, int(size), root_hash, text)


def check_head(head: Head, keys: Iterable[PublicKey]) -> PublicKey:
    """The key among `keys` that has signed the head in its own name; raises HeadError."""
    body = _body_of(head.text)
    for line in head.text[len(body) + 1 :].splitlines():
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        signed = decoded(encoded)
        for key in keys:
            if (key.name, key.id) == (name, signed[:_ID_BYTES]) and name == head.origin:
                _check_signature(key, body, signed)
                return key
    raise HeadError(f"the head of {head.size} facts of {head.origin!r} is not signed by a key that was given")


def _check_signature(key: PublicKey, body: str, signed: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(signed[_ID_BYTES:], body.encode())
    except (InvalidSignature, ValueError):
        raise HeadError(f"the signature of {key.name} under a head is wrong: the head was changed") from None


def _body_of(text: str) -> str:
    """The signed part of a note, with its last line end; raises HeadError where the rest is no list of signatures."""
    body, empty, signatures = text.rpartition("\n\n")
    lines = signatures.split("\n")
    each = [line.removeprefix(_DASH).partition(" ") for line in lines[:-1]]
    well_formed = empty and lines[-1] == "" and all(line.startswith(_DASH) for line in lines[:-1])
    if not well_formed or not each or any(len(decoded(signed)) < _SIGNED_BYTES for _, _, signed in each):
        raise HeadError("this is no signed head: it should be a text, an empty line, and signatures")
    return body + "\n"


def decoded(text: str) -> bytes:
    """The bytes of a base64 text; none where it is something else, or not as an encoder writes it."""
    try:
        found = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if b64encode(found).decode() == text else b""
