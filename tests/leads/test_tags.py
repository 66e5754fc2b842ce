"""The list of an account's tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receptionist.services.leads import lead_tags

Act = Callable[..., Any]


def listed(act: Act, **where: Any) -> list[tuple[str, int]]:
    return [(row.tag, row.leads) for row in act(lead_tags.used, **where)]


def test_tags_in_use_are_listed_page_by_page_with_their_leads(
    act: Act, add: Callable[..., int], other_account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(act) == []
    for number in range(5):
        add(name=f"N {number}", tags=f"all,own {number},{'even' if number % 2 == 0 else 'odd'}")
    add(name="Somebody else", tags="all,theirs", account=other_account)
    everything = [("all", 5), ("even", 3), ("odd", 2), *((f"own {number}", 1) for number in range(5))]
    assert listed(act) == everything
    assert listed(act, limit=3) == everything[:3]
    assert listed(act, limit=3, after="odd") == everything[3:6]
    assert listed(act, after="own 4") == []
    assert listed(act, account=other_account) == [("all", 1), ("theirs", 1)]
    monkeypatch.setattr(lead_tags, "COUNTED", 3)
    assert listed(act, limit=2) == [("all", 4), ("even", 3)], "one more than is counted stands for many"
