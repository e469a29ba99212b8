"""Compute the changes of variables that activation and deactivation make.

Nothing here accesses the disk or the process: facts about environments come from a function, the
variables from a mapping. ``shell/scripts`` implement the same in the languages of shells. Both use
the same variables for the state (docs/internals/activation.md), so that each can undo what the
other did, and conda can deactivate either. The CONDA_* variables are conda's; unlike conda,
deactivation restores the exact values from before.
"""

from __future__ import annotations

import os

from minicon.errors import ShellError
from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from minicon.shell.environment_facts import EnvironmentFacts

#: Set by activation, and restored when the last environment is deactivated.
OWN_VARIABLES = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL")
DEFAULT_PROMPT = "({default_env}) "
_PROMPT_SPECIAL = frozenset("\\$`%!")


@dataclass(frozen=True, slots=True)
class ActivationOptions:
    """The settings of activation; names as in :class:`Settings`."""

    root: str
    changeps1: bool = True
    env_prompt: str = DEFAULT_PROMPT
    auto_stack: int = 0
    auto_activate: bool = False
    auto_activate_directories: bool = False
    default_activation_env: str = "base"
    windows: bool = os.name == "nt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationChange:
    """The changes that a shell has to make, in conda's order: leave, unset, set, export, enter.

    Attributes:
        leave_scripts: Paths of scripts, for all shells, to source first.
        unset: Names of variables to unset.
        set: Shell variables that are not exported (the prompt).
        export: Environment variables without PATH.
        path: The new PATH; None if it does not change.
        path_first: Change PATH before ``leave_scripts`` run (deactivation, as in conda).
        enter_scripts: Paths of scripts to source last.
        warnings: One sentence for each variable or file that is ignored.
    """

    leave_scripts: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    set: Mapping[str, str] = field(default_factory=dict)
    export: Mapping[str, str] = field(default_factory=dict)
    path: str | None = None
    path_first: bool = False
    enter_scripts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def apply_to(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables after the change, without the effects of scripts."""
        after = {name: value for name, value in environ.items() if name not in self.unset}
        after.update(self.export)
        if self.path is not None:
            after["PATH"] = self.path
        return after


class Activator:
    """Compute the changes of activation and deactivation.

    Args:
        environ: The environment variables. ``PS1``, if set, is the prompt to change.
        facts: Reads the facts of an environment
            (:func:`minicon.shell.environment_facts.read_facts`).
        options: The settings of activation.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        facts: Callable[[str], EnvironmentFacts],
        options: ActivationOptions,
    ) -> None:
        self._environ = environ
        self._facts = facts
        self._options = options

    @property
    def level(self) -> int:
        """The number of active environments; an invalid CONDA_SHLVL counts as 0."""
        text = self._environ.get("CONDA_SHLVL", "").strip()
        small = text.isascii() and text.isdigit() and len(text) < 3
        return int(text) if small and self._environ.get("CONDA_PREFIX") else 0

    def activate(self, prefix: str, *, stack: bool | None = None) -> ActivationChange:
        """Activate an environment, instead of the active one or stacked on it.

        Args:
            prefix: Absolute path of the environment.
            stack: Keep the active environment on PATH; None uses the setting ``auto_stack``.

        Raises:
            ShellError: Reference ``path-separator-in-prefix``.
        """
        if os.pathsep in prefix and not self._options.windows:
            import shlex

            raise ShellError(
                "path-separator-in-prefix",
                f"cannot activate {prefix}: PATH cannot contain a directory with a colon",
                hint=f"give it another path: minicon rename -p {shlex.quote(prefix)} NEW_PATH",
            )
        level = self.level
        if level and prefix == self._environ["CONDA_PREFIX"]:
            return self.reactivate()
        if stack is None:
            stack = level <= self._options.auto_stack
        edit = _Edit(self._environ, self._options)
        old = self._environ["CONDA_PREFIX"] if level else ""
        leaving = self._facts(old) if level and not stack else None
        if not level:
            edit.save_own()
        else:
            edit.put(f"CONDA_PREFIX_{level}", old)
            if stack:
                edit.put(f"CONDA_STACKED_{level + 1}", "true")
            else:
                edit.undo(level, leaving)
        edit.replace_in_path("" if stack else old, prefix)
        entering = self._facts(prefix)
        edit.set_active(prefix, level + 1, entering)
        return edit.change(leaving, entering)

    def deactivate(self) -> ActivationChange:
        """Deactivate the active environment and return to the one below it, if any."""
        level = self.level
        if not level:
            return ActivationChange()
        old = self._environ["CONDA_PREFIX"]
        leaving = self._facts(old)
        edit = _Edit(self._environ, self._options)
        edit.undo(level, leaving)
        below = self._environ.get(f"CONDA_PREFIX_{level - 1}", "") if level > 1 else ""
        if not below:
            edit.replace_in_path(old, "")
            edit.restore_own()
            return edit.change(leaving, None, path_first=True)
        edit.remove(f"CONDA_PREFIX_{level - 1}")
        stacked = f"CONDA_STACKED_{level}" in self._environ
        entering = None if stacked else self._facts(below)
        edit.remove(f"CONDA_STACKED_{level}")
        edit.replace_in_path(old, "" if stacked else below)
        edit.set_active(below, level - 1, entering)
        return edit.change(leaving, entering, path_first=True)

    def reactivate(self) -> ActivationChange:
        """Deactivate and activate the active environment, after it changed."""
        level = self.level
        if not level:
            return ActivationChange()
        prefix = self._environ["CONDA_PREFIX"]
        facts = self._facts(prefix)
        edit = _Edit(self._environ, self._options)
        edit.undo(level, facts)
        edit.replace_in_path(prefix, prefix)
        edit.set_active(prefix, level, facts)
        return edit.change(facts, facts)


