"""The receptionist at work in one process: started after fork, stopped at SIGTERM."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from receptionist import migrations
from receptionist.config import Config, CoreSettings
from receptionist.core import assemble
from receptionist.errors import SettingsError
from receptionist.live.relay import Relay
from receptionist.parts import Parts
from receptionist.pipeline.bell import Bell
from receptionist.pipeline.runner import Runner

if TYPE_CHECKING:
    from receptionist.pipeline.door import Door

log = structlog.get_logger()


class Desk:
    """All of one process: parts, plugins that were told of start and end, and the threads that answer.

    `serves`: customers and browsers reach this process. `answers`: it works conversations off. One that does not do
    both is one of several, and neither makes keys nor migrates.
    """

    def __init__(self, instance_path: Path, *, serves: bool = True, answers: bool = True) -> None:
        """Assemble the parts. Raises an `AdminError` that names what is wrong."""
        alone = serves and answers
        if not alone:
            refuse_fleeting_key(Config(instance_path).read(CoreSettings))
        self.parts: Parts
        self.parts, self.factory = assemble(instance_path)
        if not alone:
            migrations.require_newest(self.parts.database)  # several processes must not race to migrate
        self._serves = serves
        self._door = _door(self.parts)
        self._runner = Runner(self.parts, self.factory, self._door) if answers else None
        if self._runner is None and self._door is not None:
            self.parts.ring = Bell(self._door.ring)
            self.parts.rush.say = self._door.say_rush
        self._relay = Relay(self.parts.redis, self.parts.bus) if self.parts.redis or not alone else None

    def start(self) -> None:
        """Tell plugins, then begin to work. Raises `PluginError` if a plugin cannot start."""
        self.parts.plugins.each_or_stop("startup", host=self.parts.host)
        if self.parts.redis is not None:
            self.parts.redis.start()
        if self._relay is not None:
            self._relay.start(listen=self._serves)
        if self._door is not None:
            self._door.start()
        if self._runner is not None:
            self._runner.start()
            threading.Thread(target=self.factory.warm, name="warm", daemon=True).start()
        log.info("started", models=sorted(self.parts.models), channels=sorted(self.parts.channels))

    def stop(self) -> None:
        """End live connections, let running answers end or hand them back, tell plugins. Within 20 s."""
        self.parts.bus.close()
        if self._runner is not None:
            self._runner.stop()
        if self._door is not None:
            self._door.stop()
        if self._relay is not None:
            self._relay.stop()
        if self.parts.redis is not None:
            self.parts.redis.stop()
        for _ in self.parts.plugins.each("shutdown", host=self.parts.host):
            pass
        self.parts.database.dispose()


def _door(parts: Parts) -> Door | None:
    if parts.redis is None:
        return None
    from receptionist.pipeline.door import Door

    return Door(parts.redis)


def refuse_fleeting_key(settings: CoreSettings) -> None:
    """Raises `SettingsError` where each process might make a key file of its own, and lose it with its folder."""
    if settings.database_url and not settings.secret_key:
        raise SettingsError(
            "SECRET_KEY is not set. Processes that share a database need one key, and one that outlives their folder. "
            'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(32))" - or, if this '
            "installation ran elsewhere before, use what its instance/secret.key holds."
        )
