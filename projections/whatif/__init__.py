"""What if: real histories replayed by other rules, in virtual time, and compared with what happened.

A card's history holds what people did and what issuers answered. Both are taken as given, and the engine decides anew
by another policy or catalogue: `tried` finds what was tried, `issuer` answers as issuers did, `given` says which facts
came from outside, `replay` lets time pass, `figures` counts, `compared` sets the results side by side.

The method's limits: people act as they did, whatever becomes of their cards. An issuer's answer depends neither on the
amount nor on how often it was asked before, but for what its kind of try says (`issuer`). Where no answer was recorded
near enough, one is inferred or drawn, and the result says how many: the more, the less it is worth. Delays of our own
are not repeated; a refund is made once it is asked for; a number that the carrier took is taken again, unless it was
unpaid then and is paid now. Cards that a person looked into, or of which the log has lost something, are left out of
both sides, and counted. Network limits are counted over the cards that are replayed: a payment card that others have
too has less room than it seems.

Measured: years of 400 of the demo's cards, lived by four other policies, were foretold from a year lived by the shipped
one: renewals within 1 %, recovered terms within 5 %, lost numbers within two, suspensions within 11 %, declines within
15 %.

Keep rules are those with which each card was registered. Prices of another catalogue reach a card as the engine's rules
let them: by a consent given later, or by an announcement, which is taken to be made when the replay begins, so that it
counts once its days of notice have passed. Nothing is written.
"""
