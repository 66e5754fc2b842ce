"""`python -m bench`: runs the sections, prints the table, writes it to build/bench.md and build/bench.json.

A target that is missed is shown as missed; the exit status stays 0, for these are measurements, not tests.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.load import Town
from bench.processes import ROOT
from bench.report import Report, say
from bench.sections import (
    accept,
    agent,
    browsers,
    claims,
    flood,
    latency,
    lists,
    memory,
    model,
    steps,
    stored,
    throughput,
)
from bench.stage import Stage

SECTIONS: dict[str, Callable[[Stage], None]] = {
    "accept": accept.run,
    "flood": flood.run,
    "throughput": throughput.run,
    "steps": steps.run,
    "latency": latency.run,
    "agent": agent.run,
    "model": model.run,
    "claims": claims.run,
    "browsers": browsers.run,
    "memory": memory.run,
    "lists": lists.run,
    "stored": stored.run,
}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="bench", description="Measures Receptionist beside the bare parts.")
    parser.add_argument("--only", help=f"sections, separated by commas, of: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="measure a third as long; figures wander more")
    parser.add_argument("--large", action="store_true", help="measure over 1,000,000 stored messages, too")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.md", help="where the table goes")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else list(SECTIONS)
    if unknown := set(wanted) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are: {', '.join(SECTIONS)}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that what was started is ended
    report, begun = Report(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder, Town() as town:
        stage = Stage(Path(folder), town, report, quick=options.quick, large=options.large)
        try:
            for name in wanted:
                _run(name, stage)
        finally:
            stage.close()
    report.save(options.output)
    say(f"\n{report.markdown()}\nWritten to {options.output} in {time.monotonic() - begun:.0f} s.")


def _run(name: str, stage: Stage) -> None:
    """Run one section; one that cannot run says why, and the others go on."""
    try:
        SECTIONS[name](stage)
    except (RuntimeError, TimeoutError, OSError) as error:
        stage.report.note(f"stopped: {str(error) or repr(error)}")


if __name__ == "__main__":
    main()
