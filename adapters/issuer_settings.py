"""The settings of who stands behind the pages: issues receipts, helps holders; `adapters.settings` reads them."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class IssuerSettings(BaseSettings):
    """Who issues receipts, and who helps holders."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    issuer_name: _Line | None = None
    """Who issues receipts, as they name it; a change counts for payments from the web role's next start on."""
    issuer_address: _Line | None = None
    """The issuer's address, in one line."""
    issuer_tax_id: _Line | None = None
    """The number under which the issuer pays taxes."""
    support: _Line | None = None
    """Where holders find help, as the page /help says: an e-mail address, a phone number, or the address of a page."""

    @model_validator(mode="after")
    def _an_issuer_has_a_name(self) -> Self:
        if self.issuer_name is None and (self.issuer_address or self.issuer_tax_id) is not None:
            raise ValueError("BAOHAO_ISSUER_ADDRESS or BAOHAO_ISSUER_TAX_ID is set, but not BAOHAO_ISSUER_NAME")
        return self
