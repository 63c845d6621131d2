"""The letters about ways to pay, the balance and money that goes back; and what an account is told of."""

from collections.abc import Mapping

from adapters.notices.letter import OPEN_RECEIPT, Letter

_WAY, _AMOUNT = ("Payment method", "{method}"), ("Amount", "{amount}")
_NOT_YOU = "If that was not you, change your password at once."
_NOT_YOURS = "If that was not you, remove it on the account's page and change your password at once."

LETTERS_OF_MONEY: Mapping[str, Letter] = {
    "method_bound": Letter(
        "Payment method added: card {card}",
        "{method} may now be charged for your card {card}.",
        ("You can remove it on the card's page.",),
        (_WAY,),
        "Baohao: a payment method was added to card {card}.",
    ),
    "method_updated": Letter(
        "Payment method updated: card {card}",
        "The payment method {method} of your card {card} has new details.",
        ("You, or the bank that issued it, gave them to us.",),
        (_WAY,),
        "Baohao: a payment method of card {card} has new details.",
    ),
    "method_removed": Letter(
        "Payment method removed: card {card}",
        ("{method} is not charged for your card {card} any more.", "A payment method of your card {card} was removed."),
        ("{removed_by}", "Where no other payment method is left, add one on the card's page before the next renewal."),
        (_WAY,),
        "Baohao: a payment method of card {card} was removed. Add one on the card's page if none is left.",
        "Change payment method",
    ),
    "refunded": Letter(
        "{amount} goes back to you: card {card}",
        "We refunded {amount} for your card {card}.",
        ("It goes to the payment method that it came from. Banks need up to 10 days to show it.",),
        (_AMOUNT,),
        "Baohao: {amount} for card {card} goes back to you. Banks need up to 10 days to show it.",
    ),
    "refunded_by_support": Letter(
        "{amount} goes back to you: card {card}",
        "We refunded {amount} for your card {card}.",
        ("Our support has returned it.",),
        (_AMOUNT,),
        "Baohao: our support has returned {amount} for card {card}.",
    ),
    "disputed": Letter(
        "The bank took a payment back: card {card}",
        "The bank took {amount} for your card {card} back.",
        (
            "It says that the payment is disputed. We do not charge {method} any more.",
            "If that is a mistake, tell your bank, and add another payment method on the card's page.",
        ),
        (_AMOUNT, _WAY),
        "Baohao: the bank took {amount} for card {card} back. Add another payment method on the card's page.",
        "Change payment method",
    ),
    "auto_top_up_set": Letter(
        "Automatic top-up is on: card {card}",
        "When the balance of your card {card} is below {threshold}, we add {amount}.",
        (
            "You agreed to that charge, at most once in 24 hours.",
            "To end it, turn the automatic top-up off on the card's page.",
        ),
        (("Below", "{threshold}"), ("Top-up", "{amount}")),
        "Baohao: when the balance of card {card} is below {threshold}, {amount} is added.",
    ),
    "auto_top_up_ended": Letter(
        "Automatic top-up is off: card {card}",
        "The automatic top-up of your card {card} is off.",
        ("Nothing more is charged for it.",),
        (),
        "Baohao: the automatic top-up of card {card} is off.",
    ),
    "auto_top_up_stopped": Letter(
        "Automatic top-up stopped: card {card}",
        "The automatic top-up of your card {card} is off now.",
        ("{declined} payments for it failed.", "{reason}", "Change payment method, then turn it on again."),
        (),
        "Baohao: the automatic top-up of card {card} is off after failed payments. Change payment method.",
        "Change payment method",
    ),
    "auto_top_up_stopped_not_taken": Letter(
        "Automatic top-up stopped: card {card}",
        "The automatic top-up of your card {card} is off now.",
        ("Its amount cannot be charged at once.", "{other_amount}"),
        (),
        "Baohao: the automatic top-up of card {card} is off, since its amount cannot be charged at once.",
    ),
    "topped_up": Letter(
        "{amount} added: card {card}",
        "{amount} was added to the balance of your card {card}.",
        (),
        (_AMOUNT, ("Reference", "{reference}")),
        "Baohao: {amount} was added to the balance of card {card}.",
        OPEN_RECEIPT,
    ),
    "top_up_failed": Letter(
        "Top-up failed: card {card}",
        "The top-up of your card {card} failed. Nothing was charged.",
        ("{reason}", "Top up again on the card's page, with another payment method if need be."),
        (),
        "Baohao: the top-up of card {card} failed. Nothing was charged.",
    ),
    "top_up_failed_not_taken": Letter(
        "Top-up failed: card {card}",
        "The top-up of your card {card} failed. Nothing was charged.",
        ("Its amount cannot be charged at once.", "{other_amount}"),
        (),
        "Baohao: the top-up of card {card} failed. Nothing was charged.",
    ),
}

