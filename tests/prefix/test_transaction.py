"""Transactions: pure data between an environment and a solution."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import Extracted, apply, executor, extract, plan, python_package

from minicon.errors import PrefixError
from minicon.models.records import RepodataRecord
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.plan.transaction import Transaction, is_same_package


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, Extracted]:
    builders = {
        "tool1": PackageBuilder("tool").version("1").file("t", "1"),
        "tool2": PackageBuilder("tool").version("2").file("t", "2"),
        "base": PackageBuilder("base").file("b", "b"),
        "python": python_package(),
        "pure": PackageBuilder("pure").noarch("python").file("site-packages/p.py", ""),
    }
    return {name: extract(builder, tmp_path / "pkgs") for name, builder in builders.items()}


def names(records: object) -> list[str]:
    return [record.name for record in records]  # type: ignore[attr-defined]


def test_kinds_of_change(tmp_path: Path, packages: dict[str, Extracted]) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, packages["base"], packages["tool1"])
    transaction, _ = plan(env, packages["python"], packages["tool2"])
    ((old, new),) = transaction.changes
    assert (old.record.version, new.version) == ("1", "2")
    assert transaction.reinstalls == ()
    assert not transaction.is_empty
    same, _ = plan(env, packages["base"], packages["tool1"])
    assert same.is_empty
    assert names(same.unchanged) == ["base", "tool"]
    again, _ = plan(env, packages["base"], packages["tool1"], reinstall=["tool"])
    assert names(again.reinstalls) == ["tool"]
    assert again.changes == ()


def test_json(tmp_path: Path, packages: dict[str, Extracted]) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, packages["tool1"])
    transaction, _ = plan(env, packages["base"])
    actions = transaction.to_json(fetch={packages["base"].record})
    base = {
        "base_url": "https://channel.test/main",
        "build_number": 0,
        "build_string": "0",
        "build": "0",
        "channel": "https://channel.test/main",
        "depends": [],
        "dist_name": "base-1.0-0",
        "fn": "base-1.0-0.conda",
        "name": "base",
        "platform": "linux-64",
        "sha256": None,
        "source": "conda",
        "url": "https://channel.test/main/linux-64/base-1.0-0.conda",
        "version": "1.0",
    }
    whole = {"subdir": "linux-64", "md5": None, "size": None, "constrains": []}
    (linked,) = actions["LINK"]
    assert actions["FETCH"] == [linked]
    assert {**base, **whole}.items() <= linked.items()
    assert [d["name"] for d in actions["UNLINK"]] == ["tool"]
    assert actions["PREFIX"] == str(env)
    assert transaction.to_json()["FETCH"] == []
    json.dumps(actions)


def test_a_plan_can_be_kept_and_applied(tmp_path: Path, packages: dict[str, Extracted]) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, packages["base"], packages["tool1"])
    transaction, cached = plan(
        env, packages["base"], packages["tool2"], requested={"tool": ("tool>1",)}
    )
    text = json.dumps(transaction.to_plan())
    again = Transaction.from_plan(json.loads(text), Prefix(env).records())
    assert again.to_plan() == transaction.to_plan()
    executor().execute(again, cached)
    assert (env / "t").read_text() == "2"
    with pytest.raises(PrefixError, match="changed since the plan"):
        Transaction.from_plan(json.loads(text), Prefix(env).records())
    for bad in ({}, {**json.loads(text), "version": 9}, {"version": 1, "link": 3}):
        with pytest.raises(PrefixError, match="cannot be read"):
            Transaction.from_plan(bad, Prefix(env).records())


def test_a_transaction_of_another_state_is_refused(
    tmp_path: Path, packages: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, packages["tool1"])
    transaction, cached = plan(env, packages["tool2"])
    apply(env, packages["tool1"], packages["base"])
    with pytest.raises(PrefixError, match="changed while minicon was planning") as caught:
        executor().execute(transaction, cached)
    assert "base-1.0-0.json" in caught.value.message
    assert (env / "t").read_text() == "1"


def test_noarch_python_is_linked_again_for_another_minor(
    tmp_path: Path, packages: dict[str, Extracted]
) -> None:
    env = tmp_path / "envs" / "data"
    olds = [extract(python_package(v), tmp_path / "pkgs") for v in ("3.8.1", "3.8.2", "3.9.0")]
    apply(env, olds[0], packages["pure"])
    patch, _ = plan(env, olds[1], packages["pure"])
    assert names(patch.link) == ["python"]
    minor, _ = plan(env, olds[2], packages["pure"])
    assert names(minor.link) == ["python", "pure"]
    assert names(minor.reinstalls) == ["pure"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({}, {}, True),
        ({"sha256": "a"}, {"sha256": "a", "md5": "x"}, True),
        ({"sha256": "a"}, {"sha256": "b"}, False),
        ({"sha256": "a"}, {}, True),
        ({"md5": "a"}, {"md5": "b"}, False),
        ({"version": "2"}, {}, False),
        ({"build": "1"}, {}, False),
    ],
)
def test_same_package(first: dict[str, str], second: dict[str, str], *, same: bool) -> None:
    def record(fields: dict[str, str], channel: str) -> RepodataRecord:
        data = {"name": "x", "version": "1", "build": "0", **fields}
        return RepodataRecord(data, channel=channel, subdir="noarch", fn="x", url="")

    assert is_same_package(record(first, "conda-forge"), record(second, "https://x/y")) is same


def test_requested_specs_are_recorded(tmp_path: Path, packages: dict[str, Extracted]) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, packages["base"], packages["tool1"], requested={"tool": ("tool", "tool>=1")})
    record = Prefix(env).record("tool")
    assert record is not None
    assert record.requested_specs == ("tool", "tool>=1")
    base = Prefix(env).record("base")
    assert base is not None
    assert base.requested_specs == ()
    apply(env, packages["base"], packages["tool1"], requested={"base": ("base",)})
    base = Prefix(env).record("base")
    assert base is not None
    assert base.requested_specs == ("base",)
