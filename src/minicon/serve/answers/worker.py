"""The process that answers questions: reads one from its input, writes the answer to its output."""

from __future__ import annotations

import os
import sys
import traceback

from minicon.errors import ChannelError, FileError, MiniconError, PackageNotFound
from minicon.serve.answers.channels import KnownChannels
from minicon.serve.messages import packed, read_message
from minicon.serve.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

#: Address space of the process, in bytes: mapped indexes count too.
_MOST_MEMORY = 8 << 30


def main() -> None:
    """Answer questions until the input ends."""
    _limit_memory()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but answers may reach the server
    questions = sys.stdin.buffer
    configuration = read_message(questions)
    if configuration is None:
        return
    known = KnownChannels(
        configuration["channels"],
        configuration["allowed"],
        allow_pypi=configuration["allow_pypi"],
        allow_host=configuration["allow_host"],
        seconds=configuration["seconds"],
    )
    answers.write(packed({}))
    answers.flush()
    while (question := read_message(questions)) is not None:
        answers.write(packed(answer(known, question)))
        answers.flush()


def answer(known: KnownChannels, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a question, or why there is none."""
    arguments = dict(question)
    try:
        return {"answer": _function(arguments.pop("kind"))(known, **arguments)}
    except Refusal as refusal:
        return _refused(refusal)
    except PackageNotFound as error:
        return _refused(Refusal.of(404, error))
    except ChannelError as error:  # what its hint says is for the operator
        return _refused(Refusal(502, error.reference, known.public_text(error.message)))
    except FileError as error:  # the disk is full, or not readable: the operator must know
        sys.stderr.write(f"error: {error.message}\n")
        return _refused(Refusal(507, error.reference, "the server cannot use its files"))
    except MiniconError as error:
        return _refused(Refusal.of(422, error))
    except RecursionError:
        return _refused(Refusal(422, "too-complex", "the request is nested too deeply"))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the operator reads it, the client must not
        sys.stderr.write(f"error while answering a question:\n{traceback.format_exc()}")
        return _refused(Refusal(500, "internal-error", "the server failed"))


def _function(kind: str) -> Callable[..., dict[str, Any]]:
    """Return what answers a kind of questions; each is imported when it is used first."""
    if kind == "packages":
        from minicon.serve.answers.catalogue import packages

        return packages
    if kind == "package":
        from minicon.serve.answers.catalogue import package

        return package
    if kind in ("receive", "index"):
        from minicon.serve.answers import receiving

        return receiving.receive if kind == "receive" else receiving.index
    from minicon.serve.answers.solving import solve

    return solve


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {
        "refused": {
            "status": refusal.status,
            "reference": refusal.reference,
            "message": refusal.message,
            "hint": refusal.hint,
        }
    }


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _MOST_MEMORY if hard == resource.RLIM_INFINITY else min(hard, _MOST_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()
