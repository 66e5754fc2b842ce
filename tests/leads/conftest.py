"""Leads are tested on both databases where their statements are in question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receptionist.db import Scope
from receptionist.services import accounts
from receptionist.services.leads import lead_values
from tests.harness.databases import on_both
from tests.harness.house import House

BOTH = (
    "test_email_capitals",
    "test_injection",
    "test_merge",
    "test_parting",
    "test_search",
    "test_tags",
    "test_values",
)

Act = Callable[..., Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of these files once on each database."""
    on_both(metafunc, BOTH)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def act(house: House) -> Act:
    """`act(service, …)`: what a service returns within a transaction of its own on the first account."""

    def run(service: Callable[..., Any], *arguments: Any, account: int = 1, **named: Any) -> Any:
        with house.parts.database.begin() as connection:
            return service(Scope(connection, account), *arguments, **named)

    with house.parts.database.begin() as connection:
        accounts.change(Scope(connection, 1), name=None, timezone=None, country="DE")
    return run


@pytest.fixture
def add(act: Act) -> Callable[..., int]:
    """`add(name="Ada", …)`: the id of a new lead."""

    def run(account: int = 1, **given: Any) -> int:
        def make(scope: Scope) -> int:
            return lead_values.create(scope, lead_values.reader(scope).read(given), "Ann")

        return int(act(make, account=account))

    return run


@pytest.fixture
def change(act: Act) -> Callable[..., tuple[str, ...]]:
    """`change(lead_id, name="Ada", …)`: the names of what is different now."""

    def run(lead_id: int, account: int = 1, **given: Any) -> Any:
        def save(scope: Scope) -> tuple[str, ...]:
            found = lead_values.reader(scope).read({name.replace("__", "."): value for name, value in given.items()})
            return lead_values.update(scope, lead_id, found, "Ann")

        return act(save, account=account)

    return run


@pytest.fixture
def other_account(house: House) -> int:
    """The id of another account."""
    with house.parts.database.begin() as connection:
        return accounts.create(connection, "Other", "UTC")
