"""Receipts: what a holder has paid, newest first, and each payment as a page and as a file to keep."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.directory.sessions import SignedIn
from adapters.web.door import Door, missing
from adapters.web.frame import NO_STORE, page
from adapters.web.pages.ids import whole_number
from adapters.web.pages.naming import method_name, plan_name
from adapters.web.pages.portal import Portal
from adapters.web.payments.paid import payments_of, receipt_of
from adapters.web.payments.paper import paper_of, what_for
from adapters.web.payments.printing import PDF, Printer, file_name
from adapters.web.voice import voice


def receipt_pages(portal: Portal, door: Door, printer: Printer) -> list[Route]:
    """`/receipts`, `/receipts/ATTEMPT`, `/receipts/ATTEMPT.pdf`."""

    async def listed(request: Request, visitor: SignedIn) -> Response:
        number = whole_number(request.query_params.get("page", "")) or 1
        found, has_more = await payments_of(portal, visitor.holder_id, number)
        more = number + 1 if has_more else None
        return page("receipts", visitor.language, visitor=visitor, here="/receipts", receipts=found, more=more)

    async def one(request: Request, visitor: SignedIn) -> Response:
        found = await receipt_of(portal, visitor.holder_id, request.path_params["attempt_id"])
        if found is None:
            return missing(request, visitor)
        paid, renewed, say = found.paid, found.renewed, voice(visitor.language)
        return page(
            "receipt",
            visitor.language,
            visitor=visitor,
            here=f"/receipts/{paid.attempt_id}",
            paid=paid,
            plan=plan_name(found.held.plan, found.held.card.custody.plan, say),
            term=renewed.term if renewed else None,
            what=what_for(found, say),
            goes_back=found.goes_back,
            price=renewed.price if renewed else None,
            fee=renewed.reactivation_fee if renewed else None,
            method=method_name(found.method, say),
            place=say.place(paid.zone),
            issuer=found.issuer,
        )

    async def printed(request: Request, visitor: SignedIn) -> Response:
        found = await receipt_of(portal, visitor.holder_id, request.path_params["attempt_id"])
        if found is None:
            return missing(request, visitor)
        content = await printer.pdf(paper_of(found, voice(visitor.language)))
        return Response(content, headers={**NO_STORE, **file_name(found.paid)}, media_type=PDF)

    return [
        Route("/receipts", door.signed_in(listed), methods=["GET"]),
        Route("/receipts/{attempt_id:uuid}", door.signed_in(one), methods=["GET"]),
        Route("/receipts/{attempt_id:uuid}.pdf", door.signed_in(printed), methods=["GET"]),
    ]
