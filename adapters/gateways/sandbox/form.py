"""Bodies and queries as Stripe writes them: `a[b][0]=x` is `{"a": {"b": {"0": "x"}}}` until its kind is known."""

from hashlib import blake2b
from urllib.parse import unquote

Nested = dict[str, "str | Nested"]
"""Names to texts or to more of the same; what is a list and what a hash only the endpoint knows."""


_NO_UTF8 = "Invalid request: the body is not a form in UTF-8."


class MalformedFormError(ValueError):
    """Bytes that are no form; the message is shown to the caller."""


def decode(text: bytes) -> tuple[Nested, bytes]:
    """The nested parameters, and a digest that is equal for equal parameters in any order."""
    try:
        form = text.decode()
    except UnicodeDecodeError:
        raise MalformedFormError(_NO_UTF8) from None
    pieces = form.replace("+", " ").split("&")
    quoted = "%" in form
    nested: Nested = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        if quoted:
            name, value = _unquoted(name), _unquoted(value)
        if "[" in name:
            _put(nested, name, value)
        elif piece:
            nested[name] = value
    if "\x00" in form or (quoted and "%00" in form):
        raise MalformedFormError("Invalid request: a value holds a NUL character.")
    return nested, blake2b("&".join(sorted(pieces)).encode(), digest_size=16).digest()


def _unquoted(text: str) -> str:
    try:
        return unquote(text, errors="strict") if "%" in text else text
    except UnicodeDecodeError:
        raise MalformedFormError(_NO_UTF8) from None


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
