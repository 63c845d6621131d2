"""A fact in its envelope as plain values, for programs and for the curious; tokens of payment methods are masked."""

from msgspec.structs import asdict
from pydantic_core import to_jsonable_python

from engine.envelope import NAME_OF, Recorded
from engine.text import masked_token


def plain_fact(recorded: Recorded) -> dict[str, object]:
    """What the fact holds, as JSON has it."""
    fact = to_jsonable_python(recorded.fact, fallback=asdict)
    for part in (fact, fact.get("method")):
        if isinstance(part, dict) and "token" in part:
            part["token"] = masked_token(part["token"])
    return fact


def plain(recorded: Recorded) -> dict[str, object]:
    """Envelope and fact."""
    envelope = recorded._asdict()
    del envelope["position"], envelope["last"]
    return envelope | {"name": NAME_OF[type(recorded.fact)], "fact": plain_fact(recorded)}
