"""The admin's own editor on a strategy's text: whatever happens, what was typed is not lost."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from shlex import quote

import click

from receptionist.errors import AdminError


def edited(text: str, begun: str, name: str, account: str | None) -> str:
    """The text as the editor ($EDITOR) leaves it. Raises an `AdminError` if the editor fails, as when it crashes; what
    it saved by then is kept if it differs from `begun`, and the file is named."""
    path = _written(text if text.endswith("\n") else text + "\n")
    try:
        click.edit(filename=str(path))
        left = path.read_text(encoding="utf-8-sig")
    except (click.ClickException, KeyboardInterrupt, OSError, UnicodeDecodeError) as error:
        said = getattr(error, "message", None) or "The editor did not end well"
        if not path.exists() or path.read_bytes().decode("utf-8-sig", "replace").strip() == begun.strip():
            path.unlink(missing_ok=True)
            raise AdminError(f"{said}. Nothing is changed; see that EDITOR names an editor that works here.") from error
        raise AdminError(f"{said}. Nothing is saved. {_where(path, name, account)}") from error
    path.unlink()
    return left


def kept(text: str, name: str, account: str | None, purpose: str = "To go on with it") -> str:
    """Keep the text in a file; returns its name and, for the `purpose`, the command that begins with it."""
    return _where(_written(text), name, account, purpose)


def _written(text: str) -> Path:
    handle, path = tempfile.mkstemp(prefix="strategy-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(path)


def _where(path: Path, name: str, account: str | None, purpose: str = "To go on with it") -> str:
    where = f" --account {quote(account)}" if account else ""
    command = f"receptionist strategy edit {quote(name)} --from {quote(str(path))}{where}"
    return f"Your text is in {path}. {purpose}: {command}"
