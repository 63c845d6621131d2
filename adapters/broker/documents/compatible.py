"""Whether readers of the former schemas understand today's messages, and the other way round.

Messages stay on streams and in archives, so both have to hold: what a reader relied on is still there, and old
messages fit today's shapes. So within a version a field may only be added, and may be missing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

_WORDS = frozenset({"$schema", "$id", "$defs", "title", "description", "default", "examples"})
"""What says nothing about which messages fit."""


def broken_promises(former: Mapping[str, Json], today: Mapping[str, Json]) -> list[str]:
    """A sentence for each promise of the former schemas, by name, that today's do not keep."""
    found: list[str] = []
    for name, old in former.items():
        if name not in today:
            found.append(f"{name} was removed: readers wait for it in silence")
        else:
            found += (f"{name}: {one}" for one in _broken(_resolved(old), _resolved(today[name]), ""))
    return found


def _resolved(schema: Json) -> Json:
    """The schema with its parts in place, and without words."""
    parts: Json = schema.get("$defs", {})

    def plain(value: Any, *, names: bool = False) -> Any:  # noqa: ANN401 (JSON of any kind)
        if isinstance(value, list):
            return [plain(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return plain(parts[value["$ref"].rpartition("/")[2]])
        return {key: plain(one, names=key == "properties") for key, one in value.items() if names or key not in _WORDS}

    return plain(schema)


def _broken(old: Json, new: Json, path: str) -> Iterator[str]:
    before, now = old.get("properties", {}), new.get("properties", {})
    for name, shape in before.items():
        field = f"{path}{name}"
        if name not in now:
            yield f"field {field} was removed"
            continue
        if name in old.get("required", ()) and name not in new.get("required", ()):
            yield f"field {field} may be missing now, on which readers rely"
        yield from _broken(shape, now[name], f"{field}.")
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"field {path}{name} is required now, and former messages may be without it"
    choices = old.get("anyOf", []), new.get("anyOf", [])
    if len(choices[0]) == len(choices[1]):
        for one, other in zip(*choices, strict=True):
            yield from _broken(one, other, path)
    rest, as_now = _without_fields(old), _without_fields(new)
    if rest != as_now:
        yield f"{f'field {path[:-1]}' if path else 'it'} was {rest}, and is {as_now} now"


def _without_fields(schema: Json) -> Json:
    found = {key: value for key, value in schema.items() if key not in {"properties", "required", "anyOf"}}
    return found | ({"choices": len(schema["anyOf"])} if "anyOf" in schema else {})
