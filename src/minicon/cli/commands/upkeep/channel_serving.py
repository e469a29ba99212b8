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
    from typing import Any

    from minicon.cli.context import CommandContext

_VERIFYING_SECONDS = 1800.0


def add_serve(commands: Any) -> None:
    """``channel serve [NAME=]LOCATION…``."""
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
        "--port", type=int, default=8000, help="port; 0 is a free one (default: %(default)s)"
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
        type=int,
        default=2,
        metavar="N",
        help="processes that find solutions (default: %(default)s)",
    )
    serve.add_argument(
        "--solve-seconds",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="longest time of a solution (default: %(default)s)",
    )
    serve.add_argument(
        "--log-requests", action="store_true", help="print each request to stderr, without tokens"
    )
    options.add_output_options(serve)
    upload = add_verb(
        commands,
        "upload",
        "upload packages to a served channel",
        "minicon channel upload build/*.conda https://packages.example.org/main",
    )
    upload.add_argument("files", nargs="+", metavar="FILE", help="package")
    upload.add_argument("url", metavar="URL", help="URL of the channel, possibly with /t/TOKEN/")
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
            solvers=max(1, arguments.solvers),
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
    from minicon.lean_dataclasses import replace
    from minicon.net.routing import fetcher_for
    from minicon.redaction import without_secrets
    from minicon.serve.uploading import upload_packages

    console, uploaded = context.console, []
    paths = [typed_path(text) for text in arguments.files]
    # The server verifies and indexes before it answers.
    settings = replace(context.settings, remote_read_timeout_secs=_VERIFYING_SECONDS)
    for each in upload_packages(fetcher_for(settings), paths, arguments.url):
        uploaded.append({"url": without_secrets(each.url), "new": each.is_new})
        console.answer(f"{'uploaded' if each.is_new else 'unchanged'} {each.url}")
    if console.json:
        console.document({"success": True, "uploaded": uploaded})
    return 0


VERBS = {"serve": serve, "upload": upload}
