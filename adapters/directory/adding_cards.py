"""Adding a card by its number: a code that is sent to the number proves that whoever asks has it."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from adapters.directory.account_events import note
from adapters.directory.addresses import Address
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, Wait
from adapters.directory.card_numbers import card_with
from adapters.directory.codes import Asked, Redeemed, TypedCode, ask_code, redeem_code
from adapters.directory.messages import Send
from adapters.directory.sessions import SignedIn
from adapters.directory.visit import Visit


async def begin_adding_card(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, number: Address, visit: Visit
) -> CodeSent | Wait:
    """Send a code to a card's number in E.164; where no card has it nothing is sent, and the answer is the same."""
    known = await card_with(connection, number.text) is not None
    asked = Asked(
        "add_card",
        number,
        signed_in.language,
        signed_in.holder_id,
        works=known,
        sends="code" if known else None,
    )
    return await ask_code(connection, send, asked, visit)


async def finish_adding_card(
    connection: AsyncConnection[Any], signed_in: SignedIn, code: TypedCode, visit: Visit
) -> UUID | CodeWrong | CodeDead:
    """The card whose number was proved; that it changes hands is for its history to say."""
    async with connection.transaction():
        redeemed = await redeem_code(connection, code, "add_card", visit.now, signed_in.holder_id)
        if not isinstance(redeemed, Redeemed):
            return redeemed
        card_id = await card_with(connection, redeemed.address.text)
        if card_id is None:
            return CodeDead()  # it has another number by now
        if not redeemed.again:
            await note(connection, signed_in.holder_id, "number_proved", visit, signed_in.session_id)
    return card_id
