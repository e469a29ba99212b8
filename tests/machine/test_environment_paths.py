from __future__ import annotations

from tests.support.interpreters import make_facts

from minicon.machine.host_packages.layout import command_name, executable, site_packages


def test_paths() -> None:
    facts = make_facts("3.11.7")
    assert command_name(facts) == "python3.11"
    assert executable(facts) == "bin/python"
    assert site_packages(facts) == "lib/python3.11/site-packages"


def test_paths_of_other_builds() -> None:
    threads = make_facts("3.13.1", is_free_threaded=True, abiflags="t")
    assert command_name(threads) == "python3.13t"
    assert site_packages(threads) == "lib/python3.13t/site-packages"
    assert site_packages(make_facts("3.10.14", implementation="pypy")) == (
        "lib/pypy3.10/site-packages"
    )
    windows = make_facts(platform="win-64")
    assert (executable(windows), site_packages(windows)) == ("python.exe", "Lib/site-packages")
