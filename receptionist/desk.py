"""The receptionist at work in one process: started after fork, stopped at SIGTERM."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from receptionist.core import assemble
from receptionist.parts import Parts
from receptionist.pipeline.runner import Runner

log = structlog.get_logger()


class Desk:
    """All of one process: parts, plugins that were told of start and end, and the threads that answer."""

    def __init__(self, instance_path: Path) -> None:
        """Assemble the parts. Raises an `AdminError` that names what is wrong."""
        self.parts: Parts
        self.parts, self.factory = assemble(instance_path)
        self._runner = Runner(self.parts, self.factory)

    def start(self) -> None:
        """Tell plugins, then begin to answer. Raises `PluginError` if a plugin cannot start."""
        self.parts.plugins.each_or_stop("startup", host=self.parts.host)
        self._runner.start()
        threading.Thread(target=self.factory.warm, name="warm", daemon=True).start()
        log.info("started", models=sorted(self.parts.models), channels=sorted(self.parts.channels))

    def stop(self) -> None:
        """End live connections, let running answers end or hand them back, tell plugins. Within 20 s."""
        self.parts.bus.close()
        self._runner.stop()
        for _ in self.parts.plugins.each("shutdown", host=self.parts.host):
            pass
        self.parts.database.dispose()
