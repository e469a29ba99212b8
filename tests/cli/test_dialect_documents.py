"""The documents of ``--json`` in conda's dialect: its keys, exit codes and names of errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.test_dialects import Program
from tests.support.command_line import CommandLine


@pytest.fixture
def conda(data: CommandLine) -> Program:
    return Program(data, "conda")


_ERROR = "caused_by error exception_name exception_type message"
_NOT_FOUND = f"{_ERROR} channel_urls channels_formatted packages packages_formatted"
_RECORD = "name version build build_number channel subdir fn md5 url sha256 arch platform depends"
#: Command lines, the exit codes of conda 26.7, the keys of its documents, and names of errors.
DOCUMENTS = [
    ("list -n nope", 1, f"{_ERROR} location", "EnvironmentLocationNotFound"),
    ("list -p ./nope", 1, f"{_ERROR} location", "EnvironmentLocationNotFound"),
    ("list -n data zzz", 1, _ERROR, "CondaValueError"),
    ("remove -n nope --all -y", 1, f"{_ERROR} location", "EnvironmentLocationNotFound"),
    ("env remove -n nope -y", 1, f"{_ERROR} location", "EnvironmentLocationNotFound"),
    ("rename -n nope other", 1, f"{_ERROR} location", "EnvironmentLocationNotFound"),
    ("create -n new --clone nope -y", 1, f"{_ERROR} location", "EnvironmentLocationNotFound"),
    ("search nothing", 1, _NOT_FOUND, "PackagesNotFoundError"),
    ("search nothing --envs", 1, _NOT_FOUND, "PackagesNotFoundError"),
    ("install -n data nothing-here -y", 1, _NOT_FOUND, "PackagesNotFoundError"),
    (
        "remove -n data nothing-here -y",
        1,
        f"{_ERROR} package_name packages_formatted prefix",
        "PackagesNotFoundError",
    ),
    ("update -n data lone -y", 1, f"{_ERROR} package_name prefix", "PackageNotInstalledError"),
    ("create -n data hello --dry-run", 1, _ERROR, "CondaValueError"),
    ("create -y hello", 2, _ERROR, "ArgumentError"),
    ("clean", 2, _ERROR, "ArgumentError"),
    ("env create -f nothing.yml", 1, f"{_ERROR} filename", "EnvironmentFileNotFound"),
    ("create -n new -y --file nothing.txt", 1, f"{_ERROR} filename", "EnvironmentFileNotFound"),
    ("config --set nokey 1", 1, f"{_ERROR} key msg", "CondaKeyError"),
    ("config --remove-key nokey", 1, f"{_ERROR} key msg", "CondaKeyError"),
    ("config --remove channels no", 1, f"{_ERROR} key msg", "CondaKeyError"),
    ("config --show nokey", 2, _ERROR, "ArgumentError"),
    ("config --set channels x", 1, f"{_ERROR} key msg", "CondaKeyError"),
    ("config --append offline true", 1, _ERROR, "CondaValueError"),
    (
        "config --set offline maybe",
        1,
        f"{_ERROR} parameter_name parameter_value source",
        "CustomValidationError",
    ),
    (
        "search hello -c ./nothing --override-channels",
        1,
        f"{_ERROR} channel_name channel_url json reason response_details status_code",
        "UnavailableInvalidChannel",
    ),
    ("config --set solver classic", 0, "success rc_path warnings get", ""),
    ("config --append channels x", 0, "success rc_path warnings get", ""),
    ("config --get nokey", 0, "success rc_path warnings get", ""),
    ("config --show solver report_errors", 0, "solver report_errors", ""),
    ("create -n copy --clone data -y", 0, "success src_prefix dst_prefix untracked_files", ""),
    ("rename -n data other -y", 0, "success src_prefix dst_prefix untracked_files", ""),
    ("env update -n new -f environment.yml", 0, "success actions prefix", ""),
    ("info --unsafe-channels", 0, "channels", ""),
    ("info --system", 0, "conda_version env_vars envs_details notices_cache_dir tmp_dir", ""),
]


@pytest.mark.parametrize(("text", "code", "keys", "name"), DOCUMENTS)
def test_documents_have_keys_of_conda(
    conda: Program, text: str, code: int, keys: str, name: str
) -> None:
    Path("environment.yml").write_text("dependencies: [lone]\n")
    done = conda(f"{text} --json")
    assert (done.code, done.json.get("exception_name", "")) == (code, name), done.out
    assert not set(keys.split()) - done.json.keys()


def test_lists_have_keys_of_conda(conda: Program) -> None:
    listed = {
        "list -n data --canonical": "base_url build_string channel dist_name platform",
        "list -n data --size": "size name",
        "config --describe channels": "aliases default_value element_types name parameter_type",
        "search hello --envs": "location package_records",
    }
    for text, keys in listed.items():
        first, *_ = conda(f"{text} --json").ok().json
        assert not set(keys.split()) - first.keys(), text
    assert conda("notices --json").ok().json == []
    (found,) = conda("search hello --envs --json").ok().json
    assert not set(_RECORD.split()) - found["package_records"][0].keys()
    (newest, _) = conda("search hello --json").ok().json["hello"]
    assert not set(f"{_RECORD} constrains".split()) - newest.keys()


def test_settings_have_keys_of_conda(conda: Program) -> None:
    shown = conda("config --show --json").ok().json
    missing = "clobber conda_build croot export_platforms list_fields preview sat_solver"
    assert not set(missing.split()) - shown.keys()
    assert shown["custom_channels"]["pkgs/main"]["location"] == "repo.anaconda.com"
    assert [each["name"] for each in shown["default_channels"]] == ["pkgs/main", "pkgs/r"]
    assert shown["custom_multichannels"].keys() == {"defaults", "local"}
    assert shown["channel_alias"]["name"] == ""


def test_what_conda_says_of_a_search_without_match(conda: Program) -> None:
    missing = conda("search nothing")
    assert (missing.code, missing.out) == (1, "No match found for: nothing. Search: *nothing*\n")
    near = conda("search ell").ok().out
    assert near.startswith("No match found for: ell. Search: *ell*\n# Name")
    assert "hello" in near
    exact = conda("search ell --skip-flexible-search")
    assert (exact.code, exact.out) == (1, "")
    versions = conda("search hello>9")
    assert versions.out == "No match found for: hello>9. Search: *hello*>9\n"


def test_columns_of_a_list(conda: Program) -> None:
    lines = conda("list -n data --fields name,version,channel_name").ok().out.splitlines()
    assert lines[2].split() == ["#", "Name", "Version", "Channel"]
    assert lines[-1].split()[:2] == ["hello", "1.0"]
    sized = conda("list -n data --size").ok().out.splitlines()
    assert sized[1].startswith("# environment size: ")
    assert sized[3].split()[-1] == "Size"
    unknown = conda("list -n data --fields nothing")
    assert (unknown.code, unknown.err.partition("\n")[0]) == (1, "error: unknown field 'nothing'")


def test_packages_are_removed_by_features_and_all_at_once(conda: Program) -> None:
    absent = conda("remove -n data -y --features mkl --json")
    assert (absent.code, absent.json["packages"]) == (1, ["*[track_features=[mkl]]"])
    conda("remove -n data -y --all --keep-env").ok()
    assert conda("list -n data --json").ok().json == []


def test_an_environment_is_exported_for_another_platform(conda: Program) -> None:
    conda("create -y -n alone lone").ok()
    document = conda("export -n alone --platform osx-arm64 --override-platforms --json").ok().json
    assert document["dependencies"] == ["lone=0.1=0"]
    text = conda("export -n alone --platform osx-arm64 --format requirements").ok().out
    assert "# platform: osx-arm64\n" in text
    explicit = conda("export -n alone --subdir osx-arm64 --format explicit").ok().out
    assert "/noarch/lone-0.1-0.conda" in explicit
    missing = conda("export -n data --platform osx-arm64 --json")
    assert (missing.code, missing.json["packages"]) == (1, ["hello"])
