"""Explanations as text and JSON: dependency chains, trees, queries and conflicts."""

from __future__ import annotations

from minicon.constants import PYPI_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from minicon.api.inspect.dependency_tree import TreeNode
    from minicon.api.inspect.explaining import Why, WhyNot
    from minicon.api.inspect.repoquery import QueryAnswer
    from minicon.cli.console import Console

_PYTHON = "python"
#: Packages that need python, up to which each of them says so.
_FEW = 2


def why_lines(answer: Why) -> Iterator[str]:
    """Yield the output of ``why``: one line per chain, each edge with its spec."""
    record = answer.record.record
    yield f"{record.name} {record.version} is installed because"
    for chain in answer.chains:
        first, *rest = chain.specs
        line = " → ".join([f"{first} (requested)", *rest])
        yield f"  {line}"
    if answer.has_more:
        yield "  … and more chains (show them with --limit N)"
    if not answer.chains:
        yield f"  {answer.note}"
        users = ", ".join(edge.parent for edge in answer.needed_by)
        if users:
            yield f"  required by {users}"


def why_document(answer: Why) -> dict[str, Any]:
    """Return the document of ``why --json``."""
    record = answer.record.record
    return {
        "name": record.name,
        "version": record.version,
        "chains": [
            {
                "requested": chain.requested,
                "steps": [
                    {"parent": s.parent, "name": s.name, "spec": s.spec} for s in chain.steps
                ],
            }
            for chain in answer.chains
        ],
        "has_more": answer.has_more,
        "needed_by": [{"name": edge.parent, "spec": edge.spec} for edge in answer.needed_by],
        "note": answer.note or None,
    }


def tree_lines(roots: Sequence[TreeNode]) -> Iterator[str]:
    """Yield the output of ``tree``; marks say why the dependencies of a package are not shown.

    Nearly every package needs python: below several packages, it is said once, at the end.
    """
    needing = {node.name for root in roots for node in _nodes(root) if _needs_python(node)}
    hidden = _PYTHON if len(needing) > _FEW else ""
    for root in roots:
        yield _node_text(root)
        yield from _branch_lines(root, "", hidden)
    if hidden:
        yield f"({len(needing)} of these packages need {hidden}, which is not repeated)"


def _nodes(node: TreeNode) -> Iterator[TreeNode]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.branches


def _needs_python(node: TreeNode) -> bool:
    return any(branch.name == _PYTHON and not branch.branches for branch in node.branches)


def _branch_lines(node: TreeNode, indent: str, hidden: str) -> Iterator[str]:
    shown = [branch for branch in node.branches if branch.name != hidden or branch.branches]
    for number, branch in enumerate(shown, 1):
        last = number == len(shown)
        yield f"{indent}{'└─ ' if last else '├─ '}{_node_text(branch)}"
        yield from _branch_lines(branch, indent + ("   " if last else "│  "), hidden)


def _node_text(node: TreeNode) -> str:
    name, _, rest = node.spec.partition(" ")
    wanted = rest if name == node.name else node.spec
    spec = f"  [{wanted}]" if wanted else ""
    mark = f"  ({node.mark.value})" if node.mark.value else ""
    return f"{node.name} {node.version}".rstrip() + spec + mark


def why_not_text(answer: WhyNot, console: Console, *, whole: bool) -> str:
    """Return the output of ``why-not``: what is installed, and the conflict or the plan.

    Args:
        answer: The result.
        console: For the plan's colours.
        whole: Show every sentence of a long explanation.
    """
    from minicon.cli.render.plan import plan_text

    installed, newest = answer.installed, answer.newest
    there = [f"{installed.name} {installed.version} is installed"] if installed else []
    if there and answer.requested:
        there = [f"{there[0]}, since you requested {answer.requested}"]
    if answer.error is not None:
        if there and newest:
            there = [f"{there[0]}; {newest.version} is held back:"]
        return "\n".join([*there, *_error_lines(answer, whole=whole)])
    if answer.plan is None or answer.plan.is_empty:
        is_newest = newest or (installed and answer.spec == f"{PYPI_PREFIX}{installed.name}")
        why = "no source has a newer version" if is_newest else f"it matches {answer.spec}"
        return "; ".join([*there, why])
    built = answer.built_from_source
    possible = "may be possible" if built else "is possible"
    changes = "; ".join([*there, f"{answer.spec} {possible}"])
    lines = [f"{changes}. This would change:", "", plan_text(answer.plan, console)]
    return "\n".join([*built, *lines])


def _error_lines(answer: WhyNot, *, whole: bool) -> Iterator[str]:
    error = answer.error
    assert error is not None
    explanation = answer.explanation()
    message = error.message
    if whole and explanation and explanation["sentences"]:
        sentences = (f"  {sentence}" for sentence in explanation["sentences"])
        message = "\n".join([message.split("\n", 1)[0], *sentences])
    yield message
    if error.context:
        yield f"context: {error.context}"
    if error.hint:
        yield f"hint: {error.hint}"


def why_not_document(answer: WhyNot) -> dict[str, Any]:
    """Return the document of ``why-not --json``."""
    document: dict[str, Any] = {
        "spec": answer.spec,
        "possible": answer.is_possible,
        "installed": answer.installed.dist_name if answer.installed else None,
        "newest": answer.newest.dist_name if answer.newest else None,
    }
    if answer.error is not None:
        document.update(
            reference=answer.error.reference,
            message=answer.error.message,
            hint=answer.error.hint,
            explanation=answer.explanation(),
        )
    elif answer.plan is not None:
        document["actions"] = answer.plan.transaction.to_json(fetch=frozenset(answer.plan.fetch))
        document["notes"] = list(answer.built_from_source)
    return document


def query_rows(answer: QueryAnswer) -> Iterator[tuple[str, ...]]:
    """Yield the rows of ``repoquery depends`` and ``whoneeds``: a header and one row per record."""
    from minicon.cli.render.listing import short_channel

    yield ("# Name", "Version", "Build", "Depends", "Channel", "Subdir")
    for match in answer.matches:
        record = match.record
        if record is None:
            where = "virtual" if match.spec.startswith("__") else "not found"
            yield (match.spec.split(" ", 1)[0], "-", "-", match.spec, where, "")
        else:
            source = (short_channel(record.channel), record.subdir)
            yield (record.name, record.version, record.build, match.spec, *source)


def query_document(answer: QueryAnswer, query: str, spec: str) -> dict[str, Any]:
    """Return the document of ``repoquery --json``, in the format of mamba."""
    packages = [{**m.record.to_json(), "spec": m.spec} for m in answer.matches if m.record]
    unmet = [match.spec for match in answer.matches if match.record is None]
    return {
        "query": {"query": spec, "type": query},
        "result": {
            "graph_roots": [root.to_json() for root in answer.roots],
            "pkgs": packages,
            "unmet": [spec for spec in unmet if not spec.startswith("__")],
            "status": "OK",
        },
    }
