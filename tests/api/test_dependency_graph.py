"""The graph's chains and trees, compared with a simple search in small random graphs."""

from __future__ import annotations

import json
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st
from tests.support.growth import assert_linear_steps

from minicon.api.dependency_graph import DependencyGraph
from minicon.api.inspect.dependency_tree import (
    MAX_DEPTH,
    Mark,
    TreeNode,
    dependency_tree,
    whole_tree,
)
from minicon.cli.render.explanations import tree_lines
from minicon.models.prefix_record import PrefixRecord
from minicon.models.records import RepodataRecord

NAMES = "abcdef"


def record(name: str, *depends: str, version: str = "1.0", **fields: object) -> PrefixRecord:
    data = {"name": name, "version": version, "build": "0", "depends": list(depends), **fields}
    package = RepodataRecord(data, channel="c", subdir="noarch", fn=f"{name}.conda", url="u")
    return PrefixRecord(package, files=(), paths=())


def graph_of(edges: dict[str, set[str]]) -> DependencyGraph:
    records = [record(name, *sorted(edges.get(name, ()))) for name in NAMES]
    return DependencyGraph(records, platform="linux-64")


def simple_ways(edges: dict[str, set[str]], roots: set[str], goal: str) -> set[tuple[str, ...]]:
    """Return every chain without repetition, by trying all."""
    found = set()
    waiting = [(root,) for root in roots]
    while waiting:
        way = waiting.pop()
        if way[-1] == goal:
            found.add(way)
            continue
        waiting += [(*way, name) for name in edges.get(way[-1], ()) if name not in way]
    return found


EDGES = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)))


@given(edges=EDGES, roots=st.sets(st.sampled_from(NAMES)), goal=st.sampled_from(NAMES))
def test_chains_are_all_simple_paths_shortest_first(
    edges: dict[str, set[str]], roots: set[str], goal: str
) -> None:
    chains = list(graph_of(edges).chains(roots, goal))
    names = [(chain[0].parent, *(e.name for e in chain)) if chain else (goal,) for chain in chains]
    assert set(names) == simple_ways(edges, roots, goal)
    assert len(names) == len(set(names))
    assert [len(way) for way in names] == sorted(len(way) for way in names)


@given(edges=EDGES)
def test_the_whole_tree_expands_every_package_once(edges: dict[str, set[str]]) -> None:
    opened: list[str] = []

    def walk(node: TreeNode) -> None:
        if node.branches:
            opened.append(node.name)
            assert {branch.name for branch in node.branches} == edges[node.name]
        seen.add(node.name)
        for branch in node.branches:
            walk(branch)

    seen: set[str] = set()
    for root in whole_tree(graph_of(edges), []):
        walk(root)
    assert seen == set(NAMES)
    assert len(opened) == len(set(opened))
    assert set(opened) == {name for name, needed in edges.items() if needed}


def test_the_first_chains_of_a_dense_graph_are_found_quickly() -> None:
    layers = [[f"n{depth}-{i}" for i in range(12)] for depth in range(12)]
    records = [record("top", *layers[0])]
    for above, below in zip(layers, [*layers[1:], ["goal"]], strict=True):
        records += [record(name, *below) for name in above]
    graph = DependencyGraph([*records, record("goal")], platform="linux-64")
    found = list(islice(graph.chains(["top"], "goal"), 5))
    assert [len(chain) for chain in found] == [13] * 5


def test_edges_keep_the_dependency_as_written() -> None:
    graph = DependencyGraph(
        [record("a", "conda-forge::b >=1,<2 py*"), record("b")], platform="linux-64"
    )
    (edge,) = graph.dependencies("a")
    assert (edge.name, edge.spec) == ("b", "conda-forge::b >=1,<2 py*")
    assert graph.dependents("b") == (edge,)


def test_unknown_virtual_packages_count_as_satisfied() -> None:
    graph = DependencyGraph(
        [record("a", "__glibc >=2.28", "__cuda >=12", "b >=2"), record("b")], platform="linux-64"
    )
    glibc = record("__glibc", version="2.17").record
    assert [edge.spec for edge in graph.unmet({"__glibc": glibc})] == ["__glibc >=2.28", "b >=2"]


def test_markers_of_requires_dist_are_evaluated() -> None:
    by_hand = record(
        "web",
        requires_dist=[
            "b>=1; python_version >= '3.8'",
            "gone; python_version < '3'",
            "extra-thing; extra == 'more'",
            "no requirement at all [",
        ],
    )
    graph = DependencyGraph(
        [by_hand, record("b"), record("python", version="3.11.7")], platform="linux-64"
    )
    assert [(edge.name, edge.spec) for edge in graph.dependencies("web")] == [("b", "b >=1")]


def test_marks_explain_why_a_node_is_not_expanded() -> None:
    records = [record("a", "b", "c"), record("b", "c", "missing"), record("c", "a")]
    graph = DependencyGraph(records, platform="linux-64")
    (root,) = dependency_tree(graph, ["a"])
    b, c = root.branches
    assert (c.name, c.mark) == ("c", Mark.SHOWN)
    inner, missing = b.branches
    assert [(each.name, each.mark) for each in inner.branches] == [("a", Mark.CYCLE)]
    assert (missing.mark, missing.version) == (Mark.MISSING, "")
    (shallow,) = dependency_tree(graph, ["a"], depth=1)
    assert [branch.mark for branch in shallow.branches] == [Mark.DEEPER, Mark.DEEPER]
    (inverted,) = dependency_tree(graph, ["c"], inverted=True)
    assert [branch.name for branch in inverted.branches] == ["a", "b"]


def test_two_dependencies_on_one_name_are_two_chains() -> None:
    records = [record("a", "b >=1", "b"), record("b")]
    graph = DependencyGraph(records, platform="linux-64")
    assert [[edge.spec for edge in chain] for chain in graph.chains(["a"], "b")] == [
        ["b"],
        ["b >=1"],
    ]


def chain_of(size: int) -> DependencyGraph:
    records = [record(f"p{number}", f"p{number + 1}") for number in range(size - 1)]
    return DependencyGraph([*records, record(f"p{size - 1}")], platform="linux-64")


def test_a_long_chain_is_continued_at_roots_of_their_own() -> None:
    size = 2 * MAX_DEPTH + 50
    for trees in (
        whole_tree(chain_of(size), []),
        dependency_tree(chain_of(size), [f"p{size - 1}"], inverted=True),
    ):
        assert len(trees) == 3
        lines = list(tree_lines(trees))
        assert {line.split("─ ")[-1].split()[0] for line in lines} == set(chain_of(size).records)
        assert max(map(len, lines)) < 4 * MAX_DEPTH
        assert json.dumps([tree.to_json() for tree in trees]).count("deeper") == 2
    (limited,) = whole_tree(chain_of(size), [], depth=10 * MAX_DEPTH)
    assert list(tree_lines([limited]))[-1].endswith("(more below)")


def test_the_tree_grows_with_the_packages_and_no_faster() -> None:
    def tree(graph: DependencyGraph) -> object:
        return whole_tree(graph, [name for name in graph.records if len(name) % 2])

    assert_linear_steps(tree, chain_of, 200)
    independent = lambda size: DependencyGraph(  # noqa: E731
        [record(f"p{number}") for number in range(size)], platform="linux-64"
    )
    assert_linear_steps(tree, independent, 200)
