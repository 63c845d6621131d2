"""Who acts: a holder, an operator or a part of the system; stored in the envelope of each fact."""

from typing import Literal, NewType

ActorKind = Literal["holder", "operator", "system"]

Actor = NewType("Actor", str)
"""`holder:<id>`, `operator:<name>` or `system:<role>`; facts of older logs have plain process names instead."""

NAME_MAX_CHARS = 200


def actor(kind: ActorKind, name: str) -> Actor:
    """The actor of that kind and name; raises ValueError unless `name` has 1 to 200 characters, none of them NUL."""
    if not 0 < len(name) <= NAME_MAX_CHARS or "\x00" in name:
        raise ValueError(f"{name!r} names no {kind}: 1 to {NAME_MAX_CHARS} characters are needed, none of them NUL")
    return Actor(f"{kind}:{name}")


def is_person(recorded: str) -> bool:
    """Whether a recorded actor is a holder or an operator, not a part of the system."""
    return recorded.startswith(("holder:", "operator:"))
