"""The registry with five million mappings: seconds to load them, memory, what a look-up and a decision cost.

The records are made beforehand in a child process, so that the memory is the registry's own.
Run: python -m tests.bench.bench_registry
"""

import gc
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
import psutil

from agents.identify.gtin import gtin
from agents.registry import Registry
from streams.records import Decision, Mapping, MappingRecord, TerminalRecord, encode
from streams.taxonomy import taxonomy

MAPPINGS = 5_000_000
PER_RECORD = 1_000
ENTERPRISES = 2_500
TERMINALS = 200_000
GTINS = 1_500_000
"""Half of all mappings are of so many numbers that enterprises have in common; the other half are own codes."""
DECISIONS = 20_000
LOOKUPS = 100_000


def check_digit(digits: str) -> str:
    """A number with its GS1 check digit."""
    weighted = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return digits + str(-weighted % 10)


def sku_of(rng: random.Random, enterprise: int) -> str:
    """A GTIN, or a code of the enterprise's own."""
    if rng.random() < 0.5:
        return check_digit(f"69{rng.randrange(GTINS):010d}")
    return f"{enterprise:04d}{rng.randrange(10**7):07d}"


def write_records() -> None:
    """All records on standard output, each behind its length."""
    rng = random.Random(1)
    codes = sorted(taxonomy())
    units = ("袋", "瓶", "盒", "kg", "个", "箱")
    for i in range(TERMINALS):
        record = TerminalRecord(f"terminal-{i:06d}", f"enterprise-{i % ENTERPRISES}", f"3306{i % 90:02d}")
        put(encode(record))
    for i in range(MAPPINGS // PER_RECORD):
        enterprise = i % ENTERPRISES
        mappings = [
            Mapping(sku_of(rng, enterprise), rng.choice(codes), rng.choice(units), rng.randrange(1, 5_000))
            for _ in range(PER_RECORD)
        ]
        put(encode(MappingRecord(f"enterprise-{enterprise}", mappings)))


def put(value: bytes) -> None:
    """One record."""
    sys.stdout.buffer.write(struct.pack("<I", len(value)) + value)


def records() -> Iterator[bytes]:
    """The records as they come out of the child."""
    command = [sys.executable, "-m", "tests.bench.bench_registry", "--write"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        while head := child.stdout.read(4):
            yield child.stdout.read(struct.unpack("<I", head)[0])


def resident() -> float:
    """Megabytes of this process."""
    return float(psutil.Process(os.getpid()).memory_info().rss) / 1e6


def main() -> None:
    """Print the figures."""
    before = resident()
    registry, spent = Registry(), 0.0
    sample: list[tuple[str, str]] = []
    for value in records():
        started = time.process_time()
        registry.apply(value)
        spent += time.process_time() - started
        if value.startswith(b'{"type":"mapping"') and len(sample) < LOOKUPS:
            record = msgspec.json.decode(value, type=MappingRecord)
            sample += [(record.enterprise, m.sku) for m in record.mappings[:40]]
    started = time.process_time()
    registry.mapping(*sample[0])
    number = gtin(check_digit("690000000001"))
    assert number is not None
    registry.product("", number, in_sku=False)
    first = time.process_time() - started
    gc.collect()
    print(f"{'loaded, CPU s':<40} {spent + first:>10.1f}   of them sorting at the first question {first:.1f}")
    print(f"{'RSS, MB':<40} {resident():>10,.0f}   before anything was loaded {before:.0f}")
    print(f"{'highest RSS, MB':<40} {peak():>10,.0f}")
    started = time.perf_counter()
    missing = sum(registry.mapping(e, sku) is None for e, sku in sample)
    print(
        f"{'mapping looked up, us':<40} {(time.perf_counter() - started) / len(sample) * 1e6:>10.1f}   {missing} missed"
    )
    numbers = [n for n in (gtin(sku) for _, sku in sample) if n is not None]
    started = time.perf_counter()
    for n in numbers:
        registry.product("", n, in_sku=True)
    print(f"{'GTIN looked up, us':<40} {(time.perf_counter() - started) / len(numbers) * 1e6:>10.1f}")
    decisions = [
        encode(Decision(f"d{i}", e, sku, "accepted", "someone", i, "080101", name=f"大白菜 {i}", category="生鲜/蔬菜"))
        for i, (e, sku) in enumerate(sample[:DECISIONS])
    ]
    started = time.perf_counter()
    for value in decisions:
        registry.apply(value)
    print(f"{'decision applied, us':<40} {(time.perf_counter() - started) / DECISIONS * 1e6:>10.1f}")
    print(f"{'RSS with 20,000 decisions, MB':<40} {resident():>10,.0f}")


def peak() -> float:
    """Megabytes that this process had at most."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) / 1e3 for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    if "--write" in sys.argv:
        write_records()
    else:
        main()
