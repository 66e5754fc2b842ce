"""The text of small drop-in plugins."""

from __future__ import annotations

HEAD = "from receptionist import *\nfrom receptionist import hookimpl\n"


def hook(signature: str, body: str) -> str:
    """A plugin with one hook and a list `seen`: `hook("startup(host)", "seen.append(1)")`."""
    return f"{HEAD}\nseen = []\n\n@hookimpl\ndef {signature}:\n    {body}\n"
