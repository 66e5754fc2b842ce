"""What one process is made of, handed to everything that needs it instead of being global."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from receptionist.agents.count import AgentCount
from receptionist.config import Config, CoreSettings
from receptionist.pipeline.rush import Rush

if TYPE_CHECKING:
    from receptionist.contracts.calendar import Calendar
    from receptionist.contracts.channel import Channel, Line
    from receptionist.contracts.events import Event
    from receptionist.contracts.host import Host
    from receptionist.contracts.messages import Inbound, Taken
    from receptionist.contracts.model import Model
    from receptionist.contracts.storage import Storage
    from receptionist.contracts.tool import Tool
    from receptionist.db import Database
    from receptionist.live.bus import MemoryBus
    from receptionist.live.link import RedisLink
    from receptionist.loader import Plugins
    from receptionist.security.limits import Limits
    from receptionist.security.tokens import Signer
    from receptionist.security.vault import Vault
    from receptionist.services.directory import Directory
    from receptionist.services.leads.consent import Consents
    from receptionist.services.leads.forgotten import Forgotten


@dataclass
class Parts:
    """The parts of one process; made by `receptionist.core.assemble`, after fork."""

    config: Config
    settings: CoreSettings
    database: Database
    vault: Vault
    signer: Signer
    consents: Consents
    forgotten: Forgotten
    limits: Limits
    bus: MemoryBus
    plugins: Plugins
    host: Host = field(init=False)
    channels: Mapping[str, Channel] = field(init=False)
    tools: Mapping[str, Tool] = field(init=False)
    models: Mapping[str, Model] = field(init=False)
    calendars: Mapping[str, Calendar] = field(init=False)
    storages: Mapping[str, Storage] = field(init=False)
    directory: Directory = field(init=False)
    ring: Callable[[int], None] = field(default=lambda conversation_id: None)
    """Says that a conversation has work; set by the desk of this process. Never raises."""
    rush: Rush = field(default_factory=Rush)
    """Says that messages wait to be stored, to those whom the desk of this process set."""
    agents: AgentCount = field(default_factory=AgentCount)
    redis: RedisLink | None = None
    """The way to Redis, if this installation has one."""

    take_in: Callable[[Line, Sequence[Inbound]], list[Taken]] = field(init=False)
    """Stores messages that a vendor was asked for, and rings. Raises what `Intake.take_in` does."""

    @property
    def instance_path(self) -> Path:
        """The folder this installation owns."""
        return self.config.instance_path

    def emit(self, event: Event) -> None:
        """Hand a committed event to every plugin; one that fails neither hides the others nor fails the caller."""
        for _ in self.plugins.each("on_event", event=event, host=self.host):
            pass
