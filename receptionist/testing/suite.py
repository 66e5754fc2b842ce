"""The channel suite: what every channel must do, whoever wrote it."""

from __future__ import annotations

from typing import ClassVar

from receptionist.testing.case import ChannelCase
from receptionist.testing.checks.consent import Consent
from receptionist.testing.checks.delivery import Delivery
from receptionist.testing.checks.echoes import Echoes
from receptionist.testing.checks.hostile import Hostile
from receptionist.testing.checks.intake import Intake
from receptionist.testing.checks.receipts import Receipts
from receptionist.testing.checks.trust import Trust


class ChannelSuite(Trust, Intake, Hostile, Delivery, Receipts, Consent, Echoes):
    """Derive a class named `Test…` from it and set `case`. Checks that the case cannot serve are left out, by name."""

    case: ClassVar[ChannelCase]
