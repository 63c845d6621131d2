"""The kinds of parameters, and how a request is read by the table of an endpoint: name to kind.

A kind is a function of the raw value and its name that returns the value or raises RefusedError, in Stripe's words.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from adapters.gateways.sandbox.form import Nested
from adapters.gateways.sandbox.refusals import unreadable

Kind = Callable[[object, str], Any]
Table = Mapping[str, Kind]
UNSET = ""
"""What an empty value of a parameter that may be unset becomes."""
_TEXT_LENGTH_MAX = 5000
_METADATA_KEYS_MAX, _METADATA_KEY_MAX, _METADATA_VALUE_MAX = 50, 40, 500


def text(value: object, name: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str):
        raise unreadable(f"Invalid string: {_shown(value)}", param=name)
    if not value:
        raise unreadable(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
            "value.",
            code="parameter_invalid_empty",
            param=name,
        )
    if len(value) > _TEXT_LENGTH_MAX:
        raise unreadable(
            f"Invalid string: must be at most {_TEXT_LENGTH_MAX} characters",
            code="parameter_invalid_string_blank",
            param=name,
        )
    return value


def integer(value: object, name: str) -> int:
    """A whole number."""
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit():
        return int(value[:20])
    raise unreadable(f"Invalid integer: {_shown(value)}", code="parameter_invalid_integer", param=name)


def flag(value: object, name: str) -> bool:
    """`true` or `false`."""
    if value in ("true", "false"):
        return value == "true"
    raise unreadable(f"Invalid boolean: {_shown(value)}", param=name)


def one_of(*values: str) -> Kind:
    """One of a few words."""

    def kind(value: object, name: str) -> str:
        if isinstance(value, str) and value in values:
            return value
        raise unreadable(f"Invalid {name}: must be one of {', '.join(values)}", param=name)

    return kind


def either(first: Kind, second: Kind) -> Kind:
    """What the first kind reads, or else the second."""

    def kind(value: object, name: str) -> object:
        try:
            return first(value, name)
        except Exception:  # noqa: BLE001 (whatever the first refuses, the second judges)
            return second(value, name)

    return kind


def may_be_unset(inner: Kind) -> Kind:
    """An empty value unsets the parameter."""
    return lambda value, name: UNSET if value == "" else inner(value, name)


def a_hash(table: Table, *, needed: tuple[str, ...] = ()) -> Kind:
    """A hash with the names of a table; those in `needed` must be there."""

    def kind(value: object, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise unreadable("Invalid object", param=name)
        return read(value, table, needed=needed, inside=name)

    return kind


def each(inner: Kind) -> Kind:
    """A list, in the order of its indexes."""

    def kind(value: object, name: str) -> list[Any]:
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise unreadable("Invalid array", param=name)
        ordered = sorted(value.items(), key=lambda item: int(item[0]))
        return [inner(one, f"{name}[{key}]") for key, one in ordered]

    return kind


def ignored(value: object, name: str) -> object:  # noqa: ARG001 (a kind like the others)
    """Something documented that changes nothing here: any value is taken."""
    return value


def metadata(value: object, name: str) -> dict[str, str]:
    """At most 50 keys of at most 40 characters, with values of at most 500; an empty value removes its key."""
    if value == "":
        return {}
    if not isinstance(value, dict) or len(value) > _METADATA_KEYS_MAX:
        raise unreadable(f"Invalid {name}: must be a hash of at most {_METADATA_KEYS_MAX} keys", param=name)
    for key, one in value.items():
        if not isinstance(one, str) or len(key) > _METADATA_KEY_MAX or len(one) > _METADATA_VALUE_MAX:
            raise unreadable(
                f"Metadata keys have at most {_METADATA_KEY_MAX} characters and values at most {_METADATA_VALUE_MAX}",
                param=f"{name}[{key[:_METADATA_KEY_MAX]}]",
            )
    return cast("dict[str, str]", value)


def read(raw: Nested, table: Table, *, needed: tuple[str, ...] = (), inside: str = "") -> dict[str, Any]:
    """The parameters by their table; raises RefusedError for an unknown, missing or malformed one."""
    found: dict[str, Any] = {}
    unknown = [name for name in raw if name not in table]
    if unknown:
        names = [f"{inside}[{name}]" if inside else name for name in unknown]
        raise unreadable(
            f"Received unknown parameter{'s' if len(names) > 1 else ''}: {', '.join(names)}",
            code="parameter_unknown",
            param=names[0],
        )
    for name, value in raw.items():
        found[name] = table[name](value, f"{inside}[{name}]" if inside else name)
    for name in needed:
        if name not in found:
            full = f"{inside}[{name}]" if inside else name
            raise unreadable(f"Missing required param: {full}.", code="parameter_missing", param=full)
    return found


def _shown(value: object) -> str:
    return str(value)[:50] if isinstance(value, str) else "a hash"


BOOLEAN_OR_WORD = either(flag, one_of("one_off", "recurring"))
"""`off_session`: yes, no, or how the payment is meant."""
