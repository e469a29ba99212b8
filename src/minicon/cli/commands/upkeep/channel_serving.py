"""The verbs ``channel serve`` and ``channel upload``."""

from __future__ import annotations

import shlex
import sys

from minicon.cli import options
from minicon.cli.parser import add_verb
from minicon.errors import UsageError
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from minicon.cli.context import CommandContext
    from minicon.publish.remote.remote_index import RemoteChannel

_VERIFYING_SECONDS = 1800.0


def add_verbs(commands: Any) -> None:
    """``channel serve [NAME=]LOCATION…``, ``channel upload FILE… URL``."""
    _add_serve(commands)
    _add_upload(commands)


def _add_serve(commands: Any) -> None:
    serve = add_verb(
        commands,
        "serve",
        "serve channels over HTTP, with pages for people",
        "minicon channel serve ./mine",
        "minicon channel serve main=./mine other=s3://bucket/other --tokens tokens.txt",
    )
    serve.add_argument(
        "locations",
        nargs="+",
        metavar="[NAME=]LOCATION",
        help="directory, s3:// or oci:// URL of a channel (may be repeated)",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    serve.add_argument(
        "--port",
        type="port",
        default=8000,
        help="port; 0 is a free one (default: %(default)s)",
    )
    serve.add_argument("--url", help="URL that clients use, if a proxy is in front")
    serve.add_argument("--tokens", metavar="FILE", help="require one of the tokens in a file")
    serve.add_argument(
        "--upload", metavar="FILE", help="accept packages from clients with a token in a file"
    )
    serve.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="SOURCE",
        help="let solutions use host, pypi, or a further channel NAME=URL (may be repeated)",
    )
    serve.add_argument(
        "--solvers",
        type="count",
        default=2,
        metavar="N",
        help="processes that find solutions (default: %(default)s)",
    )
    serve.add_argument(
        "--solve-seconds",
        type="seconds",
        default=30.0,
        metavar="SECONDS",
        help="longest time of a solution (default: %(default)s)",
    )
    serve.add_argument(
        "--log-requests", action="store_true", help="print each request to stderr, without tokens"
    )
    options.add_output_options(serve)


def _add_upload(commands: Any) -> None:
    upload = add_verb(
        commands,
        "upload",
        "upload packages to a served channel, a bucket or a registry",
        "minicon channel upload build/*.conda https://packages.example.org/main",
        "minicon channel upload build/*.conda s3://bucket/main",
    )
    upload.add_argument("files", nargs="+", metavar="FILE", help="package")
    upload.add_argument(
        "url",
        metavar="URL",
        help="https:// URL of the channel, possibly with /t/TOKEN/; or its s3:// or oci:// URL",
    )
    options.add_output_options(upload)


def serve(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Run a server until it is stopped."""
    from minicon.fs.safe_path import typed_path
    from minicon.serve.hosted import parse_allowed, parse_hosted
    from minicon.serve.options import ServeOptions
    from minicon.serve.running import run_server

    console = context.console
    channels = parse_hosted(arguments.locations)
    for channel in channels.values():
        if channel.directory and not channel.stamp() and not arguments.upload:
            command = shlex.join(["minicon", "channel", "index", str(channel.directory)])
            console.note(f"{channel.name} has no index: run {command!r}")

    def started(url: str) -> None:
        for name in channels:
            console.answer(f"{url}/{name}")
        if console.json:
            console.document({"success": True, "url": url, "channels": [*channels]})
        console.stdout.flush()  # programs that start a server read its URL from a pipe

    run_server(
        ServeOptions(
            channels=channels,
            host=arguments.host,
            port=arguments.port,
            url=_public_url(arguments.url),
            tokens=typed_path(arguments.tokens) if arguments.tokens else None,
            allowed=parse_allowed(arguments.allow),
            log_requests=arguments.log_requests,
            solvers=arguments.solvers,
            solve_seconds=arguments.solve_seconds,
            upload_tokens=typed_path(arguments.upload) if arguments.upload else None,
        ),
        context.services.fetcher,
        started=started,
        log=lambda text: print(text, file=sys.stderr, flush=True),  # noqa: T201
    )
    return 0


def _public_url(text: str | None) -> str | None:
    """Validate the URL that clients use. Raises UsageError."""
    if text is None or text.startswith(("http://", "https://")):
        return text and text.rstrip("/")
    message = f"--url {shortened(text, 80)!r} does not begin with https:// or http://"
    raise UsageError("wrong-arguments", message, hint="give the URL that clients use")


def upload(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Upload packages, in order; the first that is refused ends the command."""
    from minicon.fs.safe_path import typed_path
    from minicon.redaction import without_secrets

    console, uploaded = context.console, []
    paths = [typed_path(text) for text in arguments.files]
    for url, is_new in _uploaded(paths, arguments.url, context):
        uploaded.append({"url": without_secrets(url), "new": is_new})
        console.answer(f"{'uploaded' if is_new else 'unchanged'} {url}")
    if console.json:
        console.document({"success": True, "uploaded": uploaded})
    return 0


def _uploaded(paths: list[Path], url: str, context: CommandContext) -> Iterator[tuple[str, bool]]:
    """Upload packages and index them; yield the URL of each, and whether it is new."""
    from minicon.lean_dataclasses import replace
    from minicon.net.routing import fetcher_for
    from minicon.serve.uploading import upload_packages

    remote = remote_channel(url, context)
    if remote is not None:
        from minicon.publish.remote.package_upload import upload_and_index

        yield from ((each.url, each.is_new) for each in upload_and_index(remote, paths))
        return
    # The server verifies and indexes before it answers.
    settings = replace(context.settings, remote_read_timeout_secs=_VERIFYING_SECONDS)
    uploads = upload_packages(fetcher_for(settings), paths, url)
    yield from ((each.url, each.is_new) for each in uploads)


def remote_channel(text: str, context: CommandContext) -> RemoteChannel | None:
    """Return the channel of an ``s3://`` or ``oci://`` URL, whose credentials are used; or None."""
    if not text.startswith(("s3://", "oci://")):
        return None
    from minicon.models.url import Url
    from minicon.publish.remote.remote_index import RemoteChannel

    services, url = context.services, Url(text)
    public = str(url.without_credentials).rstrip("/")
    if url.credentials is not None:
        services.fetcher.credentials.add(public, url.credentials)
    options = services.settings.s3_options
    return RemoteChannel(services.fetcher, public, services.cache_dir, options)


VERBS = {"serve": serve, "upload": upload}
