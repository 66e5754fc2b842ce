"""P8: with the default settings a killed worker's message is taken up again within 45 s."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.promise.conftest import TakenUp


@pytest.mark.slow
def test_taken_up_within_45_seconds(takeover: Future[TakenUp]) -> None:
    for kind, (replies, seconds) in takeover.result(timeout=150).items():
        assert replies == ["Echo: Do you come back?"], kind
        assert seconds < 45, kind
