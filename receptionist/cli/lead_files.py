"""`receptionist lead erase`, `erasures`, `import` and `export`: what goes out of the list of leads, or into it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from receptionist.cli.base import ID, account_option, find_account, operator, printable, reading, ready
from receptionist.cli.lead import known_channel, lead_number
from receptionist.cli.lead_errors import WrongRows, opened_new
from receptionist.cli.progress import interrupt_noted, progress_shown
from receptionist.text import counted

if TYPE_CHECKING:
    from receptionist.services.leads.erasure import Receipt
    from receptionist.services.leads.lead_import import Import


@click.command("erase")
@click.argument("lead_id", type=lead_number)
@click.option("--yes", is_flag=True, help="Do not ask.")
@account_option
def erase(lead_id: int, yes: bool, account: str | None) -> None:
    """Delete everything of lead LEAD_ID: messages, files, what models keep; it cannot be undone.

    The opt-out of its addresses stays, as a hash, and a receipt without personal data. Backups are not reached."""
    from receptionist.pipeline.eraser import Eraser

    parts, _ = ready()
    account_id = find_account(parts.database, account)
    if not yes and click.prompt(f"This cannot be undone. Type {lead_id} to erase lead {lead_id}", type=str) != str(
        lead_id
    ):
        raise click.ClickException("That is another number; nothing was erased.")
    _print(Eraser(parts).erase(account_id, lead_id, operator()))


@click.command("erasures")
@click.option("--before", type=ID, help="Receipts with a lower number: the next page.")
@account_option
def erasures(before: int | None, account: str | None) -> None:
    """List the receipts of erased leads, the newest first."""
    from receptionist.services.leads import erasure

    with reading(account) as (_, _, scope):
        found = erasure.listed(scope, before=before)
    for receipt in found:
        _print(receipt)
    if not found:
        click.echo("None.")


@click.command("scrub")
def scrub() -> None:
    """Rewrite the embedded database, so that nothing of erased leads stays in unused parts of its file.

    Done with every `erase` by itself where the file has less than 100 MB. Nobody can write meanwhile, about a second
    for each 100 MB: choose a quiet hour."""
    parts, _ = ready()
    if not parts.database.is_sqlite:
        raise click.ClickException("DATABASE_URL names a server, which does this by itself: see VACUUM in its manual.")
    parts.database.scrub(whole=True)
    click.echo("The database was rewritten.")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would become of the rows.")
@click.option("--tag", "tags", multiple=True, help="A tag for every lead of the file.")
@click.option("--map", "names", multiple=True, metavar="COLUMN=FIELD", help="What a column holds; - to pass it over.")
@click.option("--overwrite", is_flag=True, help="What the file says wins over what is known.")
@account_option
def import_(
    file: Path, dry_run: bool, tags: tuple[str, ...], names: tuple[str, ...], overwrite: bool, account: str | None
) -> None:
    """Take leads in from FILE, a CSV file of UTF-8 with a row of column names.

    A row whose e-mail or phone is a known lead's fills in what is not known of it; every other row makes a lead. Rows
    that are wrong are listed, and go to FILE.errors.csv, or FILE.errors.2.csv where that is another one: mend and
    import that."""
    from receptionist.services.leads.lead_import import How, Import

    parts, _ = ready()
    account_id = find_account(parts.database, account)
    how = How(_pairs(names), tags, overwrite=overwrite, dry_run=dry_run)
    with file.open("rb") as stream:
        lead_import = Import(parts, account_id, stream, how, operator())
        if lead_import.passed_over:
            click.echo(f"Columns passed over: {printable(', '.join(lead_import.passed_over))}")
        with (
            interrupt_noted() as interrupted,
            WrongRows(file, lead_import.file, kept=not dry_run) as wrong,
            progress_shown("bytes") as progress,
        ):
            size = file.stat().st_size
            outcome = lead_import.run(wrong, lambda done: progress(done, size), interrupted.is_set)
    click.echo(f"{'Would be' if dry_run else 'Imported'}: {outcome}.")
    _print_remarks(lead_import)
    if interrupted.is_set():
        rest = "nothing was changed" if dry_run else "these rows are in, and the same command again goes on"
        raise click.ClickException(f"Interrupted; {rest}.")
    if outcome.wrong:
        sys.exit(1)


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--search", "text", help="Beginnings of words of name, company, e-mail, or digits of the phone number.")
@click.option("--status", help="Only leads of this status.")
@click.option("--tag", help="Only leads with this tag.")
@click.option("--channel", help="Only leads that wrote on this channel.")
@click.option("--strategy", help="Only leads that this strategy answers on every line.")
@click.option("--opted-out/--not-opted-out", default=None, help="Whether they refused messages of any channel.")
@account_option
def export(file: Path, account: str | None, strategy: str | None, **filters: Any) -> None:
    """Write leads to FILE as CSV, the last contact first; it must not exist yet.

    Of a lead who never wrote it is the moment it was added."""
    from receptionist.services.leads import lead_export
    from receptionist.services.strategies import strategies

    with reading(account) as (parts, _, scope):
        known_channel(parts, filters["channel"])
        strategy_id = strategies.find(scope, strategy).id if strategy else None
        with _new(file) as stream, progress_shown("leads") as progress:
            count = lead_export.export(
                scope, stream, lambda done: progress(done, None), **filters, strategy_id=strategy_id
            )
    click.echo(f"{counted(count, 'lead')} {'is' if count == 1 else 'are'} in {file}.")


@contextmanager
def _new(file: Path) -> Iterator[TextIO]:
    """A file for nobody else's eyes, gone again if it cannot be filled."""
    try:
        opened = opened_new(file)
    except FileExistsError as error:
        raise click.ClickException(f"{file} is there already; remove it, or name another file.") from error
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}.") from error
    try:
        with opened as stream:
            yield stream
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _print_remarks(done: Import) -> None:
    """What is not wrong, but worth a look."""
    _print_differing(done)
    if nameless := done.outcome.nameless:
        told = f"{counted(nameless, 'row')} {'tells' if nameless == 1 else 'tell'} of nobody"
        click.echo(f"Passed over: {told} (no e-mail, no phone, and no name or company with a letter in it).")
    if done.local_numbers:
        read = ", ".join(f"{printable(text)} as {number}" for text, number in done.local_numbers.items())
        click.echo(f"Phone numbers without a country code were read by the account's country: {read}.")


