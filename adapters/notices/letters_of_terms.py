"""The letters about terms and about what the holder agreed to."""

from collections.abc import Mapping

from adapters.notices.letter import OPEN_RECEIPT, Letter

_WAY, _AMOUNT, _PERIOD, _LOST = (
    ("Payment method", "{method}"),
    ("Amount", "{amount}"),
    ("Renewed", "every {length}"),
    ("Number lost", "{lost_on}"),
)
_PAY_NOW = "Change the payment method or try again on the card's page."
_TURN_ON = "Turn auto-renewal on, on the card's page: it is charged at once, and the service stays on or comes back."
_TURN_OFF = "To end it, turn auto-renewal off on the card's page. It takes effect before the next charge."

_AHEAD = Letter(
    ("{amount} is charged on {charge_on}: card {card}", "Renewal ahead: card {card}"),
    ("We renew your card {card} on {charge_on} and charge {amount}.", "Your card {card} is renewed soon."),
    (
        (
            "The money comes from {method}.",
            "No payment method is known yet. Add one on the card's page before that day.",
        ),
        "If you do not want it, turn auto-renewal off on the card's page before that day. Nothing is charged then.",
    ),
    (("Day", "{charge_on}"), _AMOUNT, _PERIOD, _WAY),
    (
        "Baohao: card {card} is renewed on {charge_on} for {amount}. Turn auto-renewal off before to prevent it.",
        "Baohao: card {card} is renewed soon. Turn auto-renewal off if you do not want it.",
    ),
)

