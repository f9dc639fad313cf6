"""What went in against what came out: lines sent, stored and rejected, asked of the store itself."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Books:
    """Counts that must add up: ``sent = stored + rejected`` once all has gone through."""

    stored: int
    rejected: int
    rejected_envelopes: int


def read_books(socket: Path) -> Books:
    """Ask the writer; a line that was re-coded counts once. Raises sinks.query.StoreNotRunning or QueryError."""
    from sinks.query import ask

    stored = ask(
        socket,
        "SELECT (SELECT sum(entry) FROM infopump.sales) + (SELECT sum(entry) FROM infopump.prices)"
        " + (SELECT sum(entry) FROM infopump.stock) AS n",
    )
    refused = ask(socket, "SELECT sum(lines) AS lines, sum(envelopes) AS envelopes FROM infopump.rejected")
    return Books(int(stored["n"][0].as_py()), int(refused["lines"][0].as_py()), int(refused["envelopes"][0].as_py()))
