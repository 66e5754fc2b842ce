"""Which checks apply to which channels."""

from __future__ import annotations

import pytest

from receptionist.testing.case import ChannelCase

MARKER = "channel_needs"


def needs(*abilities: str) -> pytest.MarkDecorator:
    """The check applies only to channels with all these `ChannelCase.abilities`."""
    return pytest.mark.channel_needs(*abilities)


def missing(item: pytest.Item) -> frozenset[str]:
    """The abilities that a collected check needs and its channel has not; none if it applies."""
    case = getattr(getattr(item, "cls", None), "case", None)
    if not isinstance(case, ChannelCase):
        return frozenset()
    wanted = frozenset(ability for marker in item.iter_markers(MARKER) for ability in marker.args)
    return wanted - case.abilities()
