"""All errors that minicon raises on purpose, as one class hierarchy.

::

    MiniconError
    ├── UsageError              the command line is invalid (exit code 2)
├── Declined                the user said no, and nothing was changed (exit code 0)
    ├── SpecError               a spec, version, requirement or environment file is invalid
    ├── ChannelError            a channel or package index cannot be used
    │   ├── RepodataError       its index is missing, truncated or invalid
    │   └── OfflineError        the network is required, but --offline is set
    ├── SolveError              no set of packages satisfies the request
    │   ├── Unsatisfiable       requirements conflict
    │   └── PackageNotFound     a package name that no source has
    ├── PackageError            a package archive cannot be used
    │   ├── HashMismatch        its hash or size differs from the index
    │   └── UnsafeArchive       a member escapes the target directory, or the archive is invalid
    ├── InterpreterError        a Python interpreter of this machine cannot be used
    ├── PrefixError             an environment cannot be read or changed
    │   ├── NotAnEnvironment
    │   ├── Clobbered           two packages, or a package and the user, have the same path
    │   ├── PrefixLocked        another process is changing it
    │   └── LinkScriptFailed
    ├── PipError                pip could not build or install a package
    ├── ConfigError             a configuration file or setting is invalid
    ├── ShellError              activation or a shell start file
    └── FileError               a file-system operation failed: disk full, permission denied
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self


class MiniconError(Exception):
    """A failure that a user can understand and act on.

    Every error says *what* failed, for *which* file, package or URL, and *what to do next*.
    Secrets in its texts are masked here, whatever code raises it.

    Attributes:
        reference: Stable kebab-case name of the failure, as in docs/reference/errors.md.
        message: What failed, as one lower-case sentence.
        context: What minicon was doing, or None.
        hint: What to type or change next, or None.
        facts: What failed, as fields of conda's error objects: ``location``, ``filename``, ...
    """

    exit_code = 1
    facts: "Mapping[str, Any]" = {}

    def __init__(
        self, reference: str, message: str, *, context: str | None = None, hint: str | None = None
    ) -> None:
        """Create an error.

        Args:
            reference: Stable kebab-case name of the failure, listed in docs/reference/errors.md.
            message: One lower-case sentence that names the file, package or URL.
            context: What minicon was doing, for instance "while reading environment.yml".
            hint: What to type or change next.
        """
        from minicon.redaction import redact  # imported on failure only

        self.message = redact(message)
        super().__init__(self.message)
        self.reference = reference
        self.context = context and redact(context)
        self.hint = hint and redact(hint)

    def with_facts(self, **facts: "Any") -> "Self":
        """Add fields of conda's error object, and return this error."""
        self.facts = {**self.facts, **facts}
        return self


class UsageError(MiniconError):
    """The command line is invalid."""

    exit_code = 2


class Declined(MiniconError):
    """The user said no; nothing was changed. The exit code is conda's."""

    exit_code = 0

    def __init__(self) -> None:
        super().__init__("declined", "Aborted; nothing was changed.")


class SpecError(MiniconError):
    """A spec, version, requirement or environment file is invalid.

    Attributes:
        source: The parsed text, or None.
        span: Start and end in ``source`` of the invalid part, or None. If both are set, the
            message shows the source with carets under that part.
    """

    def __init__(
        self,
        reference: str,
        message: str,
        *,
        context: str | None = None,
        hint: str | None = None,
        source: str | None = None,
        span: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(reference, message, context=context, hint=hint)
        self.source = source
        self.span = span


class ChannelError(MiniconError):
    """A channel or package index cannot be used."""


class RepodataError(ChannelError):
    """A channel's index is missing, truncated or invalid."""


class OfflineError(ChannelError):
    """The network is required, but offline mode is on."""


class SolveError(MiniconError):
    """No set of packages satisfies the request."""


class Unsatisfiable(SolveError):
    """Requirements conflict with each other."""


class PackageNotFound(SolveError):
    """Package names that no source has.

    Attributes:
        packages: The names, if known.
        hints: One hint for each name, if there are several.
    """

    packages: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


class PackageError(MiniconError):
    """One package archive cannot be used."""


class HashMismatch(PackageError):
    """The hash or size of a package differs from the channel's index."""


class UnsafeArchive(PackageError):
    """A member of an archive escapes the target directory, or the archive is inconsistent."""


class InterpreterError(MiniconError):
    """A Python interpreter of this machine cannot be used."""


class PrefixError(MiniconError):
    """An environment cannot be read or changed."""


class NotAnEnvironment(PrefixError):
    """The path is not an environment."""


class Clobbered(PrefixError):
    """Two packages, or a package and the user, have a file at the same path."""


class PrefixLocked(PrefixError):
    """Another process is changing the environment."""


class LinkScriptFailed(PrefixError):
    """A package's post-link or pre-unlink script failed."""


class PipError(MiniconError):
    """Pip could not build or install a package."""


class ConfigError(MiniconError):
    """A configuration file or setting is invalid."""


class ShellError(MiniconError):
    """Activation failed, or a shell's start file cannot be read or changed."""


class FileError(MiniconError):
    """A file-system operation failed: disk full, permission denied, read-only file system."""
