"""What a step of taking a message changes, in the transaction that records the turn."""

from __future__ import annotations

from receptionist.agents.take_message import Step
from receptionist.contracts.events import Event
from receptionist.db import Scope
from receptionist.pipeline import goals
from receptionist.pipeline.lease import Lease
from receptionist.services.leads import leads
from receptionist.services.leads.leads import LeadChange


def keep(scope: Scope, lease: Lease, step: Step) -> tuple[LeadChange, list[Event]]:
    """Keep what the customer said in session and lead; returns what is new in the lead, whose filled fields stay, and
    what is to be told of the goals.

    Raises `Unavailable`, `LeadError` if the lead was merged or erased just now."""
    told = goals.change(scope, lease, step.apply) if step.goals else []
    if not step.learned.fields():
        return LeadChange(), told
    lead = leads.lock(scope, lease.lead_id)
    new = LeadChange(**{name: getattr(step.learned, name) for name in step.learned.fields() if not getattr(lead, name)})
    leads.change(scope, lead.id, new)
    return new, told