LETTERS_OF_ACCOUNTS: Mapping[str, Letter] = {
    "code": Letter(
        "{code} is your code",
        "Your code is {code}.",
        (
            "{purpose}",
            "It is valid for {minutes} minutes.",
            "Type it only on the page that asked for it. We never ask for it by phone or e-mail.",
        ),
        (),
        "Baohao: {code} is your code, valid for {minutes} minutes. Give it to nobody.",
        "",
    ),
    "account_exists": Letter(
        "You have an account already",
        "Somebody asked for an account with this address. It has one already.",
        ("If that was you, sign in, or use a code if you forgot the password. Otherwise there is nothing to do.",),
        (),
        "Baohao: this number has an account already. Sign in with it.",
        "Sign in",
    ),
    "registered": Letter(
        "Your account is ready",
        "Your account is ready.",
        ("You can sign in with this address.",),
        (),
        "Baohao: your account is ready.",
        "Sign in",
    ),
    "email_changed": Letter(
        "Your e-mail address was changed",
        (
            "The e-mail address of your account was changed: it was {before}, and is {after} now.",
            "The e-mail address of your account was changed.",
        ),
        (_NOT_YOU,),
        (),
        "Baohao: the e-mail address of your account was changed. If that was not you, change your password at once.",
        "Open the account",
    ),
    "phone_changed": Letter(
        "Your phone number was changed",
        (
            "The phone number of your account was changed: it was {before}, and is {after} now.",
            "The phone number of your account was changed.",
        ),
        (_NOT_YOU,),
        (),
        "Baohao: the phone number of your account was changed. If that was not you, change your password at once.",
        "Open the account",
    ),
    "password_changed": Letter(
        "Your password was changed",
        "The password of your account was changed.",
        ("All other devices are signed out.", _NOT_YOU),
        (),
        "Baohao: the password of your account was changed. If that was not you, reset it at once.",
        "Open the account",
    ),
    "passkey_added": Letter(
        "A passkey was added",
        "A passkey was added to your account.",
        ("Whoever has it can sign in with it. All other devices are signed out.", _NOT_YOURS),
        (),
        "Baohao: a passkey was added to your account. If that was not you, remove it at once.",
        "Open the account",
    ),
    "passkey_removed": Letter(
        "A passkey was removed",
        "A passkey was removed from your account.",
        ("It can no longer be used to sign in. All other devices are signed out.", _NOT_YOU),
        (),
        "Baohao: a passkey was removed from your account. If that was not you, change your password at once.",
        "Open the account",
    ),
    "passkeys_removed": Letter(
        "Your passkeys were removed",
        "Our support removed the passkeys of your account.",
        ("Sign in by password or code, and add a new one. All devices are signed out.", _NOT_YOU),
        (),
        "Baohao: our support removed the passkeys of your account. If that was not you, change your password at once.",
        "Sign in",
    ),
    "passkey_copied": Letter(
        "A passkey was refused",
        "A passkey of your account was refused: it seems that there is a copy of it.",
        ("Remove it on the account's page, and add a new one.",),
        (),
        "Baohao: a passkey of your account was refused, since there seems to be a copy of it. Remove it.",
        "Open the account",
    ),
    "passkey_instead": Letter(
        "Sign in with your passkey",
        "Somebody asked for a new password for your account. It has a passkey, so no code is sent for that.",
        ("If that was you, sign in with the passkey, and set a password on the account's page.",),
        (),
        "Baohao: your account has a passkey. Sign in with it, and set a password on the account's page.",
        "Sign in",
    ),
    "account_erased": Letter(
        "Your account is deleted",
        "Your account is deleted.",
        ("Your addresses and numbers are gone from it. The record of payments stays, without your name.",),
        (),
        "Baohao: your account is deleted.",
        "",
    ),
}