LETTERS_OF_TERMS: Mapping[str, Letter] = {
    "renewal_far_ahead": _AHEAD,
    "renewal_ahead": _AHEAD,
    "method_expires": Letter(
        "The payment method expires: card {card}",
        "The payment method of your card {card} expires before the next renewal.",
        (
            "{method} cannot be charged any more by then.",
            "Update it on the card's page, or add another payment method. Nothing is charged for that.",
        ),
        (_WAY,),
        "Baohao: the payment method of card {card} expires before the next renewal. Update it on the card's page.",
        "Change payment method",
    ),
    "payment_failed": Letter(
        "Payment failed: card {card}",
        ("The payment of {declined_amount} for your card {card} failed.", "The payment for your card {card} failed."),
        (
            "{reason}",
            (
                "We try again on {next_try}, then {amount}, {reactivation_fee} of it to have the service on again.",
                "We try again on {next_try}.",
                "No further try is planned. {amount} is due, {reactivation_fee} of it to have the service on again.",
                "No further try is planned.",
            ),
            (
                "Without a payment the service goes off on {suspends_on}, and the number is lost on {lost_on}.",
                "Without a payment the number is lost on {lost_on}. The service is off.",
            ),
            _PAY_NOW,
        ),
        (
            ("Amount", "{declined_amount}"),
            ("Next try", "{next_try}"),
            ("Due", "{amount}"),
            ("Service off", "{suspends_on}"),
            _LOST,
        ),
        (
            "Baohao: the payment for card {card} failed. Service goes off on {suspends_on}. Change payment method.",
            "Baohao: the payment for card {card} failed. The number is lost on {lost_on}. Change payment method.",
            "Baohao: the payment for card {card} failed. Change payment method on the card's page.",
        ),
        "Change payment method",
    ),
    "not_tried": Letter(
        "Nothing was charged: card {card}",
        "You asked to pay for your card {card} now, but the rules of banks and card networks allow no try yet.",
        (
            "Nothing was charged, and your number is safe.",
            ("We try again on {next_try}.", "No further try is planned."),
            "To pay before that, add another payment method on the card's page and ask again.",
        ),
        (("Next try", "{next_try}"),),
        (
            "Baohao: card {card} could not be charged now. We try again on {next_try}.",
            "Baohao: card {card} could not be charged now. Add another payment method on the card's page.",
        ),
        "Change payment method",
    ),
    "lapse_ahead": Letter(
        "Service goes off on {suspends_on}: card {card}",
        "Auto-renewal of your card {card} is off, so its service goes off on {suspends_on}.",
        (
            "It is paid to {ends_on}, and nothing is charged for the time after that.",
            "To keep the service, turn auto-renewal on, on the card's page, before that day.",
            "Without a renewal the number is lost on {lost_on}, for good. You can turn it on again until then.",
        ),
        (("Paid to", "{ends_on}"), ("Service off", "{suspends_on}"), _LOST),
        "Baohao: auto-renewal of card {card} is off. The service goes off on {suspends_on}. Turn it on to keep it.",
        "Turn auto-renewal on",
    ),
    "last_chance": Letter(
        "The number is lost on {lost_on}: card {card}",
        "The number of your card {card} is lost on {lost_on}, for good.",
        (
            "The card is not paid, and the service is off.",
            (
                "Pay {due} on the card's page before that day and the number stays yours.",
                "Pay on the card's page before that day and the number stays yours.",
            ),
            "{due_fee} of it is for switching the service on again.",
        ),
        (("Due", "{due}"), _LOST),
        "Baohao: the number of card {card} is lost on {lost_on}, for good. Pay before that day to keep it.",
        "Pay now",
    ),
    "renewed": Letter(
        "Renewed to {ends_on}: card {card}",
        "Your card {card} is renewed and paid to {ends_on}.",
        (
            ("We charged {charged} to {method}.", "The balance paid {from_balance}."),
            "This includes {reactivation_fee} for switching the service on again.",
        ),
        (
            ("Term", "{starts_on} to {ends_on}"),
            ("Price", "{price}"),
            ("Reactivation", "{reactivation_fee}"),
            ("From the balance", "{from_balance}"),
            ("Charged", "{charged}"),
            _WAY,
            ("Reference", "{reference}"),
        ),
        "Baohao: card {card} is renewed and paid to {ends_on}.",
        OPEN_RECEIPT,
    ),
    "grace": Letter(
        "Not paid yet: card {card}",
        "Your card {card} is not paid. The service goes off on {suspends_on}.",
        ("The paid term is over, and no payment succeeded.", _PAY_NOW),
        (("Service off", "{suspends_on}"),),
        "Baohao: card {card} is not paid. The service goes off on {suspends_on}. Change payment method.",
        "Change payment method",
    ),
    "suspended": Letter(
        "Service is off: card {card}",
        "The service of your card {card} is off. The number is still yours.",
        (
            "The card is not paid.",
            "{reason}",
            ("Pay {due} on the card's page to have it on again.", "Pay on the card's page to have it on again."),
            "{due_fee} of it is for switching the service on again.",
            "Otherwise the number is lost on {reclaimed_on}, for good.",
        ),
        (("Due", "{due}"), ("Number lost", "{reclaimed_on}")),
        "Baohao: the service of card {card} is off. Pay before {reclaimed_on}, or the number is lost.",
        "Pay now",
    ),
    "grace_switched_off": Letter(
        "Service goes off on {suspends_on}: card {card}",
        "Auto-renewal of your card {card} is off, so its service goes off on {suspends_on}.",
        ("The paid term is over, and nothing is charged for the next one.", _TURN_ON),
        (("Service off", "{suspends_on}"),),
        "Baohao: auto-renewal of card {card} is off. The service goes off on {suspends_on}. Turn it on to keep it.",
        "Turn auto-renewal on",
    ),
    "suspended_switched_off": Letter(
        "Service is off: card {card}",
        "The service of your card {card} is off. The number is still yours.",
        (
            "The paid term is over, and auto-renewal is off.",
            _TURN_ON,
            "Otherwise the number is lost on {reclaimed_on}, for good.",
        ),
        (("Number lost", "{reclaimed_on}"),),
        "Baohao: the service of card {card} is off. Turn auto-renewal on before {reclaimed_on}, or the number is lost.",
        "Turn auto-renewal on",
    ),
    "last_chance_switched_off": Letter(
        "The number is lost on {lost_on}: card {card}",
        "The number of your card {card} is lost on {lost_on}, for good.",
        ("The service is off, and auto-renewal too.", _TURN_ON),
        (_LOST,),
        "Baohao: the number of card {card} is lost on {lost_on}, for good. Turn auto-renewal on to keep it.",
        "Turn auto-renewal on",
    ),
    "reclaimed": Letter(
        "The number is lost: card {card}",
        "The number of your card {card} is no longer yours.",
        (
            "The card was not paid in time, and the carrier took the number back.",
            "It may still be possible to get it back from the carrier until {quarantined_until}.",
            "{balance} of balance is yours. We pay it back.",
        ),
        (("Balance", "{balance}"),),
        "Baohao: the carrier has taken the number of card {card} back. Details are on the card's page.",
    ),
    "dates_moved": Letter(
        "Later dates: card {card}",
        ("The service of your card {card} goes off later, on {suspends_on}.", "Your card {card} has later dates."),
        (
            "We kept a payment waiting, so the dates that you know have moved by that time.",
            "Without a payment the number is lost on {lost_on}.",
        ),
        (("Service off", "{suspends_on}"), _LOST),
        "Baohao: the dates of card {card} have moved. Without a payment the number is lost on {lost_on}.",
    ),
    "switched_on": Letter(
        "Auto-renewal is on: card {card}",
        "Auto-renewal of your card {card} is on.",
        (
            "You agreed to be charged {price} every {length}, until you turn it off.",
            "The next payment is on {next_payment_on}.",
            "If the service is off by then, {reactivation_fee} comes on top.",
            _TURN_OFF,
        ),
        (
            ("Price", "{price}"),
            _PERIOD,
            ("Next payment", "{next_payment_on}"),
            ("You save", "{saving}"),
            ("Terms", "{terms_version}"),
        ),
        "Baohao: auto-renewal of card {card} is on, {price} every {length}. You can turn it off on the card's page.",
    ),
    "period_changed": Letter(
        "Renewed every {length}: card {card}",
        "From the next term on your card {card} is renewed every {length}.",
        (
            "You agreed to be charged {price} each time, until you turn it off.",
            "If the service is off by then, {reactivation_fee} comes on top.",
            _TURN_OFF,
        ),
        (("Price", "{price}"), _PERIOD, ("You save", "{saving}"), ("Terms", "{terms_version}")),
        "Baohao: card {card} is renewed every {length} for {price} from the next term on.",
    ),
    "price_change": Letter(
        "New price from {applies_from}: card {card}",
        "From {applies_from} on a renewal of your card {card} costs {price} every {length}.",
        (
            "What is paid already costs nothing more.",
            "With the service off, {reactivation_fee} comes on top.",
            "If you do not agree, turn auto-renewal off or choose another period on the card's page before that day.",
        ),
        (("Price", "{price}"), ("From", "{applies_from}"), _PERIOD, ("You save", "{saving}")),
        "Baohao: from {applies_from} on card {card} costs {price} every {length}. You may turn it off before.",
    ),
    "switched_off": Letter(
        "Auto-renewal is off: card {card}",
        "Auto-renewal of your card {card} is off.",
        (
            "{switched_off_by}",
            ("It is paid to {ends_on}. The service goes off on {goes_off_on}.", "{service_is_off}"),
            ("{under_way}", "Nothing more is charged for it."),
            "Without a renewal the number is lost on {lost_on}, for good. You can turn it on again until then.",
        ),
        (("Service off", "{goes_off_on}"), _LOST),
        (
            "Baohao: auto-renewal of card {card} is off. Paid to {ends_on}; the service goes off on {goes_off_on}.",
            "Baohao: auto-renewal of card {card} is off.",
        ),
    ),
    "term_undone": Letter(
        "Renewal undone: card {card}",
        "The last renewal of your card {card} is undone. It is paid to {ends_on}.",
        ("The money for it went back.",),
        (("Paid to", "{ends_on}"),),
        "Baohao: the last renewal of card {card} is undone. It is paid to {ends_on}.",
    ),
    "holder_changed": Letter(
        "Card moved to another account: {card}",
        "Your card {card} was moved to another account.",
        (
            "Somebody who has the number confirmed it by a code that was sent to it, or our support did it.",
            "If that was not you, tell our support at once.",
        ),
        (),
        "Baohao: card {card} was moved to another account. If that was not you, tell our support at once.",
    ),
    "closed": Letter(
        "Card closed: {card}",
        "Your card {card} is closed.",
        ("{balance} of balance is yours. We pay it back.",),
        (("Balance", "{balance}"),),
        "Baohao: card {card} is closed. We pay the balance of {balance} back.",
    ),
}
