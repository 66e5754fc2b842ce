"""Before a model is asked again."""

from __future__ import annotations

import pytest

from receptionist.agents.agent import MAX_WAIT, pause_before


@pytest.mark.parametrize(("retry_after", "least", "most"), [(2.0, 2.0, 2.6), (None, 0.28, 0.52), (0.0, 0.28, 0.52)])
def test_nobody_waits_as_long_as_everybody(retry_after: float | None, least: float, most: float) -> None:
    pauses = [pause_before(0, retry_after) for _ in range(50)]
    assert len(set(pauses)) > 1
    assert all(least <= pause <= most for pause in pauses)


def test_pauses_grow_to_a_limit() -> None:
    assert pause_before(1, None) > 0.5
    assert pause_before(9, None) <= MAX_WAIT * 1.3
