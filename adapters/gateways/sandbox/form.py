"""Bodies and queries as Stripe writes them: `a[b][0]=x` is `{"a": {"b": {"0": "x"}}}` until its kind is known."""

from hashlib import blake2b
from urllib.parse import parse_qsl

Nested = dict[str, "str | Nested"]
"""Names to texts or to more of the same; what is a list and what a hash only the endpoint knows."""


class MalformedFormError(ValueError):
    """Bytes that are no form; the message is shown to the caller."""


def decode(text: bytes) -> tuple[Nested, bytes]:
    """The nested parameters, and a digest that is equal for equal parameters in any order."""
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise MalformedFormError("Invalid request: the body is not a form in UTF-8.") from None
    nested: Nested = {}
    for name, value in pairs:
        if "\x00" in value:
            raise MalformedFormError("Invalid request: a value holds a NUL character.")
        if "[" in name:
            _put(nested, name, value)
        else:
            nested[name] = value
    digest = blake2b(repr(sorted(pairs)).encode(), digest_size=16).digest()
    return nested, digest


def _put(nested: Nested, name: str, value: str) -> None:
    outer, _, rest = name.partition("[")
    if not outer or not rest.endswith("]"):
        raise MalformedFormError(f"Invalid request: the parameter name {name[:100]!r} cannot be read.")
    place = nested
    parts = [outer, *rest[:-1].split("][")]
    for part in parts[:-1]:
        inner = place.setdefault(part or str(len(place)), {})
        if isinstance(inner, str):
            raise MalformedFormError(f"Invalid request: the parameter {outer!r} is both a value and a hash.")
        place = inner
    place[parts[-1] or str(len(place))] = value
