"""What touches the session's row is tested on both databases."""

from __future__ import annotations

import pytest


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(getattr(request, "param", "sqlite"))
