"""What `receptionist doctor` sees in the lines: settings that cannot be used, and addresses that two lines have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from receptionist.contracts.channel import Line
from receptionist.errors import PluginError
from receptionist.parts import Parts
from receptionist.services import lines


def troubles(parts: Parts, account_ids: Iterable[int]) -> Iterator[str]:
    """What is wrong with the active lines of these accounts, and how to mend it."""
    holders: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for office in map(parts.directory.office, account_ids):
        for line_id, reason in office.unusable.items():
            yield f"the settings of line {line_id} cannot be used: {reason}"
        for line in office.lines.values():
            try:
                addresses = lines.addresses_with(parts.channels[line.channel], line.settings)
            except PluginError as error:
                yield str(error)
                continue
            for address in addresses:
                holders[line.channel, address].append(line)
    for (_, address), having in holders.items():
        if len(having) > 1:
            names = " and ".join(f"{line.id} ({line.title}, {line.account})" for line in having)
            yield (
                f"{address} is the address of the lines {names}, so a message could be taken in on each of them; run: "
                f"receptionist line deactivate {having[-1].id}"
            )
