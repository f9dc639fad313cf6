"""``simulate``: trade with known truth, and known rises in trade that is given."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.core import TyperGroup

from deploy.cli.common import CommandError, require, say, told

_DEFAULT: Final = "trade"
_HELP: Final = ("-h", "--help")
Seed = Annotated[int, typer.Option(help="Another one gives other chances.", min=0)]


class _Group(TyperGroup):
    """What follows without being the name of a command is for ``trade``: ``simulate OUT_DIR``."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the default command in front."""
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=_Group,
    help="Trade with known truth: `simulate OUT_DIR`, or rises of known size in given trade: `simulate inject`.",
    epilog="Example: infopump simulate out --days 365 --cadence daily",
    no_args_is_help=True,
    context_settings={"help_option_names": list(_HELP)},
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="simulate")


@group.command(epilog="Example: infopump simulate out --days 120 --cadence hourly --events panic_buying,gap")
def trade(
    out_dir: Annotated[Path, typer.Argument(help="Folder for input.csv and truth.csv; it is made.", file_okay=False)],
    days: Annotated[int, typer.Option(help="Days of trade.", min=1, max=3660)] = 365,
    cadence: Annotated[str, typer.Option(help="A row is 5min, 15min, hourly, daily or weekly.")] = "daily",
    seed: Seed = 1,
    regions: Annotated[
        str, typer.Option(help="Division codes, joined by commas; all counties below them trade.", show_default=False)
    ] = "",
    events: Annotated[
        str,
        typer.Option(
            help="What happens: all, none, or any of panic_buying, gouge, price_spike, stock_out, supply_interruption "
            "and the controls promotion, turnover, gap, doubled, slip."
        ),
    ] = "all",
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")] = datetime(2023, 1, 2),  # noqa: DTZ001, RUF100
    shops: Annotated[int, typer.Option(help="Shops a county.", min=1)] = 3,
    goods: Annotated[int, typer.Option(help="Commodities, those named for emergencies first.", min=1, max=120)] = 12,
) -> None:
    """Simulate shops that trade: input.csv is what `infopump backtest` reads, truth.csv what has happened in it.

    The same words give the same files, byte for byte.
    """
    require("detect", "holidays")
    from streams.simulate.trade import make_trade
    from streams.simulate.tradegrid import TradeError
    from streams.simulate.tradeplan import KINDS, REGIONS, Plan

    kinds = {"all": KINDS, "none": ()}.get(events) if events in ("all", "none") else _words(events)
    with told(TradeError, OSError):
        plan = Plan(
            days=days,
            cadence=cadence,
            seed=seed,
            regions=_words(regions) or REGIONS,
            start=start.date(),
            shops_per_county=shops,
            goods=goods,
            events=kinds or (),
        )
        made = make_trade(plan)
        rows = made.write(out_dir)
    say(f"{rows:,} rows, {len(made.happenings)} events and controls in {out_dir}")


@group.command(epilog="Example: infopump simulate inject out/input.csv cases --files 20")
def inject(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A CSV that `infopump backtest` reads.")],
    out_dir: Annotated[Path, typer.Argument(help="Folder for inj_NNN.csv, input.csv and truth.csv.", file_okay=False)],
    files: Annotated[int, typer.Option(help="Injected files.", min=1, max=1000)] = 20,
    per_file: Annotated[int, typer.Option(help="Injections a file; few, so that events stay rare.", min=1)] = 3,
    measure: Annotated[str, typer.Option(help="qty or price; by default qty where there is.", show_default=False)] = "",
    peaks: Annotated[str, typer.Option(help="Factors at the top, joined by commas.", show_default=False)] = "",
    shapes: Annotated[str, typer.Option(help="Of step, ramp, lognormal.")] = "step,ramp,lognormal",
    fractions: Annotated[str, typer.Option(help="Shares of a city's regions that are hit.")] = "0.3,1",
    after: Annotated[float, typer.Option(help="Share of the record that stays as it is.", min=0, max=0.9)] = 0.3,
    seed: Seed = 1,
) -> None:
    """Multiply some series of a background over some time, and write down which: truth.csv."""
    from streams.simulate.tradegrid import TradeError, read_grid
    from streams.simulate.tradeinjection import Design, write_injections
    from streams.simulate.tradeinjection import inject as make

    with told(TradeError, OSError):
        design = Design(
            files,
            per_file,
            measure,
            _numbers(peaks, "peaks"),
            _words(shapes),
            _numbers(fractions, "fractions"),
            after,
            seed,
        )
        grid = read_grid(source)
        number = write_injections(out_dir, grid, make(grid, design))
    say(f"{number} injections in {files} files in {out_dir}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str, name: str) -> tuple[float, ...]:
    try:
        found = tuple(float(word) for word in _words(text))
    except ValueError as error:
        raise CommandError(f"--{name}: expected numbers joined by commas, got {text!r}") from error
    if any(not number > 0 for number in found):
        raise CommandError(f"--{name}: expected numbers above 0, got {text!r}")
    return found
