"""What looks at the bars of each city: the panel, and its findings as signals."""

from collections import defaultdict
from collections.abc import Collection

import msgspec
import numpy as np

from detectors import bars, city_panel, panel, presence
from detectors.bars import Bar
from detectors.block import Block
from detectors.city_panel import CityPanel
from detectors.contributors import contributors
from detectors.incident_state import Finding
from detectors.pace import DAY_MS, HOUR_MS, Pace
from detectors.panel import Verdicts
from detectors.panel_findings import findings
from detectors.rulebook import Numbers
from streams.records import Kind, Signal, UnitReading


class Panels:
    """See agents.detect.Judge. The panels of all cities, each beside its bytes in the city's block."""

    kinds: Collection[Kind] = panel.KINDS + panel.CONDITIONS

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self.reset()

    def reset(self) -> None:
        """Forget what is not in the blocks."""
        self._known: dict[str, CityPanel] = {}
        self._changed: set[str] = set()

    def pack(self, block: Block) -> None:
        """Put the panel into its block, where a bar has changed it: once a checkpoint, for bars come in thousands."""
        city = block.units[0]
        if city in self._changed:
            block.panel = city_panel.to_bytes(self._known[city])
            self._changed.discard(city)

    def restore(self, block: Block) -> None:
        """Take back what stands in a block. Raises PanelError where that cannot be."""
        if block.panel:
            bar_ms = bars.bar_ms(block.pace)
            self._known[block.units[0]] = city_panel.from_bytes(block.panel, Pace.of(bar_ms))

    def judge(self, block: Block, bar: Bar) -> list[Signal]:
        """Take in a closed bar.

        A kind and commodity (``*``: all goods together) that was found, and is not any more, is told without readings,
        bar for bar, for as long as an incident may have to count the hours.
        """
        known = self._panel(block, bar)
        heard = presence.step(known.presence, bar.told, bar.start, known.panel.pace)
        said = panel.step(known.panel, city_panel.frame_of(bar, heard), bar.start)
        found: dict[tuple[Kind, str], list[Finding]] = defaultdict(list)
        for finding in findings(known.panel, said, bar.start, self._numbers.recurrence_days):
            found[finding.kind, finding.commodity].append(_counted(block, finding))
        signals = [_signal(block, bar, kind, code, said, its) for (kind, code), its in found.items()]
        for kind, its_codes in known.said.items():
            for code, at in its_codes.items():
                if (kind, code) not in found and bar.start - at <= self._echo_ms(bar):
                    signals.append(_signal(block, bar, kind, code, said, []))
        for kind, code in found:
            known.said.setdefault(kind, {})[code] = bar.start
        self._changed.add(block.units[0])
        return signals

    def _panel(self, block: Block, bar: Bar) -> CityPanel:
        city = block.units[0]
        known = self._known.get(city)
        if known is None:
            known = city_panel.new(city, bar.regions, bar.codes, Pace.of(bar.bar_ms))
        known = self._known[city] = city_panel.fitted(known, bar.regions, bar.codes)
        return known

    def _echo_ms(self, bar: Bar) -> int:
        hours = self._numbers.hysteresis_hours + self._numbers.expiry_hours
        return int(hours * HOUR_MS) + 2 * bar.bar_ms


def _counted(block: Block, finding: Finding) -> Finding:
    """With the enterprises that lines came from since its first sign; there are at least as many shops."""
    behind = contributors(block, finding.region, finding.commodity, finding.since)
    return msgspec.structs.replace(
        finding, terminals=max(finding.terminals, behind.shops), evidence=behind.beside(finding.evidence)
    )


def _signal(block: Block, bar: Bar, kind: Kind, code: str, said: Verdicts, found: list[Finding]) -> Signal:
    """One kind and commodity of a bar.

    The p of a reading is such that, with the tests of a day, it gives the recurrence that the panel found.
    """
    scored = int(np.count_nonzero(~np.isnan(said.p[kind]))) if kind in said.p else 0
    tests_per_day = scored * DAY_MS / bar.bar_ms
    return Signal(
        city=block.units[0],
        code=code,
        kind=kind,
        tick=bar.start,
        tick_ms=bar.bar_ms,
        tests_per_day=tests_per_day,
        readings=[
            UnitReading(
                region=f.region,
                p=min(1.0, 1.0 / (f.recurrence_days * tests_per_day)),
                observed=f.observed,
                expected=f.expected,
                since=f.since,
                terminals=f.terminals,
                measures=f.measures,
                evidence=f.evidence,
            )
            for f in found
        ],
    )
