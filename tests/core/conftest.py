"""An assembled core on a database of its own, without any thread."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from receptionist.agents.factory import AgentFactory
from receptionist.app import create_app
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.parts import Parts
from receptionist.services import accounts, lines
from receptionist.services.demo.first_start import create_demo_if_empty
from receptionist.services.strategies import strategies
from receptionist.testing.rehearsal import make_template

Assembled = tuple[Parts, AgentFactory]


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database that is up to date and empty, to be copied."""
    return make_template(tmp_path_factory.mktemp("migrated"))


@pytest.fixture
def assembled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _migrated: Path) -> Iterator[Assembled]:
    for name in ("DATABASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "SECRET_KEY", "PUBLIC_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(_migrated, tmp_path)
    parts, factory = assemble(tmp_path)
    yield parts, factory
    parts.database.dispose()


@pytest.fixture
def parts(assembled: Assembled) -> Parts:
    return assembled[0]


@pytest.fixture
def demo(assembled: Assembled) -> Parts:
    parts, factory = assembled
    assert create_demo_if_empty(parts, factory.check)
    return parts


@pytest.fixture
def client(demo: Parts) -> FlaskClient:
    return create_app(demo).test_client()


@pytest.fixture
def make_line(assembled: Assembled) -> Callable[[str], tuple[int, int]]:
    """`make_line("Acme")`: a new account with a strategy and a chat line; (account id, line id)."""
    parts, factory = assembled

    def make(name: str) -> tuple[int, int]:
        with parts.database.begin() as connection:
            scope = Scope(connection, accounts.create(connection, name, "Europe/Berlin"))
            strategies.publish(scope, "Desk", strategies.parse({"agent_name": name}), factory.check)
            strategy_id = strategies.find(scope, "Desk").id
            row = lines.add(scope, parts.vault, parts.channels["webchat"], title=name, strategy_id=strategy_id)
            return scope.account_id, row.id

    return make
