"""Live events reach those who watch the topic, in order, and nobody else."""

from __future__ import annotations

import threading

import pytest

from receptionist.contracts.live import LiveEvent
from receptionist.errors import Interrupted
from receptionist.live import bus as module
from receptionist.live.bus import MemoryBus

ADA, BOB = (1, "ada"), (1, "bob")


def test_only_the_own_topic_is_seen() -> None:
    bus = MemoryBus()
    with bus.watch(ADA) as ada, bus.watch(BOB) as bob:
        bus.publish(ADA, LiveEvent("typing", {"turn": 1}))
        assert ada.next(0) == LiveEvent("typing", {"turn": 1})
        assert bob.next(0) is None
        assert bob.snapshot() == []


def test_pieces_carry_their_offset_and_a_late_comer_sees_them_joined() -> None:
    bus = MemoryBus()
    bus.publish(ADA, LiveEvent("typing", {"turn": 7}))
    with bus.watch(ADA) as early:
        bus.delta(ADA, 7, "Hel")
        bus.delta(ADA, 7, "lo")
        first, second = early.next(0), early.next(0)
        assert first is not None and second is not None
        assert [first.data["offset"], second.data["offset"]] == [0, 3]
        with bus.watch(ADA) as late:
            assert late.snapshot() == [LiveEvent("delta", {"turn": 7, "offset": 0, "text": "Hello"})]


@pytest.mark.parametrize(
    "end", [LiveEvent("reset", {"turn": 7}), LiveEvent("message", {"direction": "out", "turn": 7})]
)
def test_nothing_partial_is_left_after_the_end(end: LiveEvent) -> None:
    bus = MemoryBus()
    bus.delta(ADA, 7, "Hel")
    bus.publish(ADA, end)
    assert bus.snapshot(ADA) == []


def test_closing_wakes_who_waits() -> None:
    bus = MemoryBus()
    ended = threading.Event()
    watching = threading.Event()

    def wait() -> None:
        with bus.watch(ADA) as subscription:
            watching.set()
            with pytest.raises(Interrupted):
                subscription.next(10)
            ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert watching.wait(2)
    bus.close()
    assert ended.wait(2)
    thread.join()
    with bus.watch(ADA) as late, pytest.raises(Interrupted):
        late.next(0)


def test_a_view_that_falls_behind_is_ended_instead_of_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG", 3)
    bus = MemoryBus()
    with bus.watch(ADA) as slow:
        for number in range(5):
            bus.publish(ADA, LiveEvent("typing", {"turn": number}))
        with pytest.raises(Interrupted):
            slow.next(0)


def test_the_end_of_one_turn_leaves_the_next_one_s_words() -> None:
    bus = MemoryBus()
    bus.publish(ADA, LiveEvent("typing", {"turn": 8}))
    bus.delta(ADA, 8, "Next")
    bus.publish(ADA, LiveEvent("message", {"direction": "out", "turn": 7}))
    bus.publish(ADA, LiveEvent("message", {"direction": "in"}))
    assert bus.snapshot(ADA) == [LiveEvent("delta", {"turn": 8, "offset": 0, "text": "Next"})]


def test_another_process_s_pieces_are_shown_if_they_fit() -> None:
    bus = MemoryBus()
    told: list[LiveEvent] = []
    bus.elsewhere = lambda topic, event: told.append(event)

    def piece(offset: int, text: str) -> LiveEvent:
        return LiveEvent("delta", {"turn": 7, "offset": offset, "text": text})

    with bus.watch(ADA) as ada:
        for event in (piece(3, "too late"), piece(0, "Hel"), piece(9, "gap"), piece(3, "lo"), piece(3, "lo")):
            bus.receive(ADA, event)
        assert [event.data["text"] for event in iter(lambda: ada.next(0), None) if event] == ["Hel", "lo"]
        assert bus.snapshot(ADA) == [piece(0, "Hello")]
    assert told == []


def test_after_a_gap_all_are_told_and_only_foreign_words_are_withdrawn() -> None:
    bus = MemoryBus()
    bus.delta(ADA, 1, "ours")
    bus.receive(BOB, LiveEvent("typing", {"turn": 2}))
    with bus.watch(ADA) as ada, bus.watch(BOB) as bob:
        bus.sync()
        assert [ada.next(0), ada.next(0)] == [LiveEvent("sync"), None]
        assert [bob.next(0), bob.next(0), bob.next(0)] == [LiveEvent("reset", {"turn": 2}), LiveEvent("sync"), None]
    assert bus.snapshot(BOB) == []
    assert bus.snapshot(ADA) == [LiveEvent("delta", {"turn": 1, "offset": 0, "text": "ours"})]


def test_everything_that_happens_here_is_told_elsewhere_in_order() -> None:
    bus = MemoryBus()
    told: list[str] = []
    bus.elsewhere = lambda topic, event: told.append(event.type)
    bus.publish(ADA, LiveEvent("typing", {"turn": 1}))
    bus.delta(ADA, 1, "Hi")
    bus.publish(ADA, LiveEvent("message", {"id": 5, "turn": 1}))
    assert told == ["typing", "delta", "message"]
