"""What the model says: it names every message that it answers, in order, so that customers can count."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator

from tests.servers.brain import Calls, Piece, Question

NAME = re.compile(r"\bc\d+m\d+\b")
"""A message's name: conversation 12's message 3 is c12m3."""

SLOWEST = 0.4


def reply(question: Question) -> Iterator[Piece]:
    """Answers all that was asked since the last reply; what asks for a booking is booked first."""
    names = [name for text in question.asked for name in NAME.findall(text)]
    wanted = NAME.findall(question.asked[-1]) if question.asked and question.asked[-1].startswith("Book") else []
    time.sleep(random.uniform(0, SLOWEST / 2))
    if wanted and not question.outputs and not question.resumed and "book" in question.tools:
        yield Calls("book", f'{{"what": "{wanted[0]}"}}')
        return
    yield "You wrote "
    time.sleep(random.uniform(0, SLOWEST / 2))
    yield ", ".join(names) + "."