def _print_differing(done: Import) -> None:
    if not (number := done.outcome.differing):
        return
    which = "row says otherwise than the lead it is about, which keeps"
    several = "rows say otherwise than the leads they are about, which keep"
    click.echo(f"Worth a look: {number:,} {which if number == 1 else several} what was known:")
    for each in done.differing:
        lead = f"lead {each.lead_id}" if each.lead_id is not None else "a lead this file makes"
        name = f" ({each.name})" if each.name else ""
        told = ", ".join(f'{field} "{value}"' for field, value in each.not_taken.items())
        click.echo(printable(f"  Line {each.line}: {lead}{name}; not taken over: {told}"))
    if more := number - len(done.differing):
        click.echo(f"  {more:,} more.")


def _pairs(names: tuple[str, ...]) -> dict[str, str]:
    if wrong := [each for each in names if "=" not in each]:
        raise click.UsageError(f"--map {wrong[0]}: say it like --map 'Full name=name'.")
    return {column.strip(): field.strip() for column, _, field in (each.rpartition("=") for each in names)}


def _print(receipt: Receipt) -> None:
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in receipt.counts.items())
    click.echo(f"Erasure {receipt.id}: lead {receipt.lead_id}, {receipt.at:%Y-%m-%d %H:%M} UTC, by {receipt.by}")
    click.echo(f"  deleted: {counts}")
    if receipt.done_at is not None:
        click.echo(f"  nothing is left; done {receipt.done_at:%Y-%m-%d %H:%M} UTC")
        return
    left = receipt.left
    words = {"event": "plugins that keep leads", "database": "the database's files"}
    rest = [f"{len(left[name])} {name}" for name in ("files", "memories") if left.get(name)]
    rest += [text for name, text in words.items() if left.get(name)]
    click.echo(f"  still to do: {', '.join(rest)}; every process that answers tries again")
    if receipt.error:
        click.echo(f"  the last try failed: {printable(receipt.error)}")
