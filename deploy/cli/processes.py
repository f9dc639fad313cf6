"""``worker``, ``writer``, ``gateway``: one process each, as a supervisor or a cluster runs them."""

from typing import Annotated

import typer

from deploy.cli.common import WrongUse, find_bootstrap, require, settings_of, told
from deploy.settings import HEALTH_OFFSET, STAGES, Settings

PARENT_GRACE_SECONDS = 20.0
HealthPort = Annotated[
    int | None,
    typer.Option(help="Where to serve /healthz and /metrics; 0: a free port.", min=0, max=65_535, show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump worker normalize")(worker)
    app.command(epilog="Example: infopump writer")(writer)
    app.command(epilog="Example: INFOPUMP_GATEWAY__PORT=8088 infopump gateway")(gateway)


def worker(
    context: typer.Context,
    stage: Annotated[str, typer.Argument(help="normalize, detect or escalate")],
    health_port: HealthPort = None,
) -> None:
    """Run one stage of the flow."""
    if stage not in STAGES:
        raise WrongUse(f"worker: expected one of {', '.join(STAGES)}, got {stage!r}")
    require("worker", "faust", "aiokafka")
    from agents.worker import WorkerConfig, run

    settings = _begin(context, stage)
    config = WorkerConfig(
        bootstrap=find_bootstrap(settings),
        partitions=settings.kafka.partitions,
        data_dir=settings.data_dir / "workers",
        tick_ms=settings.detect.tick_seconds * 1000,
        idle_ms=settings.detect.idle_seconds * 1000,
        lateness_ms=settings.detect.lateness_seconds * 1000,
        checkpoint_seconds=settings.worker.checkpoint_seconds,
        stall_seconds=settings.worker.stall_seconds,
        health_port=_health_port(settings, stage, health_port),
    )
    raise typer.Exit(run(stage, config))


def writer(context: typer.Context, health_port: HealthPort = None) -> None:
    """Write the lines into the store and answer questions."""
    settings = _begin(context, "writer")
    require("store", "clickhouse_driver" if settings.store.server.host else "chdb")
    from deploy.storeserver import server_config
    from sinks.config import WriterConfig
    from sinks.store import StoreError
    from sinks.writer import run

    config = WriterConfig(
        bootstrap=find_bootstrap(settings),
        path=settings.store_path,
        block_rows=settings.store.block_rows,
        flush_seconds=settings.store.flush_seconds,
        health_port=_health_port(settings, "writer", health_port),
        socket=settings.store_socket,
        analyst_socket=settings.store.analyst_socket,
        server=server_config(settings.store.server),
        keep_years=settings.store.keep_years,
    )
    with told(StoreError):
        run(config)


def gateway(context: typer.Context) -> None:
    """Serve the board, the WebSocket and the REST interface."""
    require("gateway", "fastapi", "uvicorn", "websockets")
    from gateway.config import GatewayConfig, GatewayError
    from gateway.serve import run

    settings = _begin(context, "gateway")
    token = settings.gateway.token
    with told(GatewayError):
        run(
            GatewayConfig(
                bootstrap=find_bootstrap(settings),
                host=settings.gateway.host,
                port=settings.gateway.port,
                token=token.get_secret_value() if token else None,
                demo_note=settings.gateway.demo_note,
                store_socket=settings.store_socket,
                reviewers=settings.gateway.reviewers,
            )
        )


def _begin(context: typer.Context, process: str) -> Settings:
    from deploy.guard import watch_parent
    from streams.observe import setup_logs

    settings = settings_of(context)
    setup_logs(process, settings.log.level, json=settings.log.as_json)
    watch_parent(PARENT_GRACE_SECONDS)
    return settings


def _health_port(settings: Settings, process: str, chosen: int | None) -> int:
    if chosen is not None:
        return chosen
    base = settings.health.base_port
    return base + HEALTH_OFFSET[process] if base else 0
