"""`receptionist strategy`."""

from __future__ import annotations

import json
from typing import Any

import click

from receptionist.cli.base import account_option, in_account, operator, reading
from receptionist.errors import AdminError


@click.group()
def strategy() -> None:
    """Who the agent is and how it behaves."""


@strategy.command("list")
@account_option
def strategy_list(account: str | None) -> None:
    """List the strategies."""
    from receptionist.services import strategies

    with reading(account) as (_, _, scope):
        for row in strategies.listed(scope):
            click.echo(f"{row.name}  (version {row.published_number})")


@strategy.command("show")
@click.argument("name")
@account_option
def strategy_show(name: str, account: str | None) -> None:
    """Print the published version as JSON; edit it and publish it again."""
    from receptionist.services import strategies

    with reading(account) as (_, _, scope):
        fields = strategies.published_fields(scope, strategies.find(scope, name).id)
    click.echo(json.dumps(fields.model_dump(mode="json"), indent=2, ensure_ascii=False))


@strategy.command("publish")
@click.argument("name")
@click.argument("file", type=click.File(encoding="utf-8"))
@account_option
def strategy_publish(name: str, file: Any, account: str | None) -> None:
    """Check FILE (JSON, - for standard input) and publish it as the newest version of NAME."""
    from receptionist.services import strategies

    try:
        fields = json.load(file)
    except ValueError as error:
        raise AdminError(f"This is not JSON: {error}.") from error
    with in_account(account) as (_, factory, scope):
        number = strategies.publish(scope, name, strategies.parse(fields), factory.check)
        used = strategies.is_used(scope, name)
    then = "the next turn uses it" if used else f'no line uses it yet: receptionist strategy use "{name}" LINE_ID'
    click.echo(f"Version {number} of {name} is published; {then}.")


@strategy.command("use")
@click.argument("name")
@click.argument("line_id", type=int)
@account_option
def strategy_use(name: str, line_id: int, account: str | None) -> None:
    """Let line LINE_ID answer with NAME; its open conversations are archived, and new ones begin."""
    from receptionist.services import assignment, strategies

    with in_account(account) as (_, _, scope):
        count = assignment.use_on_line(scope, strategies.find(scope, name).id, line_id, operator())
    click.echo(f"Saved; the next turn uses it. Conversations archived: {count}.")
