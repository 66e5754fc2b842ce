"""`receptionist strategy`: which there are, and who answers with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from receptionist.cli.base import ID, VERSION, account_option, in_account, operator, printable, reading
from receptionist.cli.lead import changing, lead_number
from receptionist.errors import LineError

if TYPE_CHECKING:
    from receptionist.contracts.events import Event
    from receptionist.contracts.strategy import StrategyFields
    from receptionist.db import Scope

version_option = click.option("--version", "number", type=VERSION, metavar="N", help="The version N.")
draft_option = click.option("--draft", is_flag=True, help="The draft, in place of the published version.")


def chosen_fields(scope: Scope, row: Any, number: int | None, draft: bool) -> tuple[str, StrategyFields]:
    """The fields of a version, of the draft, or else those that are published, and what they are called. For a draft
    that is not there, what is published, and a note about it.

    Raises `click.UsageError` where both are asked for, and `LineError` where there are none."""
    from receptionist.services.strategies import strategies, strategy_drafts, strategy_versions

    if number is not None and draft:
        raise click.UsageError("choose --version or --draft, not both")
    if draft and lacks_draft(row):
        click.echo(f"{row.name} has no draft; this is what is published, version {row.published_number}.", err=True)
    elif draft:
        return "the draft", strategy_drafts.read(scope, row.id).fields
    if number is not None:
        return f"version {number}", strategy_versions.fields(scope, row.id, number)
    if row.published_number is None:
        raise LineError(f"Nothing of {row.name} is published yet. To see its draft, add --draft.")
    return f"version {row.published_number}", strategies.published_fields(scope, row.id)


def lacks_draft(row: Any) -> bool:
    """Whether nothing but what is published is there; what was never published is a draft at least."""
    return row.draft is None and row.published_number is not None


def what_then(scope: Scope, row: Any) -> str:
    """What follows for customers from a strategy that is published, or the next step if nobody uses it."""
    from receptionist.services.strategies import strategies

    if any(strategies.users(scope, row.id)):
        return "the next turn uses it"
    return f'no line uses it yet: receptionist strategy use "{row.name}" LINE_ID'


def as_json(fields: StrategyFields) -> str:
    """Fields as an admin edits them."""
    return json.dumps(fields.model_dump(mode="json"), indent=2, ensure_ascii=False)


@click.group()
def strategy() -> None:
    """Who the agent is and how it behaves."""


@strategy.command("list")
@account_option
def strategy_list(account: str | None) -> None:
    """List the strategies: what is published, what is a draft, what is switched off."""
    from receptionist.services.strategies import strategies

    with reading(account) as (_, _, scope):
        rows = strategies.listed(scope)
    for row in rows:
        state = f"version {row.published_number}" if row.published_number else "never published"
        notes = ["" if row.active else "inactive", _draft(row)]
        click.echo(f"{row.name}  ({', '.join(filter(None, (state, *notes)))})")
        if row.description:
            click.echo(f"    {printable(row.description)}")
    if not rows:
        click.echo("None.")


def _draft(row: Any) -> str:
    if row.draft is not None:
        return f"draft of {printable(row.draft_by)}"
    return "" if row.published_number else "draft with the defaults"


@strategy.command("create")
@click.argument("name")
@click.option("--description", default="", help="For whom or what it is.")
@account_option
def strategy_create(name: str, description: str, account: str | None) -> None:
    """Make a strategy, whose draft has the defaults; it can answer once a version is published."""
    from receptionist.services.strategies import strategies

    with in_account(account) as (_, _, scope):
        strategies.create(scope, name, description)
    click.echo(
        f'{name} is there; its draft has the defaults. Next: receptionist strategy edit "{name}", then '
        f'receptionist strategy publish "{name}".'
    )


@strategy.command("show")
@click.argument("name")
@version_option
@draft_option
@account_option
def strategy_show(name: str, number: int | None, draft: bool, account: str | None) -> None:
    """Print the published version, another one or the draft as JSON."""
    from receptionist.services.strategies import strategies

    with reading(account) as (_, _, scope):
        _, fields = chosen_fields(scope, strategies.find(scope, name), number, draft)
    click.echo(as_json(fields))


@strategy.command("describe")
@click.argument("name")
@click.argument("description")
@account_option
def strategy_describe(name: str, description: str, account: str | None) -> None:
    """Say for whom or what NAME is; "" for nothing."""
    from receptionist.services.strategies import strategies

    with in_account(account) as (_, _, scope):
        strategies.describe(scope, strategies.find(scope, name).id, description)
    click.echo("Saved.")


@strategy.command("rename")
@click.argument("name")
@click.argument("new_name")
@account_option
def strategy_rename(name: str, new_name: str, account: str | None) -> None:
    """Give NAME another name; lines and leads keep it."""
    from receptionist.services.strategies import strategies

    with in_account(account) as (_, _, scope):
        strategies.rename(scope, strategies.find(scope, name).id, new_name)
    click.echo("Saved.")


@strategy.command("activate")
@click.argument("name")
@account_option
def strategy_activate(name: str, account: str | None) -> None:
    """Let NAME answer again."""
    from receptionist.services.strategies import strategies

    with in_account(account) as (_, _, scope):
        row = strategies.find(scope, name)
        strategies.set_active(scope, row.id, True)
        unpublished = f'nothing of it is published yet: receptionist strategy publish "{name}"'
        then = unpublished if row.published_number is None else what_then(scope, row)
    click.echo(f"{name} is active; {then}.")


@strategy.command("deactivate")
@click.argument("name")
@account_option
def strategy_deactivate(name: str, account: str | None) -> None:
    """Let NAME answer nobody: its customers get their line's fallback text, and a person is told."""
    from receptionist.services.strategies import strategies

    with in_account(account) as (_, _, scope):
        row = strategies.find(scope, name)
        strategies.set_active(scope, row.id, False)
        lines, leads = strategies.users(scope, row.id)
    click.echo(f"{name} is not active; it answers nobody from the next turn on.")
    if lines or leads:
        titles = ", ".join(f"{line.id} ({printable(line.title)})" for line in lines) or "none"
        click.echo(f"Customers get a fixed text meanwhile. Lines that use it: {titles}; leads of their own: {leads}.")


