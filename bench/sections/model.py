"""CPU of a call through the real model plugin, beside its target: the answer in one burst, and packet by packet."""

from __future__ import annotations

import json

from bench.stage import Stage
from bench.streams import Streams

TIMES = 100
CALL, STREAM = 22, 85
"""Events of a short answer, and of a long one."""
TARGETS = {CALL: "<= 2.5", STREAM: "<= 6"}


def run(stage: Stage) -> None:
    """In a process of its own, without TLS; the server is in this one."""
    stage.report.begin("A call of the model openai: 6 tools, 20 messages of history, CPU of the calling thread")
    address = stage.town.run(stage.town.serve(Streams()))
    names = [f"{events}-{pieces}" for events in TARGETS for pieces in ("burst", "packets")]
    times = str(TIMES // 3 if stage.quick else TIMES)
    with stage.embedded(disabled_plugins="", openai_base_url=address, openai_flavor="openai") as app:
        found = json.loads(app.python("-m", "bench.model_cost", times, *names))
    for name, milliseconds in found.items():
        events, _, pieces = name.partition("-")
        what = f"{'a short answer' if int(events) == CALL else 'a stream'} of {events} events"
        way = "in one burst" if pieces == "burst" else "packet by packet"
        stage.report.add(f"{what}, {way}", milliseconds["ours"], "ms CPU", TARGETS[int(events)])
        stage.report.add(f"{what}, {way}, by the client library alone", milliseconds["library"], "ms CPU")
        stage.report.add(f"{what}, {way}, over a bare socket", milliseconds["bare"], "ms CPU")
