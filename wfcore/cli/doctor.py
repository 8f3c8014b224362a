"""`wf doctor`: is what a cluster stands on there, and well?"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Annotated, Final

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from wfcore.bus.contract import TaskBus
from wfcore.cli.config import set_settings
from wfcore.cli.exits import Exit
from wfcore.cli.failure import Format, failures_told
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.options import PluginFolders, Plugins
from wfcore.cli.standard_output import kept_for_result
from wfcore.cli.wording import counted, one_line
from wfcore.cluster import cluster_options
from wfcore.errors import StoreError
from wfcore.plugins.registry import Registry
from wfcore.settings import Settings, SettingsRefused
from wfcore.store.shared import SharedStore, WorkerRecord

__all__ = ["doctor"]

_PACKAGES: Final = ("redis", "aiokafka", "fastapi", "pydantic")
_BUS_SECONDS: Final = 8.0
_SKEW_SECONDS: Final = 1.0
_MOST_DUE: Final = 1_000
_OLD_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    well: bool
    told: str


def doctor(
    *,
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    output: Annotated[
        Format, Parameter(help="json: all findings as one object on standard output.")
    ] = "text",
) -> int:
    """Look at everything; fails where something is not well."""
    with failures_told(output), kept_for_result():
        settings = Settings.read()
        registry = installed(settings, PluginPlaces(plugin, plugin_dir))
        findings = [_versions(), _settings(), *_plugins(registry)]
        findings += asyncio.run(_collected(_cluster(settings, registry)))
    if output == "json":
        json.dump({"findings": [asdict(each) for each in findings]}, sys.stdout)
        sys.stdout.write("\n")
    else:
        _tell(findings)
    return Exit.OK if all(each.well for each in findings) else Exit.FAILED


async def _collected(found: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in found]


def _versions() -> Finding:
    known = [f"wfcore {version('wfcore')}", f"Python {python_version()}"]
    for package in _PACKAGES:
        try:
            known.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            known.append(f"no {package}")
    return Finding("versions", well=True, told=", ".join(known))


def _settings() -> Finding:
    told = ", ".join(set_settings()) or "none is set"
    return Finding("settings", well=True, told=told)


def _plugins(registry: Registry) -> Iterator[Finding]:
    broken = [report for report in registry.reports if report.status == "broken"]
    for report in broken:
        yield Finding("plugins", well=False, told=f"{report.origin}: {report.error}")
    if not broken:
        told = f"{counted(len(registry.handlers), 'handler')}: {', '.join(registry.handlers)}"
        yield Finding("plugins", well=True, told=told)


async def _cluster(settings: Settings, registry: Registry) -> AsyncIterator[Finding]:
    try:
        options = cluster_options(settings, registry)
    except SettingsRefused as refused:
        yield Finding("cluster", well=False, told=str(refused))
        return
    store: SharedStore = options["store"]
    try:
        await store.open()
    except StoreError as error:
        yield Finding("store", well=False, told=str(error))
    else:
        async with aclosing(_store(store, registry)) as found:
            async for finding in found:
                yield finding
        await store.close()
    yield await _bus(options["bus"])


async def _store(store: SharedStore, registry: Registry) -> AsyncGenerator[Finding, None]:
    skew = abs(await store.clock() / 1000 - time.time())
    told = f"{store.name}, durability {store.durability}, {counted(store.shards, 'shard')}"
    yield Finding("store", well=store.durability != "memory", told=told + _remark(store))
    yield Finding("clock", well=skew < _SKEW_SECONDS, told=f"{skew:.3f} s from the store's")
    pressure = await store.pressure()
    yield Finding("memory", well=pressure is None, told=pressure or "there is room")
    census = await store.census()
    counts = ", ".join(f"{count} {status.lower()}" for status, count in census.executions.items())
    yield Finding("executions", well=True, told=counts)
    workers = await store.workers()
    yield _workers(workers, registry)
    for depth in census.queues:
        seconds = depth.oldest_ms / 1000
        if seconds > _OLD_SECONDS:
            told = f"{depth.ready} for {depth.handler!r} in {depth.queue!r}, up to {seconds:.0f} s"
            yield Finding("waiting", well=False, told=told)
    due, _ = await store.due(_MOST_DUE)
    told = f"{counted(len(due), 'node')} past the deadline; workers look once a second"
    yield Finding("overdue", well=not due or bool(workers), told=told)


def _remark(store: SharedStore) -> str:
    if store.durability == "memory":
        return ": what it knows goes with its process (set appendonly yes)"
    return ""


def _workers(workers: list[WorkerRecord], registry: Registry) -> Finding:
    known = {handler for worker in workers for handler in worker.handlers}
    missing = sorted(set(registry.handlers) - known)
    told = counted(len(workers), "worker")
    if workers and missing:
        told += f"; none of them has {', '.join(missing)}"
    return Finding("workers", well=bool(workers) and not missing, told=told)


async def _bus(bus: TaskBus) -> Finding:
    await bus.open(())
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _BUS_SECONDS
    while not bus.healthy and loop.time() < give_up:  # noqa: ASYNC110 - a bus tells nobody
        await asyncio.sleep(0.1)
    well = bus.healthy
    await bus.close()
    told = bus.name if well else f"{bus.name} does not answer; executions go on without, slower"
    return Finding("bus", well=well, told=told)


def _tell(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for each in findings:
        mark = ("✓", "green") if each.well else ("✗", "red")
        line = Text.assemble(mark, " ", (f"{each.name:11}", "bold"), one_line(each.told))
        console.print(line, soft_wrap=True)
