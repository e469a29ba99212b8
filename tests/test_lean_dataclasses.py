"""The lean decorator behaves as the standard one."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import threading
from typing import ClassVar

import pytest

from minicon import lean_dataclasses
from minicon.lazy_pattern import lazy_pattern

BOTH = pytest.mark.parametrize("module", [dataclasses, lean_dataclasses], ids=["std", "lean"])


def point(module, **options):
    @module.dataclass(slots=True, **options)
    class Point:
        """A point."""

        kind: ClassVar[str] = "point"
        x: int
        y: int = 2
        names: list[str] = module.field(default_factory=list)
        secret: str = module.field(default="s", repr=False, compare=False)

        def both(self) -> int:
            return self.x + self.y

    return Point


@BOTH
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("kw_only", [True, False])
def test_making_comparing_and_showing(module, frozen: bool, kw_only: bool) -> None:
    made = point(module, frozen=frozen, kw_only=kw_only)
    one, same, other = made(x=1), made(x=1, secret="t"), made(x=1, names=["a"])
    assert one == same
    assert one != other
    assert one != (1, 2, [])
    assert one.names is not same.names
    assert repr(one).endswith("Point(x=1, y=2, names=[])")
    assert one.both() == 3
    assert (made.kind, made.__doc__) == ("point", "A point.")
    assert not hasattr(one, "__dict__")
    assert made.__match_args__ == (() if kw_only else ("x", "y", "names", "secret"))
    changed = module.replace(one, y=5)
    assert (changed.x, changed.y, one.y) == (1, 5, 2)
    assert [each.name for each in module.fields(made)] == ["x", "y", "names", "secret"]
    assert module.asdict(one) == {"x": 1, "y": 2, "names": [], "secret": "s"}


@BOTH
def test_wrong_arguments_are_refused(module) -> None:
    made = point(module, kw_only=True)
    for arguments, named in (((1,), {}), ((), {}), ((), {"x": 1, "z": 2})):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            made(*arguments, **named)
    with pytest.raises(TypeError):
        module.replace(made(x=1), z=2)


@BOTH
def test_frozen_ones_do_not_change_and_can_be_keys(module) -> None:
    @module.dataclass(frozen=True, slots=True)
    class Key:
        a: str
        b: tuple[int, ...] = ()

    key = Key("a")
    assert {key: 1}[Key("a")] == 1
    for change in (lambda: setattr(key, "a", "b"), lambda: delattr(key, "a")):
        with pytest.raises(AttributeError):
            change()
    assert copy.copy(key) == key
    assert key.a == "a"


@BOTH
def test_those_that_change_are_no_keys(module) -> None:
    made = point(module)
    one = made(1)
    one.x = 7
    assert one.both() == 9
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@BOTH
def test_own_methods_stay(module) -> None:
    @module.dataclass(frozen=True, slots=True)
    class Name:
        text: str
        note: str = ""

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Name) and self.text.lower() == other.text.lower()

        def __hash__(self) -> int:
            return hash(self.text.lower())

        def __repr__(self) -> str:
            return f"<{self.text}>"

    assert len({Name("A"), Name("a", "again")}) == 1
    assert repr(Name("A")) == "<A>"


@BOTH
def test_fields_are_inherited_and_ordered(module) -> None:
    @module.dataclass(frozen=True, slots=True, order=True)
    class Base:
        a: int

    @module.dataclass(frozen=True, slots=True, order=True)
    class More(Base):
        b: int = 0

    assert sorted([More(2), More(1, 5), More(1)]) == [More(1), More(1, 5), More(2)]
    assert More(1) >= More(1) > More(0)
    assert (More(1, 2).a, More(1, 2).b) == (1, 2)
    assert not hasattr(More(1), "__dict__")


@lean_dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    inner: tuple[int, ...]
    kept: Kept | None = None


def test_they_are_pickled_and_nested() -> None:
    kept = Kept((1, 2), Kept((3,)))
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert lean_dataclasses.asdict(kept) == {
        "inner": (1, 2),
        "kept": {"inner": (3,), "kept": None},
    }


def test_the_first_instances_may_be_made_by_many_threads_at_once() -> None:
    made = point(lean_dataclasses)
    results: list[object] = []
    start = threading.Barrier(8)

    def make(number: int) -> None:
        start.wait()
        results.append(made(number, y=number).both())

    threads = [threading.Thread(target=make, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [2 * n for n in range(8)]


def test_a_pattern_is_compiled_when_it_is_first_used() -> None:
    pattern = lazy_pattern(r"(a)(b)?")
    assert pattern.fullmatch("ab")
    assert pattern.sub("x", "cab") == "cx"
    assert (pattern.pattern, pattern.findall("a ab")) == (r"(a)(b)?", [("a", ""), ("a", "b")])
    with pytest.raises(AttributeError):
        pattern.nothing  # noqa: B018
