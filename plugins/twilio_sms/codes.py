"""Twilio's error codes in words for an admin (twilio.com/docs/api/errors), and what each means for a message."""

from __future__ import annotations

OPTED_OUT = frozenset({21610})
SLOW_DOWN = frozenset({20429, 21611})
"""Too much at once; nothing was sent, and later it may be."""

CUSTOMER = {
    21211: "the customer's number is not valid",
    21265: "the customer's number is a short code, which cannot be texted",
    21268: "the customer's number is a premium number, which cannot be texted",
    21610: "the customer texted STOP to this number; only START from the customer lifts that",
    21612: "Twilio cannot reach this number from the line's number",
    21614: "the customer's number is no mobile number",
    21635: "the customer's number is a landline",
    21617: "the text has more than 1,600 characters",
    21619: "the message has no text and no file",
    21620: "Twilio cannot use the address of the file",
    30001: "too many messages were waiting at Twilio",
    30003: "the phone is switched off or out of reach",
    30004: "the customer or the carrier blocks messages of this number",
    30005: "the number is unknown or not in use any more",
    30006: "the number is a landline, or its carrier cannot be reached",
    30007: "the carrier or Twilio filtered the message as unwanted",
    30008: "the carrier gave no reason",
    30010: "the message would cost more than the limit set for it",
    30011: "the customer's carrier takes no MMS",
    30017: "the carrier's network was overloaded",
    30019: "the file is too large for the carrier",
    30036: "the message could not be sent in time",
    30410: "the carrier did not answer in time",
    30500: "Twilio had an internal error",
    63003: "the customer cannot be reached on this channel",
    63016: "more than 24 hours passed since the customer wrote, so only a template may be sent",
    63018: "too many messages were sent on this channel",
    63024: "the customer cannot be reached on this channel",
    11200: "Twilio could not fetch the file: is PUBLIC_URL reachable from the internet?",
}

LINE = {
    10001: "the Twilio account is not active: look at the Console",
    20003: "Twilio does not accept the credentials: set auth_token and account_sid anew",
    20005: "the Twilio account is not active: look at the Console",
    20008: "these are Twilio's test credentials: use the live ones",
    20404: "Twilio does not know the account or the service: check account_sid and messaging_service_sid",
    21212: "the line's number is not valid: check phone_number",
    21266: "the line's number and the customer's are the same",
    21408: "the account may not text this country: allow it in the Console under Messaging, Geo permissions",
    21603: "the line has no number: set phone_number",
    21606: "the line's number cannot send texts: check phone_number and its capabilities",
    21608: "a trial account texts verified numbers only: upgrade it, or verify the customer's number",
    21659: "the line's number is no number of Twilio, or cannot text this country: check phone_number",
    21660: "the line's number belongs to another account: check phone_number and account_sid",
    21661: "the line's number cannot send texts: check its capabilities",
    21701: "the messaging service does not exist: check messaging_service_sid",
    21703: "the messaging service has no number: add one to its sender pool",
    21705: "the messaging service is not valid: check messaging_service_sid",
    21712: "the line's number is not in the messaging service: check phone_number",
    30002: "the Twilio account is suspended: look at the Console",
    30022: "the A2P 10DLC campaign sends more than it may: look at its limits",
    30023: "the brand reached its daily limit of A2P 10DLC: look at the Console",
    30024: "the number is not set up at the carrier yet: wait, or ask Twilio's support",
    30032: "the toll-free number is not verified: submit its verification in the Console",
    30034: "the number is not registered for A2P 10DLC: register a brand and a campaign with it in the Console",
    30035: "the number is being set up for A2P 10DLC: wait, or ask Twilio's support",
    30450: "Twilio suspects SMS pumping: look at the Console under Messaging, SMS pumping protection",
    63007: "Twilio does not know the line's address on this channel: check the sender in the Console",
    90010: "the Twilio account is not active: look at the Console",
}
"""What an admin must mend: the next message would fail as well."""


def words(code: int | None, otherwise: str = "") -> str:
    """What a code means; `otherwise` is Twilio's own message for one that is not listed."""
    meaning = LINE.get(code or 0) or CUSTOMER.get(code or 0) or otherwise.strip()[:300]
    if meaning:
        return meaning
    return f"see https://www.twilio.com/docs/api/errors/{code}" if code else "Twilio gave no reason"


def is_alert(code: int | None) -> bool:
    """Whether the line is broken until an admin mends it."""
    return code in LINE
