"""What a completion script contains, in the forms that several shells share."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from minicon.cli.completion.commands import Command, Option


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """What a completion script is generated from.

    Attributes:
        executable: Absolute path of the minicon program.
        commands: Every command and verb.
        settings: Every configuration key, with the values of those that have a few.
        verbs: The verbs of ``config``.
        envs_dirs: Directories of named environments.
    """

    executable: str
    commands: Sequence[Command]
    settings: Mapping[str, tuple[str, ...]]
    verbs: Sequence[str]
    envs_dirs: Sequence[Path]

    @property
    def top(self) -> list[Command]:
        """The commands, without verbs."""
        return [each for each in self.commands if len(each.words) == 1]

    @property
    def deepest_first(self) -> list[Command]:
        """The verbs of commands before the commands."""
        return sorted(self.commands, key=lambda each: -len(each.words))

    @property
    def posix_names(self) -> dict[str, str]:
        """The texts that the templates for bash and zsh share."""
        keys = " ".join(self.settings)
        cases = [f'        {"|".join(self.verbs)}) echo "{keys}" ;;']
        cases += [
            f'        {key}) echo "{" ".join(values)}" ;;'
            for key, values in self.settings.items()
            if values
        ]
        return {
            "executable": posix_quoted(self.executable),
            "environments": " ".join(posix_quoted(str(path)) for path in self.envs_dirs),
            "keys": keys,
            "settings": "\n".join(cases),
        }


def flags_of(options: Iterable[Option]) -> list[str]:
    """Return the flags of options."""
    return [flag for option in options for flag in option.flags]


def values_of(command: Command) -> str:
    """Return the options with a value as ``FLAG:KIND``, in one line."""
    return " ".join(
        f"{flag}:{option.kind}"
        for option in command.options
        if option.takes_value
        for flag in option.flags
    )


def posix_quoted(text: str) -> str:
    """Return a word in single quotes, for bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"
