"""Where a holder is told of what happens to a card, as far as pages may promise it."""

from adapters.directory.accounts import find_account
from adapters.languages import shown as written
from adapters.web.pages.visit import CardVisit


async def told_at(visit: CardVisit) -> str | None:
    """The confirmed address that notices go to; None for none: nothing is ever sent to others."""
    async with visit.portal.pool.connection() as connection:
        account = await find_account(connection, visit.visitor.holder_id)
    if account is None:
        return None
    if account.email is not None and account.email_confirmed:
        return account.email
    reached = account.phone is not None and account.phone_confirmed and visit.portal.sends_sms
    return written.phone_number(account.phone or "") if reached else None
