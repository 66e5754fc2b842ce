"""Drop-in plugin: kills its own process at a named point, once, when a file `strikes/<point>` of the instance says so.

The points are those of the drop-in `fault_points`, which this one feeds; looking for a file costs microseconds.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from receptionist.plugins import fault_points

from receptionist import Host, hookimpl


def strike(folder: str, point: str) -> None:
    """Die here if this process is the first to claim the point's file."""
    file = Path(folder) / point
    if not file.exists():
        return
    try:
        file.rename(file.with_name(f"{point}.{os.getpid()}"))
    except FileNotFoundError:
        return  # another process died of it
    os.kill(os.getpid(), signal.SIGKILL)


fault_points._reach = strike  # type: ignore[assignment]


@hookimpl
def startup(host: Host) -> None:
    """Nothing: `fault_points` wraps the places."""
