"""Extras as pip writes them, in a spec for a conda package: what to write instead."""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.version_spec import spec_error

_EXTRAS = lazy_pattern(
    r"([^\s\[]+::)?([A-Za-z0-9_.\-]+)\[([A-Za-z0-9_.\-]+(?:,\s*[A-Za-z0-9_.\-]+)*)\]\s*((?:[=<>!~][^\[;@:]*)?)"
)


def refuse_extras_of_pip(text: str) -> None:
    """Say how conda writes the extras of a spec that cannot be read: ``dask[complete]>=2``.

    Raises:
        SpecError: It has extras as pip writes them.
    """
    text = text.strip()
    found = _EXTRAS.fullmatch(text)
    if found is not None:
        channel, name, extras, version = found.groups("")
        hint = (
            f"write pypi:{name}[{extras}]{version} for the project of PyPI, "
            f"{channel}{name}{version}[extras=[{extras}]] for a conda package"
        )
        why = "conda's specs write extras otherwise"
        raise spec_error(text, found.span(3), why, hint)
