"""What all JSON Schemas of the contract are written in."""

from typing import Any

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
