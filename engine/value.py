"""Values: what a card is made of and what is decided about it; compared by content, never changed."""

from collections.abc import Mapping
from typing import Any, dataclass_transform, get_type_hints

from msgspec import NODEFAULT, Struct, structs
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass_transform(frozen_default=True)
class Value(Struct, frozen=True, omit_defaults=True):
    """A frozen value, as cheap to make as a tuple; what equals its default is left out of its JSON.

    Read from our own JSON its types alone are judged. As a part of a pydantic model it comes from outside: then all
    that its annotations ask for is judged, also of a value that was made wrong in Python.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        hints = get_type_hints(cls, include_extras=True)
        kinds = {field: handler.generate_schema(hints[field]) for field in cls.__struct_fields__}
        made = {
            field.name: core_schema.model_field(
                kinds[field.name]
                if field.required
                else core_schema.with_default_schema(kinds[field.name], **_default(field))
            )
            for field in structs.fields(cls)
        }
        shown = {name: core_schema.typed_dict_field(kind) for name, kind in kinds.items()}
        given = core_schema.model_fields_schema(made, model_name=cls.__name__, extra_behavior="forbid")
        return core_schema.no_info_before_validator_function(
            lambda given: structs.asdict(given) if isinstance(given, cls) else given,
            core_schema.no_info_after_validator_function(lambda judged: cls(**judged[0]), given),
            serialization=core_schema.plain_serializer_function_ser_schema(
                structs.asdict, return_schema=core_schema.typed_dict_schema(shown)
            ),
        )


def _default(field: structs.FieldInfo) -> Mapping[str, Any]:
    if field.default is not NODEFAULT:
        return {"default": field.default}
    return {"default_factory": field.default_factory}
