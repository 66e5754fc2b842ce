"""A prepared instance folder: migrated, with one account and its lines; made once and copied for each test."""

from __future__ import annotations

import compileall
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from receptionist import migrations
from receptionist.contracts.strategy import StrategyFields
from receptionist.core import assemble
from receptionist.db import Scope
from receptionist.parts import Parts
from receptionist.services import accounts, lines
from receptionist.services.strategies import strategies

FAULTS = Path(__file__).resolve().parents[1] / "faults"
DROP_INS = ("remote_model", "loopback", "fault_points")
BUNDLED = ("webchat", "openai_model")
"""The bundled plugins that take part; the others have tests of their own and would only change texts here."""
KINDS = ("idempotent", "askable", "blind")
SECRET = "a secret that vendor and line share"
STRATEGY_NAME = "House"
STRATEGY = StrategyFields(
    agent_name="Robin",
    custom_instructions="Be brief.",
    tools=["book", "pay", "note"],
    burst_seconds=None,
    disclosure=False,
)


@dataclass(frozen=True)
class Keys:
    """The public keys of the prepared lines."""

    webchat: str = "chat-line"
    idempotent: str = "idempotent-line"
    askable: str = "askable-line"
    blind: str = "blind-line"


KEYS = Keys()
ACCOUNT = "Test House"


def left_out() -> str:
    """The value of DISABLED_PLUGINS: every other bundled plugin."""
    folder = FAULTS.parents[1] / "plugins"
    names = {
        path.stem
        for path in folder.iterdir()
        if (path.suffix == ".py" and not path.stem.startswith("_")) or (path / "__init__.py").exists()
    }
    return ",".join(sorted(names - {*BUNDLED}))


def prepare(path: Path, vendor_url: str, database_url: str = "") -> Path:
    """Make the template: drop-ins, database, account, strategy, a chat line and three loopback lines.

    The database is the embedded one, or the empty one at `database_url`, which copies are made of elsewhere.
    """
    (path / "plugins").mkdir(parents=True)
    for name in DROP_INS:
        shutil.copy(FAULTS / f"{name}.py", path / "plugins")
    compileall.compile_dir(path / "plugins", quiet=1)  # is copied with them
    (path / "settings.env").write_text(f"DISABLED_PLUGINS={left_out()}\nDATABASE_URL={database_url}\n")
    parts, factory = assemble(path)
    migrations.upgrade(parts.database)
    with parts.database.begin() as connection:
        scope = Scope(connection, accounts.create(connection, ACCOUNT, "Europe/Berlin"))
        strategies.publish(scope, STRATEGY_NAME, STRATEGY, factory.check)
        _add_lines(scope, parts, vendor_url)
    parts.database.dispose()
    return path


def _add_lines(scope: Scope, parts: Parts, vendor_url: str) -> None:
    strategy_id = strategies.find(scope, STRATEGY_NAME).id
    channels = parts.channels
    lines.add(scope, parts.vault, channels["webchat"], title="Chat", key=KEYS.webchat, strategy_id=strategy_id)
    for kind in KINDS:
        settings = {"vendor": vendor_url, "secret": SECRET, "kind": kind}
        lines.add(
            scope,
            parts.vault,
            channels["loopback"],
            title=kind,
            key=getattr(KEYS, kind),
            settings=settings,
            strategy_id=strategy_id,
        )


def copy(template: Path, path: Path, settings: Mapping[str, object]) -> Path:
    """A fresh instance folder with these settings in its `settings.env`."""
    shutil.copytree(template, path)
    lines = [f"{name}={value}\n" for name, value in {"DISABLED_PLUGINS": left_out(), **settings}.items()]
    (path / "settings.env").write_text("".join(lines))
    return path
