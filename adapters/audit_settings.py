"""The settings of who seals the log; `adapters.settings` reads them."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.gateway_settings import absolute


class AuditSettings(BaseSettings):
    """How the log is sealed."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    seal_key_file: Annotated[Path, AfterValidator(absolute)] | None = None
    """File with the key by which the sealer signs, as `baohao audit key` makes it; unset: the log is not sealed."""
    seal_every_s: float = Field(60, gt=0, le=86_400)
    """After so many seconds new facts are sealed, however few they are."""
    seal_facts: int = Field(1024, ge=1, le=100_000)
    """So many new facts are sealed at once; a seal that is broken bounds a stretch of at most so many."""
