"""Every error that minicon names, in one tree.

::

    MiniconError
    ├── UsageError              the command line itself is wrong (exit code 2)
    ├── SpecError               a spec, version, requirement or environment file cannot be read
    ├── ChannelError            a channel or package index cannot serve what was asked
    │   ├── RepodataError       its index is missing, cut, or not what it claims to be
    │   └── OfflineError        the network was needed and --offline forbids it
    ├── SolveError              no set of packages does what was asked
    │   ├── Unsatisfiable       requests contradict each other
    │   └── PackageNotFound     a name that no source has
    ├── PackageError            one package archive
    │   ├── HashMismatch        its bytes are not the ones the channel listed
    │   └── UnsafeArchive       it tries to reach outside its own folder, or lies about itself
    ├── InterpreterError        an interpreter on this machine cannot be used
    ├── PrefixError             one environment on disk
    │   ├── NotAnEnvironment
    │   ├── Clobbered           two packages, or a package and the user, claim one path
    │   ├── PrefixLocked        another process is changing it
    │   └── LinkScriptFailed
    ├── PipError                pip could not install what only pip can
    ├── ConfigError             a configuration file or setting
    ├── ShellError              activation or a shell start file
    └── FileError               the file system refused: disk full, no permission
"""


class MiniconError(Exception):
    """Something failed that a user can understand and act on.

    Every public error tells *what* failed, on *which* file, package or URL, and *what to do
    next*. Secrets in any of these texts are masked here, whatever raised it.
    """

    exit_code = 1

    def __init__(
        self, reference: str, message: str, *, context: str | None = None, hint: str | None = None
    ) -> None:
        """Make an error.

        Args:
            reference: Stable kebab-case name of this failure, listed in docs/reference/errors.md.
            message: One lower-case sentence that names the file, package or URL.
            context: What minicon was doing, for instance "while reading environment.yml".
            hint: What to type or change next.
        """
        from minicon.redaction import redact  # only those who fail need it

        self.message = redact(message)
        super().__init__(self.message)
        self.reference = reference
        self.context = context and redact(context)
        self.hint = hint and redact(hint)


class UsageError(MiniconError):
    """The command line is wrong."""

    exit_code = 2


class SpecError(MiniconError):
    """A spec, version, requirement or environment file cannot be read.

    Attributes:
        source: The text that was read, or None.
        span: Offsets in ``source`` of the part that is wrong, or None. Where both are given the
            message draws a caret under it.
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
    """A channel or package index cannot serve what was asked."""


class RepodataError(ChannelError):
    """A channel's index is missing, cut, or not what it claims to be."""


class OfflineError(ChannelError):
    """The network was needed and is forbidden."""


class SolveError(MiniconError):
    """No set of packages does what was asked."""


class Unsatisfiable(SolveError):
    """The requests contradict each other."""


class PackageNotFound(SolveError):
    """Package names that no source has.

    Attributes:
        packages: Those names, where they are known.
        hints: Where there are several, what may help with one of them.
    """

    packages: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


class PackageError(MiniconError):
    """One package archive cannot be used."""


class HashMismatch(PackageError):
    """A package's bytes are not the ones that the channel listed."""


class UnsafeArchive(PackageError):
    """An archive tries to reach outside its own folder, or lies about itself."""


class InterpreterError(MiniconError):
    """An interpreter on this machine cannot be used."""


class PrefixError(MiniconError):
    """One environment on disk cannot be read or changed."""


class NotAnEnvironment(PrefixError):
    """The path is not an environment."""


class Clobbered(PrefixError):
    """Two packages, or a package and the user, claim one path."""


class PrefixLocked(PrefixError):
    """Another process is changing the environment."""


class LinkScriptFailed(PrefixError):
    """A package's own post-link or pre-unlink script failed."""


class PipError(MiniconError):
    """Pip could not install what only pip can."""


class ConfigError(MiniconError):
    """A configuration file or setting is wrong."""


class ShellError(MiniconError):
    """Activation, or a shell's start file, failed."""


class FileError(MiniconError):
    """The file system refused: disk full, no permission, read-only."""
