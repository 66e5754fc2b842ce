"""What time it is for a business."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def local_now(timezone: str) -> datetime:
    """The time it is in this zone, an IANA name; its date is the day that limits of a day are judged by."""
    return datetime.now(ZoneInfo(timezone))
