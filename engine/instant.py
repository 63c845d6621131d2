"""Instants as stored facts and snapshots hold them."""

from datetime import datetime
from typing import Annotated

from pydantic import GetCoreSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class _InUtc:
    """Read from JSON with Python's own UTC; pydantic's zones, one per instant, are ten times as dear to compare."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        parsed = core_schema.no_info_plain_validator_function(datetime.fromisoformat)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.chain_schema([core_schema.str_schema(), parsed]),
            python_schema=handler(source),
            serialization=core_schema.simple_ser_schema("datetime"),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: object) -> JsonSchemaValue:
        return {"type": "string", "format": "date-time"}


Instant = Annotated[datetime, _InUtc]
"""An aware datetime; in JSON an ISO 8601 text."""
