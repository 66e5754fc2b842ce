from __future__ import annotations

import pytest

from plugins.known_customers import find_lead
from receptionist import Inbound, Line, Sender
from tests.small_plugins.host import LEAD, MemoryHost

LINE = Line(5, 1, "acme", "sms", "k", "SMS", "", None)


@pytest.mark.parametrize(
    ("sender", "lead"),
    [
        (Sender("x", verified_email="ada@example.org"), 7),
        (Sender("x", verified_phone="+4917012345"), 7),
        (Sender("x", verified_phone="+4999999999"), None),
        (Sender("ada@example.org", name="Ada"), None),
    ],
)
def test_find_lead_by_what_was_proved(sender: Sender, lead: int | None) -> None:
    host = MemoryHost()
    host.leads[1, 7] = {**LEAD, "email": "ada@example.org", "phone": "+4917012345"}
    host.leads[2, 8] = {**LEAD, "email": "ada@example.org", "phone": "+4999999999"}
    assert find_lead(Inbound("m1", sender, "hi"), LINE, host) == lead