def environment_name(prefix: str, root: str) -> str:
    """Return CONDA_DEFAULT_ENV: ``base``, the name below an ``envs`` directory, or the path."""
    if prefix == root:
        return "base"
    folder, name = os.path.split(prefix)
    return name if os.path.basename(folder) == "envs" else prefix


def plain_prompt_text(text: str) -> str:
    """Replace characters that a prompt would interpret by ``?``, so that no name runs code."""
    return "".join("?" if c in _PROMPT_SPECIAL or not c.isprintable() else c for c in text)


def path_entries(prefix: str, *, windows: bool) -> tuple[str, ...]:
    """Return the directories of an environment for PATH, in conda's order."""
    if not windows:
        return (f"{prefix}/bin",)
    libraries = ("ucrt64", "clang64", "mingw64", "clangarm64")
    system = next((n for n in libraries if os.path.isdir(f"{prefix}\\Library\\{n}\\bin")), None)
    found = (f"Library\\{system}\\bin",) if system else ()
    rest = ("Library\\mingw-w64\\bin", "Library\\usr\\bin", "Library\\bin", "Scripts", "bin")
    return (prefix, *(f"{prefix}\\{name}" for name in (*found, *rest)))


class _Edit:
    """A working copy of the variables that tracks which names were changed."""

    def __init__(self, environ: Mapping[str, str], options: ActivationOptions) -> None:
        self._before = environ
        self._now = dict(environ)
        self._changed: dict[str, None] = {}
        self._options = options

    def put(self, name: str, value: str) -> None:
        self._now[name] = value
        self._changed[name] = None

    def remove(self, name: str) -> None:
        self._now.pop(name, None)
        self._changed[name] = None

    def save(self, level: int, name: str) -> None:
        saved = f"__CONDA_SHLVL_{level}_{name}"
        if name in self._now:
            self.put(saved, self._now[name])
        else:
            self.remove(saved)

    def restore(self, level: int, name: str) -> None:
        saved = f"__CONDA_SHLVL_{level}_{name}"
        if saved in self._now:
            self.put(name, self._now[saved])
        else:
            self.remove(name)
        self.remove(saved)

    def save_own(self) -> None:
        for name in OWN_VARIABLES:
            self.save(0, name)

    def restore_own(self) -> None:
        self._show("")
        for name in OWN_VARIABLES:
            self.restore(0, name)

    def undo(self, level: int, facts: EnvironmentFacts | None) -> None:
        """Restore the variables that a level set.

        Their names are recorded, except where conda activated the environment.
        """
        names = self._now.get(f"_MINICON_NAMES_{level}")
        known = names.split() if names is not None else (facts.variables if facts else ())
        for name in known:
            self.restore(level - 1, name)
        self.remove(f"_MINICON_NAMES_{level}")

    def set_active(self, prefix: str, level: int, facts: EnvironmentFacts | None) -> None:
        """Set the variables of activation, and of the environment unless ``facts`` is None."""
        name = environment_name(prefix, self._options.root)
        modifier = self._modifier(prefix, name, level)
        self._show(modifier)
        own = (prefix, name, modifier, str(level))
        for variable, value in zip(OWN_VARIABLES, own, strict=True):
            self.put(variable, value)
        if facts is not None:
            for variable, value in facts.variables.items():
                self.save(level - 1, variable)
                self.put(variable, value)
            self.put(f"_MINICON_NAMES_{level}", "".join(f"{n} " for n in facts.variables))

    def replace_in_path(self, old: str, new: str) -> None:
        """Replace the first entries of ``old`` in PATH by those of ``new``; prepend if missing."""
        path = self._now.get("PATH", "")
        separator = ";" if self._options.windows else ":"
        wanted = path_entries(new, windows=self._options.windows) if new else ()
        removed = path_entries(old, windows=self._options.windows) if old else ()
        entries = path.split(separator) if path else []
        if removed and removed[0] in entries:
            start = entries.index(removed[0])
            stop = start + 1
            while stop < len(entries) and entries[stop] in removed[1:]:
                stop += 1
        elif not wanted:
            return
        else:
            start = stop = 0
        self.put("PATH", separator.join([*entries[:start], *wanted, *entries[stop:]]))

    def change(
        self,
        leaving: EnvironmentFacts | None,
        entering: EnvironmentFacts | None,
        *,
        path_first: bool = False,
    ) -> ActivationChange:
        """Return the difference between the variables before and now."""
        names = [n for n in self._changed if n not in ("PATH", "PS1")]
        shell = {"PS1": self._now["PS1"]} if "PS1" in self._changed else {}
        warnings = (leaving.warnings if leaving else ()) + (entering.warnings if entering else ())
        return ActivationChange(
            leave_scripts=leaving.scripts("deactivate", "") if leaving else (),
            unset=tuple(n for n in names if n not in self._now and n in self._before),
            set=shell,
            export={n: self._now[n] for n in names if n in self._now},
            path=self._now["PATH"] if "PATH" in self._changed else None,
            path_first=path_first,
            enter_scripts=entering.scripts("activate", "") if entering else (),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _show(self, modifier: str) -> None:
        prompt = self._now.get("PS1")
        if not prompt or "POWERLINE_COMMAND" in prompt or not self._options.changeps1:
            return
        if old := self._now.get("CONDA_PROMPT_MODIFIER"):
            prompt = prompt.replace(old, "", 1)
        self.put("PS1", modifier + prompt)

    def _modifier(self, prefix: str, name: str, level: int) -> str:
        if not self._options.changeps1:
            return ""
        return format_prompt(
            self._options.env_prompt,
            default_env=name,
            name=os.path.basename(prefix),
            prefix=prefix,
            stacked_env=self._stacked(name, level),
        )

    def _stacked(self, name: str, level: int) -> str:
        """Return the names of the environments on PATH, topmost first (conda's ``stacked_env``)."""
        shown: list[str] = []
        for each in range(1, level + 1):
            if f"CONDA_STACKED_{each}" not in self._now:
                shown = shown[:-1]
            below = self._now.get(f"CONDA_PREFIX_{each}", "")
            shown.append(name if each == level else environment_name(below, self._options.root))
        return ",".join(reversed(shown))


def format_prompt(template: str, **values: str) -> str:
    """Fill in ``{name}`` and the other placeholders of ``env_prompt``.

    Unknown placeholders are kept, since an invalid prompt must not prevent activation.
    """
    for name, value in values.items():
        template = template.replace("{" + name + "}", plain_prompt_text(value))
    return template
