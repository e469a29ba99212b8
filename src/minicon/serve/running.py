"""Run a server until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from concurrent.futures import ThreadPoolExecutor

from minicon.errors import ConfigError, FileError
from minicon.serve.files.sending import STALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from aiohttp import web

    from minicon.net.routing import UrlFetcher
    from minicon.serve.options import ServeOptions

#: Seconds that a client may take for the headers of a request, and that idle connections are kept.
_IDLE_SECONDS = 60.0
#: Seconds that requests have to end after the server was stopped.
_STOP_SECONDS = 10.0
_THREADS = 32
_WATCH_SECONDS = 5.0


def run_server(
    options: ServeOptions,
    fetcher: UrlFetcher,
    *,
    started: Callable[[str], None],
    log: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; requests in progress have ten seconds to end.

    Args:
        options: What the operator chose.
        fetcher: Opens the files of channels that are on servers.
        started: Called with the server's URL when it accepts requests.
        log: Receives sentences for the operator.

    Raises:
        ConfigError: The extra ``minicon[serve]`` is not installed, or a file of tokens is invalid.
        FileError: ``cannot-listen``: the address or port cannot be used.
    """
    try:
        import aiohttp  # noqa: F401 - whether it is installed
    except ImportError:
        raise ConfigError(
            "extra-missing",
            "serving channels requires aiohttp, which is not installed",
            hint="pip install aiohttp",
        ) from None
    _raise_file_limit()
    asyncio.run(_serve(options, fetcher, started, log))


async def _serve(
    options: ServeOptions,
    fetcher: UrlFetcher,
    started: Callable[[str], None],
    log: Callable[[str], None],
) -> None:
    from aiohttp import web

    from minicon.serve.site import Site

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="serve"))
    site = Site(options, fetcher, log)
    server = web.Server(
        site.handle,
        keepalive_timeout=_IDLE_SECONDS,
        access_log=None,
        logger=_silent(),
        auto_decompress=False,
        lingering_time=2.0,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    listening = web.TCPSite(runner, options.host, options.port, backlog=1024)
    try:
        await listening.start()
    except (OSError, OverflowError) as error:  # a number above all ports is an OverflowError
        await runner.cleanup()
        why = getattr(error, "strerror", None) or str(error)
        message = f"cannot listen at {options.host} port {options.port}: {why}"
        hint = "choose another port with --port, or 0 for one that is free"
        raise FileError("cannot-listen", message, hint=hint) from error
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stopped.set)
    watch = loop.create_task(_watch(server))
    started(_own_url(options, runner))
    try:
        await stopped.wait()
    finally:
        watch.cancel()
        await runner.cleanup()
        await site.close()


def _silent() -> logging.Logger:
    """A logger for requests that are not HTTP: any client can send as many as it likes."""
    logger = logging.Logger("minicon.serve")
    logger.addHandler(logging.NullHandler())
    return logger


def _own_url(options: ServeOptions, runner: web.ServerRunner) -> str:
    host, port, *_ = runner.addresses[0]
    return options.url or f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _watch(server: web.Server) -> None:
    """Close connections whose clients do not take what was written to them."""
    seen: dict[Any, tuple[int, float]] = {}
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        now = asyncio.get_running_loop().time()
        current: dict[Any, tuple[int, float]] = {}
        for connection in server.connections:
            transport = connection.transport
            size = transport.get_write_buffer_size() if transport is not None else 0
            if not size or transport is None:
                continue
            known, since = seen.get(connection, (0, now))
            current[connection] = (size, since if size == known else now)
            if now - current[connection][1] > STALL:
                transport.abort()
        seen = current


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets this process have: each connection is one."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
