"""Receipts as PDF: the same receipt gives the same bytes, on every machine.

Fonts are ours alone (`fonts/`, made by `scripts/receipt-font`): no font of a machine is looked at. A document tells no
other time than that of its payment.
"""

import asyncio
from collections import OrderedDict
from functools import cache
from hashlib import sha256
from importlib import resources
from pathlib import Path

import msgspec
import typst

from adapters.web.payments.paid import Paid
from adapters.web.payments.paper import Paper

PDF = "application/pdf"
KEPT = 64
"""Receipts of some 40 kB that were asked for last."""
_HERE = resources.files("adapters.web.payments")


class Printer:
    """Prints one receipt at a time, in a thread of its own; one for a web role."""

    def __init__(self, kept: int = KEPT) -> None:
        self._most = kept
        self._compiler: typst.Compiler | None = None
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        """How many documents are kept."""
        return len(self._kept)

    async def pdf(self, paper: Paper) -> bytes:
        """The document, which is kept for a while."""
        tag = tag_of(paper)
        async with self._turn:
            if tag not in self._kept:
                self._kept[tag] = await asyncio.to_thread(self._print, paper)
            self._kept.move_to_end(tag)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[tag]

    def _print(self, paper: Paper) -> bytes:
        if self._compiler is None:
            self._compiler = _compiler()
        printed = self._compiler.compile(sys_inputs={"paper": msgspec.json.encode(paper).decode()}, format="pdf")
        if not isinstance(printed, bytes):
            raise TypeError("the receipt is printed into no single file")
        return printed


def file_name(paid: Paid) -> dict[str, str]:
    """The header that has the file saved under its reference."""
    return {"Content-Disposition": f'attachment; filename="baohao-{paid.reference}.pdf"'}


def tag_of(paper: Paper) -> str:
    """What changes exactly when the document does."""
    return sha256(_template_digest() + msgspec.json.encode(paper)).hexdigest()[:24]


@cache
def _template_digest() -> bytes:
    fonts = sorted((one for one in (_HERE / "fonts").iterdir() if one.name.endswith(".ttf")), key=lambda one: one.name)
    return sha256(b"".join(one.read_bytes() for one in ((_HERE / "receipt.typ"), *fonts))).digest()


def _compiler() -> typst.Compiler:
    folder = Path(str(_HERE))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder / "fonts"])
    return typst.Compiler(folder / "receipt.typ", root=folder, font_paths=fonts)
