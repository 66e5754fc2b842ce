"""`make chaos`: a long run of both ways, or of one, with a report in `build/`."""

from __future__ import annotations

import argparse
import random
import signal
import sys
from pathlib import Path
from typing import get_args

from tests.chaos.driver import Plan, run
from tests.chaos.stage import Way


def main() -> None:
    """Run; ends with status 1 if the promise was broken."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--way", choices=get_args(Way), help="default: both, one after the other")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--messages", type=int, default=Plan.messages)
    parser.add_argument("--conversations", type=int, default=Plan.conversations)
    parser.add_argument("--faults", type=int, default=Plan.faults)
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="over which the messages are written")
    parser.add_argument("--report", type=Path, default=Path("build/chaos.md"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that everything it started is ended
    ways: tuple[Way, ...] = (options.way,) if options.way else get_args(Way)
    good = True
    for way in ways:
        print(f"{way}, seed {options.seed}", flush=True)
        plan = Plan(way, options.seed, options.messages, options.conversations, options.faults, options.seconds)
        verdict, logs = run(plan, lambda line: print(line, flush=True))
        report = options.report.with_stem(f"{options.report.stem}-{way}") if len(ways) > 1 else options.report
        verdict.write(report)
        report.with_suffix(".log").write_text(logs, encoding="utf-8")
        print(f"\n{verdict.text()}\nwritten to {report}", flush=True)
        good = good and verdict.good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
