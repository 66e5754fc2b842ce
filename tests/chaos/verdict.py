"""Counts what the customers received, and writes it down."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.faults import Fault
from tests.chaos.mind import NAME
from tests.chaos.people import Customer
from tests.chaos.stage import Stage


@dataclass
class Count:
    """Of one channel: messages written, and which of them were never answered, twice, or too late.

    `given_up`: a person is shown them, because three workers in a row died over them, which is the rule that ends a
    message that kills its workers: their customers got the apology, or their reply is marked unknown.
    """

    written: int = 0
    repeats: int = 0
    replies: int = 0
    given_up: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)


@dataclass
class Verdict:
    """What a run came to."""

    way: str
    seed: int
    seconds: float
    counts: dict[str, Count]
    faults: list[Fault]
    effects_doubled: list[str]
    effects_missing: list[str]
    flagged: int
    """Replies marked unknown or failed, or messages given up: what a person is shown."""
    credits_add_up: bool
    starts: int
    """Processes that had to be started again."""
    errors: list[str]

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        clean = all(not (each.lost or each.doubled or each.out_of_order) for each in self.counts.values())
        return clean and self.credits_add_up and not (self.effects_doubled or self.effects_missing or self.errors)

    def text(self) -> str:
        """The report, in Markdown."""
        happened = Counter(f"{fault.number}: {fault.what}" for fault in self.faults)
        lines = [
            f"# Chaos, {self.way}, seed {self.seed}",
            "",
            f"{sum(each.written for each in self.counts.values())} messages in {self.seconds:.0f} s, "
            f"{len(self.faults)} faults, processes started again {self.starts} times. "
            f"Verdict: {'the promise was kept' if self.good else '**broken**'}.",
            "",
            "| channel | written | repeated webhooks | replies | given up | lost | doubled | out of order |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for channel, each in self.counts.items():
            wrong = (each.given_up, each.lost, each.doubled, each.out_of_order)
            shown = " | ".join(f"{len(names)}{': ' + ', '.join(names[:9]) if names else ''}" for names in wrong)
            lines.append(f"| {channel} | {each.written} | {each.repeats} | {each.replies} | {shown} |")
        lines += [
            "",
            f"Effects of tools: doubled {self.effects_doubled or 0}, missing {self.effects_missing or 0}. "
            f"Shown to a person (unknown or failed): {self.flagged} messages. "
            f"Credits {'add up' if self.credits_add_up else '**do not add up**'}.",
            *(f"- error: {error}" for error in self.errors),
            "",
            "| fault | times |",
            "|---|---|",
            *(f"| {what} | {times} |" for what, times in sorted(happened.items())),
        ]
        return "\n".join(lines) + "\n"

    def write(self, file: Path) -> None:
        """Write the report, and the same as JSON beside it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text(), encoding="utf-8")
        file.with_suffix(".json").write_text(json.dumps(asdict(self) | {"good": self.good}, indent=1), encoding="utf-8")


def count(people: list[Customer], given_up: set[str]) -> dict[str, Count]:
    """Of each channel, what its customers received; `given_up` are messages that a person is shown."""
    counts: dict[str, Count] = {}
    for customer in people:
        one = counts.setdefault(customer.channel, Count())
        told = customer.told()
        first = list(dict.fromkeys(told))
        one.written += len(customer.sent)
        one.repeats += customer.repeats
        one.replies += len(customer.phone.seen())
        unanswered = [name for name in customer.sent if name not in told]
        one.given_up += [name for name in unanswered if name in given_up]
        one.lost += [name for name in unanswered if name not in given_up]
        one.doubled += [name for name, times in Counter(told).items() if times > 1]
        places = [customer.names.index(name) for name in first]
        one.out_of_order += [first[n] for n in range(1, len(places)) if places[n] < max(places[:n])]
    return counts


def judge(
    stage: Stage, people: list[Customer], faults: list[Fault], seed: int, seconds: float, errors: list[str]
) -> Verdict:
    """Look at everything once it is quiet."""
    effects = Counter(effect["what"] for effect in stage.vendor.effects)
    done = stage.sql("SELECT arguments FROM tool_calls WHERE state = 'done'")
    booked = {arguments["what"] for arguments in map(_arguments, done)}
    shown = stage.sql(
        "SELECT text FROM messages WHERE direction = 'in' AND state = 'failed' AND error LIKE '%died%'"
        " UNION ALL SELECT text FROM messages WHERE direction = 'out' AND state = 'unknown'"
    )
    failed = {name for row in shown for name in NAME.findall(str(row["text"]))}
    [credits] = stage.sql(
        "SELECT (SELECT credits FROM accounts) AS left_over, (SELECT sum(amount) FROM credit_entries) AS booked,"
        " (SELECT count(*) FROM turns WHERE state = 'done') AS turns,"
        " (SELECT count(*) FROM credit_entries WHERE amount < 0) AS charges"
    )
    [flagged] = stage.sql("SELECT count(*) AS n FROM messages WHERE state IN ('unknown', 'failed')")
    return Verdict(
        way=stage.way,
        seed=seed,
        seconds=seconds,
        counts=count(people, failed),
        faults=sorted(faults, key=lambda fault: fault.begun),
        effects_doubled=[what for what, times in effects.items() if times > 1],
        effects_missing=[what for what in booked if not effects[what]],
        flagged=int(str(flagged["n"])),
        credits_add_up=credits["left_over"] == credits["booked"] and credits["turns"] == credits["charges"],
        starts=sum(kept.starts - 1 for kept in stage.kept),
        errors=errors,
    )


def _arguments(row: object) -> dict[str, str]:
    value = row["arguments"]  # type: ignore[index]
    arguments: dict[str, str] = json.loads(value) if isinstance(value, str) else value
    return arguments
