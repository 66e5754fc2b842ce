"""A CRM: where leads go besides our own database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from receptionist.contracts.host import Host


class Crm:
    """Base class of CRMs; return instances from the hook `register_crms`."""

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, host: Host) -> None:
        self.host = host

    def ready(self) -> bool:
        """Whether the settings ask for this CRM."""
        return True

    def push_lead(self, account: Mapping[str, Any], lead: Mapping[str, Any]) -> None:
        """Store the lead as it is now. Called after every change, possibly twice with the same values."""
        raise NotImplementedError(f"{type(self).__name__}.push_lead")
