"""What plugins make of words before a customer gets them."""

from __future__ import annotations

from receptionist.contracts.edits import Draft, PromptContext
from receptionist.loader import Plugins
from receptionist.text import storable


def edited(plugins: Plugins, text: str, context: PromptContext) -> str:
    """The text after the hook `edit_reply`; the text itself where a plugin left nothing of it."""
    draft = Draft(text)
    plugins.edit("edit_reply", draft, draft=draft, context=context)
    return storable(draft.text).strip() or storable(text)
