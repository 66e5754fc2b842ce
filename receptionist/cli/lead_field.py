"""`receptionist lead fields`."""

from __future__ import annotations

import click

from receptionist.cli.base import account_option, in_account, printable, reading
from receptionist.cli.lead import lead
from receptionist.text import counted

choice_option = click.option("--choice", "choices", multiple=True, help="A choice; may be given again.")


@lead.group("fields")
def field() -> None:
    """Fields of your own for leads; prompts have them as lead.custom.NAME."""


@field.command("list")
@account_option
def field_list(account: str | None) -> None:
    """List the fields."""
    from receptionist.services.leads import lead_fields

    with reading(account) as (_, _, scope):
        fields = lead_fields.listed(scope)
    for each in fields:
        choices = f": {', '.join(each.choices)}" if each.choices else ""
        click.echo(printable(f"{each.name:<20}  {each.kind:<7} {each.title}{choices}"))
    if not fields:
        click.echo("None.")


@field.command("add")
@click.argument("name")
@click.argument("kind", type=click.Choice(["text", "number", "date", "yes_no", "choice"]))
@click.option("--title", default="", help="What persons see; the name by default.")
@choice_option
@account_option
def field_add(name: str, kind: str, title: str, choices: tuple[str, ...], account: str | None) -> None:
    """Add a field NAME that holds values of one KIND."""
    from receptionist.services.leads import lead_fields

    if kind == "choice" and not any(map(str.strip, choices)):
        raise click.UsageError(f"name the choices of {printable(name)}: --choice small --choice large")
    if kind != "choice" and choices:
        raise click.UsageError(f"--choice is for the kind choice, not for {kind}")
    with in_account(account) as (_, _, scope):
        lead_fields.add(scope, name, kind, title=title, choices=choices)
    click.echo(f"The field is there: receptionist lead set LEAD_ID custom.{name}=VALUE")


@field.command("change")
@click.argument("name")
@click.option("--title", help="What persons see.")
@choice_option
@account_option
def field_change(name: str, title: str | None, choices: tuple[str, ...], account: str | None) -> None:
    """Change the title, or name all choices anew; leads keep the value they have."""
    from receptionist.services.leads import lead_fields

    with in_account(account) as (_, _, scope):
        lead_fields.change(scope, name, title=title, choices=choices or None)
    click.echo("Saved.")


@field.command("remove")
@click.argument("name")
@click.confirmation_option(prompt="Every lead loses its value. Go on?")
@account_option
def field_remove(name: str, account: str | None) -> None:
    """Remove a field, and its value from every lead."""
    from receptionist.services.leads import lead_fields

    with in_account(account) as (_, _, scope):
        count = lead_fields.remove(scope, name)
    click.echo(f"The field is gone; {counted(count, 'lead')} had a value.")
