"""`receptionist lead merge`, `unmerge` and `suggested`."""

from __future__ import annotations

import click

from receptionist.cli.base import ID, account_option, operator, printable, reading
from receptionist.cli.lead import changing, lead, lead_number, who


@lead.command("merge")
@click.argument("kept_id", type=lead_number)
@click.argument("merged_id", type=lead_number)
@account_option
def lead_merge(kept_id: int, merged_id: int, account: str | None) -> None:
    """Two leads are one person: lead KEPT_ID gets the addresses and conversations of lead MERGED_ID."""
    from receptionist.contracts.events import LeadChanged
    from receptionist.services.leads import lead_merge

    with changing(account) as (parts, scope, events):
        merge_id = lead_merge.merge(scope, parts.consents, kept_id, merged_id, operator())
        events.append(LeadChanged(scope.account_id, kept_id, ("merged",)))
    click.echo(f"Lead {merged_id} is one with lead {kept_id} now. To undo it: receptionist lead unmerge {merge_id}")


@lead.command("unmerge")
@click.argument("merge_id", type=ID)
@account_option
def lead_unmerge(merge_id: int, account: str | None) -> None:
    """Undo merge MERGE_ID, which `lead show` names: both leads are what they were."""
    from receptionist.contracts.events import LeadChanged
    from receptionist.services.leads import lead_unmerge

    with changing(account) as (parts, scope, events):
        both = lead_unmerge.unmerge(scope, parts.consents, merge_id, operator())
        events += [LeadChanged(scope.account_id, lead_id, ("merged",)) for lead_id in both]
    click.echo(f"Lead {both[0]} and lead {both[1]} are two again.")


@lead.command("suggested")
@click.option("--before", type=ID, help="Go on below this number.")
@account_option
def lead_suggested(before: int | None, account: str | None) -> None:
    """List leads that may be one person: they share an e-mail address or a phone number."""
    from receptionist.services.leads import lead_merge

    with reading(account) as (_, _, scope):
        found, more = lead_merge.suggested(scope, before=before)
    for suggestion in found:
        click.echo(f"{suggestion.kind} {printable(suggestion.value)}")
        for row in suggestion.leads:
            click.echo(f"{row.id:>6}  {row.recent_at:%Y-%m-%d %H:%M}  {row.status:<10}  {who(row)}")
    if not found:
        click.echo("None.")
    if more is not None:
        click.echo(f"More: receptionist lead suggested --before {more}")
