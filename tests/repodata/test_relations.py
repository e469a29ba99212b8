"""Channel relations: the order that CEP 42 requires."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import ChannelError
from minicon.repodata.channels.relations import Relations, priority_order, relations_of

HOST = "https://conda.example.org"


def info(**relations: object) -> dict:
    return {"channel_relations": relations}


@pytest.mark.parametrize(
    ("base", "reference", "url"),
    [
        (f"{HOST}/bioconda", "../conda-forge", f"{HOST}/conda-forge"),
        (f"{HOST}/conda-forge/label/rc", "../..", f"{HOST}/conda-forge"),
        ("file:///srv/a", "../b", "file:///srv/b"),
        ("s3://bucket/team/a", "../b", "s3://bucket/team/b"),
        ("oci://host:5000/team/a", "../../b", "oci://host:5000/b"),
    ],
)
def test_references_are_relative_to_the_channel(base, reference, url) -> None:
    assert relations_of(base, [info(base=reference, more=1), {}]) == Relations((url,))


@pytest.mark.parametrize(
    "reference",
    ["conda-forge", "https://evil.example/x", "/x", "../../..", "../a", "..%2fx", 3, "..\\x"],
)
def test_other_references_are_refused(reference) -> None:
    with pytest.raises(ChannelError) as caught:
        relations_of(f"{HOST}/a", [info(base=reference)])
    assert caught.value.reference == "invalid-relations"


def test_base_and_overridden_may_not_be_the_same() -> None:
    with pytest.raises(ChannelError):
        relations_of(f"{HOST}/a", [info(base="../b"), info(overrides="../b")])


@pytest.mark.parametrize(
    ("named", "relations", "order"),
    [
        ("bio", {"bio": ("forge", "")}, "forge bio"),
        ("rc", {"rc": ("", "main")}, "rc main"),
        ("my", {"my": ("bio", ""), "bio": ("forge", "")}, "forge bio my"),
        ("my", {"my": ("forge", "fixes")}, "forge my fixes"),
        ("forge bio", {"bio": ("forge", "")}, "forge bio"),
        ("bio forge", {"bio": ("forge", "")}, "bio forge"),
        ("a b", {"b": ("x", "")}, "a x b"),
        ("a b", {"a": ("", "x")}, "a x b"),
        ("a b", {"a": ("", "b")}, "a b"),
    ],
)
def test_the_examples_of_the_cep_and_neighbours(named, relations, order) -> None:
    stated = {
        name: Relations(tuple(filter(None, [base])), tuple(filter(None, [over])))
        for name, (base, over) in relations.items()
    }
    for name in order.split():
        stated.setdefault(name, Relations())
    assert " ".join(priority_order(named.split(), stated)) == order


def test_a_cycle_is_an_error() -> None:
    circle = {"a": Relations(("b",)), "b": Relations(("a",))}
    with pytest.raises(ChannelError) as caught:
        priority_order(["a"], circle)
    assert caught.value.reference == "relations-cycle"
    assert priority_order(["a", "b"], circle) == ["a", "b"], "the order of the user"


names = st.sampled_from("abcdef")


@given(
    st.lists(names, unique=True, min_size=1),
    st.dictionaries(
        names,
        st.builds(
            Relations,
            st.lists(names, max_size=2).map(tuple),
            st.lists(names, max_size=2).map(tuple),
        ),
    ),
)
def test_every_order_satisfies_all_edges(named, stated) -> None:
    for url in [*named, *(u for r in list(stated.values()) for u in r.urls)]:
        stated.setdefault(url, Relations())
    positions = {url: position for position, url in enumerate(named)}
    edges = list(itertools.pairwise(named))
    for url, related in stated.items():
        for earlier, later in [(b, url) for b in related.bases] + [
            (url, o) for o in related.overrides
        ]:
            if not (
                earlier in positions
                and later in positions
                and positions[earlier] > positions[later]
            ):
                edges.append((earlier, later))
    possible = any(
        all(order.index(a) < order.index(b) for a, b in edges)
        for order in itertools.permutations(stated)
    )
    try:
        order = priority_order(named, stated)
    except ChannelError:
        assert not possible
    else:
        assert sorted(order) == sorted(stated)
        assert all(order.index(a) < order.index(b) for a, b in edges)