@strategy.command("remove")
@click.argument("name")
@account_option
def strategy_remove(name: str, account: str | None) -> None:
    """Delete NAME with its versions and draft, if nothing uses it and no conversation names it."""
    from receptionist.services.strategies import strategies

    with in_account(account) as (_, _, scope):
        strategies.remove(scope, strategies.find(scope, name).id)
    click.echo(f"{name} is removed.")


@strategy.command("use")
@click.argument("name")
@click.argument("line_id", type=ID)
@account_option
def strategy_use(name: str, line_id: int, account: str | None) -> None:
    """Let line LINE_ID answer with NAME; its open conversations are archived, and new ones begin."""
    from receptionist.services.strategies import assignment, strategies

    with changing(account) as (_, scope, events):
        ended = assignment.use_on_line(scope, strategies.find(scope, name).id, line_id, operator())
        events += _ended(scope, ended)
    click.echo(f"Saved; the next turn uses it. Conversations archived: {len(ended)}.")


@strategy.command("give-lead")
@click.argument("lead_id", type=lead_number)
@click.argument("name", required=False)
@click.option("--none", "nothing", is_flag=True, help="Let the line's strategy answer this lead again.")
@account_option
def strategy_give_lead(lead_id: int, name: str | None, nothing: bool, account: str | None) -> None:
    """Let NAME answer lead LEAD_ID on every line, whatever the line's strategy is."""
    from receptionist.services.strategies import assignment, strategies

    if nothing == (name is not None):
        raise click.UsageError("name a strategy, or --none")
    with changing(account) as (_, scope, events):
        strategy_id = strategies.find(scope, name).id if name is not None else None
        ended = assignment.give_lead(scope, lead_id, strategy_id, operator())
        events += _ended(scope, ended)
    click.echo(f"Saved; the next turn uses it. Conversations archived: {len(ended)}.")


def _ended(scope: Scope, conversation_ids: list[int]) -> list[Event]:
    """What plugins are told of conversations that another strategy goes on with."""
    from receptionist.contracts.events import ConversationEnded

    return [ConversationEnded(scope.account_id, each, "another strategy answers") for each in conversation_ids]
