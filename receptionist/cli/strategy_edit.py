"""`receptionist strategy`: working on a draft."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from receptionist.cli.base import (
    account_option,
    find_account,
    in_account,
    named_values,
    operator,
    plain_json,
    printable,
    reading,
    ready,
    text_fields,
    text_file,
    text_of,
)
from receptionist.cli.strategy import as_json, chosen_fields, draft_option, lacks_draft, strategy, version_option
from receptionist.cli.strategy_editor import edited, kept
from receptionist.errors import AdminError, EditConflict

if TYPE_CHECKING:
    from receptionist.contracts.strategy import StrategyFields
    from receptionist.db import Scope
    from receptionist.services.strategies.strategy_drafts import Draft


@strategy.command("edit")
@click.argument("name")
@click.option("--from", "file", type=text_file, help="Begin with the text of this file.")
@account_option
def strategy_edit(name: str, file: Any, account: str | None) -> None:
    """Open the draft of NAME as JSON in your editor ($EDITOR), and save it when it is right."""
    from receptionist.db import Scope
    from receptionist.services.strategies import strategies, strategy_drafts

    parts, factory = ready()
    account_id = find_account(parts.database, account)
    with parts.database.read() as connection:
        scope = Scope(connection, account_id)
        strategy_id = strategies.find(scope, name).id
        draft = strategy_drafts.read(scope, strategy_id)
    begun = as_json(draft.fields)
    given = text_of(file) if file else None
    text = edited(given or begun, begun, name, account)
    while text.strip() != begun:
        try:
            fields = strategies.parse(plain_json(text))
            with parts.database.begin() as connection:
                scope = Scope(connection, account_id)
                saved = strategy_drafts.save(
                    scope, strategy_id, fields, factory.check_for(scope), operator(), revision=draft.revision
                )
            click.echo(_said(name, saved))
            return
        except AdminError as error:
            text = _again(text, begun, error, name, account)
    click.echo("Nothing is changed.")


def _again(text: str, begun: str, error: AdminError, name: str, account: str | None) -> str:
    """The text after another round in the editor; kept in a file if that is not wanted, or is of no use."""
    if isinstance(error, EditConflict):
        raise AdminError(f"{error} {kept(text, name, account, 'To save it in place of what is there now')}")
    click.echo(f"Error: {printable(str(error))}", err=True)
    try:
        if click.confirm("Edit it again?", default=True, err=True):
            return edited(text, begun, name, account) or text
    except click.Abort:
        click.echo(err=True)
    raise AdminError(f"Nothing is saved. {kept(text, name, account)}")


def _said(name: str, draft: Draft) -> str:
    if not draft.saved:
        return "The draft says what is published, so there is none any more."
    return (
        f'The draft is saved. Next: receptionist strategy diff "{name}", then receptionist strategy publish "{name}".'
    )


@strategy.command("set")
@click.argument("name")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD=VALUE...")
@account_option
def strategy_set(name: str, fields: tuple[str, ...], account: str | None) -> None:
    """Change single fields of the draft; JSON or text. A dot leads into an object: opening_hours.monday=[]."""
    from receptionist.contracts.strategy import StrategyFields
    from receptionist.services.strategies import strategies, strategy_drafts

    changes = named_values(fields, text_fields(StrategyFields))
    with in_account(account) as (_, factory, scope):
        strategy_id = strategies.find(scope, name).id
        draft = strategy_drafts.change(scope, strategy_id, changes, factory.check_for(scope), operator())
    click.echo(_said(name, draft))


@strategy.command("discard")
@click.argument("name")
@account_option
def strategy_discard(name: str, account: str | None) -> None:
    """Throw the draft of NAME away; what is published stays."""
    from receptionist.services.strategies import strategies, strategy_drafts

    with in_account(account) as (_, _, scope):
        strategy_drafts.discard(scope, strategies.find(scope, name).id)
    click.echo("The draft is gone.")


@strategy.command("diff")
@click.argument("name")
@click.argument("before", required=False)
@click.argument("after", required=False)
@account_option
def strategy_diff(name: str, before: str | None, after: str | None, account: str | None) -> None:
    """Show what the draft would change, or what differs between BEFORE and AFTER: a version's number, or draft."""
    from receptionist.services.strategies import strategies
    from receptionist.services.strategies.strategy_difference import difference

    with reading(account) as (_, _, scope):
        row = strategies.find(scope, name)
        if before is None and lacks_draft(row):
            click.echo(f"{name} has no draft; what is published is version {row.published_number}.")
            return
        first, old = _state(scope, row, before, draft=False)
        second, new = _state(scope, row, after, draft=before is None)
    found = difference(old, new)
    click.echo(f"From {first} to {second}:" if found else f"Nothing differs between {first} and {second}.")
    for each in found:
        click.echo(f"{printable(each.path)}\n  - {_value(each.before)}\n  + {_value(each.after)}")


def _state(scope: Scope, row: Any, wanted: str | None, *, draft: bool) -> tuple[str, StrategyFields]:
    from receptionist.contracts.strategy import StrategyFields

    if wanted is None and not draft and row.published_number is None:
        return "the defaults", StrategyFields()
    if wanted is None or wanted == "draft":
        return chosen_fields(scope, row, None, draft or wanted == "draft")
    if not wanted.isdecimal():
        raise click.UsageError(f"write the number of a version, or draft, not {wanted}")
    return chosen_fields(scope, row, int(wanted), False)


def _value(value: Any) -> str:
    return "nothing" if value is None else printable(json.dumps(value, ensure_ascii=False))


@strategy.command("export")
@click.argument("name")
@version_option
@draft_option
@account_option
def strategy_export(name: str, number: int | None, draft: bool, account: str | None) -> None:
    """Print NAME as a file that import takes, here or on another installation."""
    from receptionist.services.strategies import strategies, strategy_files

    with reading(account) as (_, _, scope):
        row = strategies.find(scope, name)
        _, fields = chosen_fields(scope, row, number, draft)
    click.echo(strategy_files.as_text(row.name, row.description, fields), nl=False)


@strategy.command("import")
@click.argument("file", type=text_file)
@click.option("--name", help="What it is called here; not needed where the file's name will do.")
@account_option
def strategy_import(file: Any, name: str | None, account: str | None) -> None:
    """Make the exported FILE (- for standard input) the draft of its strategy, made if new; publishes nothing."""
    from receptionist.services.strategies import strategy_files

    text = text_of(file)
    with in_account(account) as (_, factory, scope):
        taken, new = strategy_files.take_in(scope, text, factory.check_for(scope), operator(), name=name)
    made = "is new here; the file is its draft" if new else "has the file as its draft"
    then = f'receptionist strategy diff "{taken}", then receptionist strategy publish "{taken}"'
    click.echo(f"{taken} {made}. Next: {then}.")
