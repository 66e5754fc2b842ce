"""What every message goes through is tested on both databases; the rest knows nothing of them."""

from __future__ import annotations

import pytest

from tests.harness.databases import on_both

BOTH = (
    "test_consent",
    "test_doctor",
    "test_fences",
    "test_lease",
    "test_missed",
    "test_outbox",
    "test_reports",
    "test_retention",
    "test_strict_order",
    "test_switching",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of these files once on each database."""
    on_both(metafunc, BOTH)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(getattr(request, "param", "sqlite"))
