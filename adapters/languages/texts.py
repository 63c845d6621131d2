"""Texts in both languages: English stands in the code and in the templates, Chinese in a catalogue beside them."""

import io
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from adapters.languages.language import LOCALES, Language

Texts = NullTranslations
"""`gettext` and `ngettext`, and both with a context (`pgettext`)."""


@cache
def texts(package: str, language: Language) -> Texts:
    """The texts of a package, from `locale/*.po` in it; English needs no catalogue."""
    if language == "en":
        return NullTranslations()
    source = resources.files(package) / "locale" / f"{LOCALES[language]}.po"
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source.read_bytes()), abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)
