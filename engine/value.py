"""Values: frozen, compared by content; the base of facts, money and the parts of a card."""

from typing import dataclass_transform, get_type_hints

from msgspec import Struct, structs
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from engine.text import masked_token


@dataclass_transform(frozen_default=True)
class Value(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A frozen value, cheap to make and to copy; a field that holds its default is left out of its JSON.

    Read from our own JSON, only its types are checked. As a part of a pydantic model, which comes from outside, it is
    validated by its annotations in full, even if it was constructed in Python.
    """

    def __repr__(self) -> str:
        """As usual, but for a token, of which only the end is shown: errors and logs repeat it."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        shown = (f"{name}={(masked_token(one) if name == 'token' else one)!r}" for name, one in fields.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The pydantic schema: validates field by field, an instance as if it were a dict of its fields."""
        hints = get_type_hints(cls, include_extras=True)
        fields = {
            field.name: core_schema.typed_dict_field(
                handler.generate_schema(hints[field.name]), required=field.required
            )
            for field in structs.fields(cls)
        }
        validated = core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.no_info_before_validator_function(
            lambda given: structs.asdict(given) if isinstance(given, cls) else given,
            core_schema.no_info_after_validator_function(lambda given: cls(**given), validated),
            serialization=core_schema.plain_serializer_function_ser_schema(structs.asdict, return_schema=validated),
        )
