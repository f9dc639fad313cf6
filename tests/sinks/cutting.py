"""Stores on a server that lose it at a step, and what stands in it."""

from typing import Any

import pyarrow as pa

from sinks.blocks import split
from sinks.native import Settings
from sinks.server import ServerStore
from sinks.store import InsertError
from tests.sinks import market
from tests.sinks.server import Server

SUMS = "SELECT count() AS n, sum(qty) AS q, sum(base_qty) AS b, sum(amount) AS a FROM sales"
CELLS = "SELECT sum(lines) AS n, sum(base_qty) AS b, sum(amount) AS a FROM cells_1h"
TOKEN = "pos.clean@x:0:0-99/sales"


def sales(envelopes: int = 10, each: int = 100, **more: int) -> pa.Table:
    return split(market.lines(envelopes, each, kinds=("sale", "return"), **more))["sales"]


def sums(store: ServerStore) -> tuple[market.Sums, market.Sums]:
    own, cells = store.query(SUMS).to_pylist()[0], store.query(CELLS).to_pylist()[0]
    lines = market.Sums(own["n"], own["q"], own["b"], own["a"])
    return lines, market.Sums(cells["n"], own["q"], cells["b"], cells["a"])


def exact(store: ServerStore, rows: pa.Table) -> bool:
    return sums(store) == (market.sums_of([rows]),) * 2


class CutOff(ServerStore):
    """Loses the server after so many statements and inserts: each is carried out, or not, and then the line is dead."""

    left = 1 << 30
    carried_out = True

    def _count(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise EOFError("cut off")

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        if not self.carried_out:
            self._count()
        answer = super()._ask(sql)
        if self.carried_out:
            self._count()
        return answer

    def _send(self, table: str, rows: pa.Table, settings: Settings) -> None:
        if not self.carried_out:
            self._count()
        super()._send(table, rows, settings)
        if self.carried_out:
            self._count()


def cut_off(server: Server, rows: pa.Table, after: int, *, carried_out: bool = True) -> bool:
    """Insert ``rows`` with a connection that breaks after so many steps; whether it broke."""
    store = CutOff(server.config("market"))
    store.left, store.carried_out = after, carried_out
    try:
        store.insert("sales", rows, TOKEN)
    except InsertError:
        return True
    finally:
        store.close()
    return False


PIECES: tuple[list[str], ...] = (
    [],
    ["sales 202510", "cells_1h 202509", "cells_1h 202510", "sales_1d 202509", "sales_1d 202510"],
    ["cells_1h 202510", "sales_1d 202509"],
    ["cells_1h 202509"],
    ["sales 202509", "sales 202510", "cells_1h 202509", "cells_1h 202510", "sales_1d 202510"],
)


def leave(server: Server, lacking: list[str]) -> None:
    """The block in doubt, with these pieces of it lacking: as a server leaves it that is killed within the insert."""
    # Five steps: who runs, what stands aside, what is noted, the parts, the new note; the insert is the sixth.
    assert cut_off(server, sales(), 6)
    assert server.ask("SELECT count() FROM market.sales")[0][0] == sales().num_rows
    for piece in lacking:
        table, partition = piece.split()
        server.ask(f"ALTER TABLE market.{table} DROP PARTITION {partition}")
