"""Values: what a card is made of and what is decided about it; compared by content, never changed."""

from typing import dataclass_transform, get_type_hints

from msgspec import NODEFAULT, Struct, structs
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass_transform(frozen_default=True)
class Value(Struct, frozen=True, omit_defaults=True):
    """A frozen value, cheap to make and to copy; a field that holds its default is left out of its JSON.

    Read from our own JSON its types alone are judged. As a part of a pydantic model it comes from outside: then all
    that its annotations ask for is judged, also of a value that was made wrong in Python.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic's side of it: field by field, and of a value that is given as if it were none yet."""
        hints = get_type_hints(cls, include_extras=True)
        kinds = {name: handler.generate_schema(hints[name]) for name in cls.__struct_fields__}
        asked = {
            field.name: core_schema.model_field(_defaulting(kinds[field.name], field)) for field in structs.fields(cls)
        }
        shown = {name: core_schema.typed_dict_field(kind) for name, kind in kinds.items()}
        return core_schema.no_info_before_validator_function(
            lambda given: structs.asdict(given) if isinstance(given, cls) else given,
            core_schema.no_info_after_validator_function(
                lambda judged: cls(**judged[0]),
                core_schema.model_fields_schema(asked, model_name=cls.__name__, extra_behavior="forbid"),
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                structs.asdict, return_schema=core_schema.typed_dict_schema(shown)
            ),
        )


def _defaulting(kind: CoreSchema, field: structs.FieldInfo) -> CoreSchema:
    if field.required:
        return kind
    if field.default is NODEFAULT:
        return core_schema.with_default_schema(kind, default_factory=field.default_factory)
    return core_schema.with_default_schema(kind, default=field.default)
