"""Command lines of conda, mamba and micromamba, by the name that minicon was started with."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.commands import Outcome

from minicon.cli.dialects.choice import dialect_named, dialect_of, implied_variables
from minicon.cli.main import main


class Program:
    """Another name of the command line."""

    def __init__(self, line: CommandLine, name: str) -> None:
        self.line, self.dialect = line, dialect_named(name)

    def __call__(self, text: str) -> Outcome:
        self.line.capture.readouterr()
        self.line.monkeypatch.setattr("sys.stdin", io.StringIO())  # at its end
        code = main(shlex.split(text), self.dialect)
        out, err = self.line.capture.readouterr()
        return Outcome(code, out, err)


@pytest.fixture
def conda(data: CommandLine) -> Program:
    return Program(data, "conda")


@pytest.fixture
def micromamba(data: CommandLine) -> Program:
    return Program(data, "micromamba")


@pytest.fixture(scope="module")
def shims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root prefix with shims, and a HOME beside it."""
    folder = tmp_path_factory.mktemp("shims")
    (folder / "home").mkdir()
    program = Path(sys.executable).with_name("minicon")
    variables = {"HOME": str(folder / "home"), "MINICON_ROOT": str(folder / "root"), "PATH": "/bin"}
    subprocess.run([program, "shims"], env=variables, check=True, capture_output=True)
    return folder


def call(folder: Path, *words: str, **variables: str) -> Outcome:
    environ = {"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", **variables}
    done = subprocess.run(
        [folder / "root" / words[0], *words[1:]],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_the_name_of_the_program_decides() -> None:
    assert dialect_of("/opt/x/bin/conda", {}).name == "conda"
    assert dialect_of("micromamba.exe", {}).name == "micromamba"
    assert dialect_of("/bin/minicon", {}).name == "minicon"
    assert dialect_of("/bin/minicon", {"MINICON_DIALECT": "mamba"}).name == "mamba"


def test_variables_of_mamba_are_read() -> None:
    dialect = dialect_named("micromamba")
    found = implied_variables(dialect, "micromamba", {"MAMBA_ROOT_PREFIX": "/m"})
    assert found == {"MINICON_ROOT": "/m"}
    typed = {"MAMBA_ROOT_PREFIX": "/m", "MINICON_ROOT": "/own"}
    assert not implied_variables(dialect, "micromamba", typed)


def test_shims_know_their_root(shims: Path) -> None:
    assert call(shims, "bin/conda", "info", "--base").ok().out == f"{shims / 'root'}\n"
    assert call(shims, "condabin/conda", "--version").ok().out == "conda 26.7.0\n"
    assert call(shims, "bin/micromamba", "--version").ok().out == "2.5.0\n"
    assert (shims / "root" / "bin" / "conda").resolve().name == "conda"  # clients resolve links
    other = call(shims, "bin/micromamba", "-r", str(shims / "other"), "info", "--base").ok()
    assert other.out == f"{shims / 'other'}\n"


def test_shims_are_written_again_and_removed(minicon: CommandLine) -> None:
    directory = minicon.folder / "shims"
    minicon("shims", directory).ok()
    written = minicon("shims", directory, "--json").ok().json["files"]
    assert all(Path(path).exists() for path in written)
    (directory / "bin" / "own").write_text("")
    removed = minicon("shims", directory, "--undo", "--json").ok().json["files"]
    assert removed == written
    assert [path for path in directory.rglob("*") if path.is_file()] == [directory / "bin" / "own"]
    assert "no-shims" in minicon("shims", directory, "--undo", "--json").out


def test_an_empty_base_is_removed_with_the_shims(minicon: CommandLine, channel: Path) -> None:
    minicon("shims").ok()
    assert (minicon.root / "conda-meta" / "history").exists()
    minicon("shims --undo").ok()
    assert not (minicon.root / "conda-meta").exists()
    minicon("shims").ok()
    minicon(f"install -y -n base lone -c {channel} --override-channels").ok()
    minicon("shims --undo").ok()
    assert (minicon.root / "share" / "lone").exists()
    assert (minicon.root / "conda-meta" / "history").exists()


def test_shims_replace_no_other_program(minicon: CommandLine) -> None:
    other = minicon.root / "bin" / "conda"
    other.parent.mkdir(parents=True)
    other.write_text("conda's own")
    assert minicon("shims", "--json").json["reference"] == "foreign-shim"
    assert other.read_text() == "conda's own"
    assert list(minicon.root.rglob("*.*")) == []


@pytest.mark.parametrize(
    "text",
    [
        "create -y -n new --override-channels -c CHANNEL --force --debug hello",
        "create -yq -n new hello --console classic --repodata-use-zst",
        "install -y -n data --freeze-installed lone --use-local",
        "remove -y -n data --keep-env greeting",
        "list -n data --size --auth",
        "search --full-name hello",
        "clean -c",
        "doctor -n data -y --list",
        "conda-env list",
        "help create",
        "tos accept --override-channels --channel x",
        "update -y conda",
        "install -n base -y conda-libmamba-solver mamba>=1",
    ],
)
def test_words_of_conda_are_understood(conda: Program, channel: Path, text: str) -> None:
    conda(text.replace("CHANNEL", str(channel))).ok()


def test_options_of_micromamba_are_its_own(micromamba: Program, tmp_path: Path) -> None:
    root = tmp_path / "other"
    micromamba(f"create -y -r {root} -n new hello --log-level info --no-rc").ok()
    assert (root / "envs" / "new" / "bin" / "hello").exists()
    assert "hello" in micromamba(f"list -r {root} -n new").ok().out
    assert "hello" in micromamba(f"-r {root} list -n new").ok().out


def test_words_of_a_program_that_runs_are_its_own(micromamba: Program, tmp_path: Path) -> None:
    dialect = micromamba.dialect
    words, variables = dialect.translated(["run", "-r", "/m", "-n", "x", "tool", "-r", "y"])
    assert words == ["run", "--label", "", "-n", "x", "tool", "-r", "y"]
    assert variables == {"MINICON_ROOT": "/m"}


@pytest.mark.parametrize(
    ("typed", "own"),
    [
        ("shell hook -s bash", "shell.bash hook"),
        ("shell -s zsh hook", "shell.zsh hook"),
        ("shell activate -s fish -p /e", "shell.fish activate /e"),
        ("shell deactivate -s bash", "shell.bash deactivate"),
        ("shell init -s bash -r /m", "init --as mamba bash"),
        ("config append channels x", "config --append channels x"),
        ("config list", "config --configured --show"),
        ("config list -a", "config --show"),
        ("clean --locks -y", "clean --tempfiles -y"),
    ],
)
def test_words_of_micromamba(typed: str, own: str) -> None:
    words, _ = dialect_named("micromamba").translated(shlex.split(typed))
    assert words == shlex.split(own)


def test_commands_of_others_say_what_does_the_job(conda: Program) -> None:
    refused = conda("build recipe --json")
    assert refused.code == 2
    assert "rattler-build" in refused.json["hint"]
    assert refused.json["exception_name"] == "CommandNotFoundError"


def test_errors_have_names_of_conda(conda: Program) -> None:
    names = {
        "list -n nope": "EnvironmentLocationNotFound",
        "install -n data -y nothing-like-this": "PackagesNotFoundError",
        "install -n data -y hello=1.0 hello=2.0": "UnsatisfiableError",
        "install -n data": "CondaValueError",
    }
    for text, name in names.items():
        failed = conda(f"{text} --json")
        assert (failed.code, failed.json["exception_name"]) == (1, name), text


#: The keys that conda 26.7 prints.
INFO_KEYS = set(
    """
    GID UID active_prefix active_prefix_name av_data_dir av_metadata_url_base channels
    conda_build_version conda_env_version conda_location conda_prefix conda_shlvl conda_version
    config_files default_prefix env_vars envs envs_details envs_dirs netrc_file offline pkgs_dirs
    platform python_version rc_path requests_version root_prefix root_writable site_dirs solver
    sys.executable sys.prefix sys.version sys_rc_path user_agent user_rc_path virtual_pkgs
    """.split()  # noqa: SIM905
)


def test_info_has_all_keys_of_conda(conda: Program, channel: Path) -> None:
    facts = conda("info --json").ok().json
    assert not INFO_KEYS - facts.keys()
    assert facts["channels"] == [f"{channel.as_uri()}/{s}" for s in (facts["platform"], "noarch")]
    data = facts["envs_details"][facts["envs"][0]]
    assert (data["name"], data["base"], data["created"][:2]) == ("data", False, "20")


def test_info_has_rows_of_conda(conda: Program) -> None:
    lines = conda("info").ok().out.splitlines()
    rows = dict(line.strip().split(" : ", 1) for line in lines if " : " in line.strip())
    assert rows["base environment"] == f"{conda.line.root}  (writable)"
    assert rows["conda version"] == "26.7.0"


def test_info_of_micromamba_has_its_keys(micromamba: Program) -> None:
    facts = micromamba("info --json").ok().json
    assert facts["base environment"] == str(micromamba.line.root)
    assert facts["envs directories"][0] == str(micromamba.line.root / "envs")
    assert facts["micromamba version"] == "2.5.0"


def test_a_plan_has_whole_records(conda: Program) -> None:
    done = conda("create -n new --dry-run --json hello=2.0").ok().json
    hello = next(each for each in done["actions"]["LINK"] if each["name"] == "hello")
    keys = [
        "md5",
        "sha256",
        "size",
        "subdir",
        "build",
        "depends",
        "constrains",
        "url",
        "fn",
        "dist_name",
        "platform",
    ]
    assert not keys - hello.keys()
    assert hello["size"] > 0
    assert (hello["subdir"], hello["depends"]) == ("linux-64", ["greeting >=1"])
    again = conda("create -n again --dry-run --json hello=1.0 --offline").ok().json
    assert again["actions"]["FETCH"] == []


def test_documents_of_clean_have_keys_of_conda(conda: Program) -> None:
    done = conda("clean --all -y --json --force-pkgs-dirs").ok().json
    assert {"tarballs", "packages", "index_cache", "tempfiles", "logfiles"} <= done.keys()
    (folder, names), *_ = done["packages"]["pkgs_dirs"].items()
    assert folder == str(conda.line.root / "pkgs")
    assert {"hello", "greeting"} <= {name.partition("-")[0] for name in names}


def test_a_switch_to_a_revision_lists_what_changes(conda: Program) -> None:
    conda("install -n data -y -q hello=2.0").ok()
    for dry_run in ("--dry-run", ""):
        actions = conda(f"install -n data --revision 0 -y --json {dry_run}").ok().json["actions"]
        assert [each["dist_name"] for each in actions["UNLINK"]] == ["hello-2.0-0"]
        assert [each["version"] for each in actions["LINK"]] == ["1.0"]
        assert {"md5", "sha256", "url", "fn", "depends"} <= actions["LINK"][0].keys()


def test_hints_name_the_program_that_was_typed(conda: Program, micromamba: Program) -> None:
    """minicon itself need not be on PATH."""
    assert "'conda --help'" in conda("bogus").err
    assert "'conda activate' needs" in conda("activate data").err
    assert "conda init" in conda("activate data --json").json["hint"]
    assert "with: micromamba activate new" in micromamba("create -n new").ok().out
    assert conda("build recipe").err.startswith("error: minicon has no command 'build'")
    assert "minicon is updated" in conda("update conda").ok().err
    assert "'minicon --help'" in conda.line("bogus").err


def test_search_has_a_row_for_each_build(conda: Program) -> None:
    head, *rows = conda("search hello").ok().out.splitlines()
    assert head.split() == ["#", "Name", "Version", "Build", "Channel"]
    assert [row.split()[:3] for row in rows] == [["hello", "1.0", "0"], ["hello", "2.0", "0"]]


def test_packed_as_conda_pack_names_it(conda: Program, tmp_path: Path) -> None:
    conda.line.monkeypatch.chdir(tmp_path)
    conda("pack -n data").ok()
    conda("pack -n data -o other.zip").ok()
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["data.tar.gz", "other.zip"]


def test_explicit_lists_are_in_order_of_dependencies(conda: Program) -> None:
    conda("create -y -n order hello lone").ok()
    lines = conda("list -n order --explicit").ok().out.splitlines()
    names = [line.rpartition("/")[2].partition("-")[0] for line in lines if "://" in line]
    assert names.index("greeting") < names.index("hello")


@pytest.mark.parametrize(
    "edit",
    [
        "--set solver libmamba",
        "--set auto_update_conda false",
        "--set report_errors true",
        "--set channel_priority True",
        "--set conda_build.pkg_format 2",
        "--set pip_interop_enabled true",
        "--add custom_multichannels.mine https://example.test/x",
        "--set show_channel_urls yes --system",
        "--add channels x -n data",
    ],
)
def test_settings_of_conda_can_be_set(conda: Program, edit: str) -> None:
    conda(f"config {edit}").ok()
    conda("list -n data").ok()


def test_settings_of_all_sources_are_read(conda: Program) -> None:
    (conda.line.home / ".condarc").write_text("channels: [low]\nremote_max_retries: 2\n")
    conda.line.set(CONDA_REMOTE_MAX_RETRIES="5")
    got = conda("config --get remote_max_retries --json").ok().json
    assert got["get"] == {"remote_max_retries": 5}
    shown = conda("config --show --json").ok().json
    assert shown["channel_alias"]["location"] == "conda.anaconda.org"
    assert shown["rollback_enabled"] is True
    assert conda("config --show channels --json").ok().json.keys() == {"channels"}


def test_an_environment_is_created_around_own_files(conda: Program, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "bin").mkdir(parents=True)
    (folder / "notes").write_text("mine")
    (folder / "bin" / "hello").write_text("mine too")
    refused = conda(f"create -p {folder} hello")
    assert (refused.code, (folder / "conda-meta").exists()) == (2, False)
    conda(f"create -y -p {folder} hello").ok()
    assert (folder / "notes").read_text() == "mine"
    assert (folder / "bin" / "hello.minicon-saved").read_text() == "mine too"
    assert "2.0" in (folder / "bin" / "hello").read_text()
    assert "warning" not in conda(f"install -y -p {folder} lone").ok().err


def test_create_replaces_an_environment_if_confirmed(conda: Program) -> None:
    refused = conda("create -n data lone --json")
    assert refused.json["reference"] == "environment-exists"
    conda("create -y -n data lone").ok()
    listed = conda("list -n data --json").ok().json
    assert [each["name"] for each in listed] == ["lone"]


def test_base_is_the_root_directory(conda: Program) -> None:
    """It is changed entry by entry; environments and caches in it stay as they are."""
    root = conda.line.root
    inode = (root / "envs" / "data").stat().st_ino
    conda("install -y hello=1.0").ok()
    assert (root / "share" / "greeting").exists()
    assert conda("list --json").ok().json == conda("list -n base --json").ok().json
    conda("update -y hello=2.0").ok()
    assert "2.0" in (root / "bin" / "hello").read_text()
    assert conda("env export -n base").ok().out.startswith("name: base\n")
    envs = conda("env list --json").ok().json
    assert envs["envs"] == [str(root), str(root / "envs" / "data")]
    assert envs["envs_details"][str(root)]["base"] is True
    assert (root / "envs" / "data").stat().st_ino == inode
    conda("create -y -n copy --clone base").ok()
    assert (root / "envs" / "copy" / "share" / "greeting").exists()
    assert not {"envs", ".minicon-root"} & {p.name for p in (root / "envs" / "copy").iterdir()}
    assert conda("remove -y --all -n base --json").json["reference"] == "base-environment"
    conda.line("undo -n base -y").ok()
    assert "1.0" in (root / "bin" / "hello").read_text()
    conda("remove -y hello greeting").ok()
    assert (root / "pkgs").is_dir()
    assert not (root / "share").exists()


def test_conda_env_has_the_commands_of_env(shims: Path) -> None:
    listed = call(shims, "bin/conda", "env", "list").ok().out
    assert call(shims, "bin/conda-env", "list").ok().out == listed
    assert call(shims, "bin/conda-env", "remove", "-n", "nope", "-y").code == 1
    assert call(shims, "bin/conda-env", "--version").ok().out.startswith("conda ")


def test_programs_in_an_environment_find_the_program_again(shims: Path) -> None:
    root = shims / "root"
    for prefix in ("base", str(root)):
        option = "-n" if prefix == "base" else "-p"
        done = call(shims, "bin/conda", "run", option, prefix, "sh", "-c", "$CONDA_EXE info --base")
        assert done.ok().out == f"{root}\n"
    words = ("run", "-p", str(root), "sh", "-c", "echo $MAMBA_EXE $MAMBA_ROOT_PREFIX")
    assert call(shims, "bin/micromamba", *words).ok().out == f"{root}/bin/micromamba {root}\n"


def test_shims_make_an_empty_base(shims: Path) -> None:
    assert call(shims, "bin/conda", "env", "list", "--json").ok().json["envs"] == [
        str(shims / "root")
    ]
    done = call(shims, "bin/conda", "shell.posix", "activate").ok()
    assert f"export CONDA_PREFIX='{shims}/root'" in done.out
    assert "export CONDA_DEFAULT_ENV='base'" in done.out


@pytest.mark.parametrize("name", ["conda", "mamba", "micromamba"])
def test_no_command_has_two_meanings_of_one_option(name: str) -> None:
    options = dialect_named(name).options
    pairs = [(flag, option) for option in options for flag in option.flags]
    for position, (flag, option) in enumerate(pairs):
        for other_flag, other in pairs[:position]:
            if flag == other_flag:
                assert option.commands, flag
                assert other.commands, flag
                assert not option.commands & other.commands, flag


def test_no_pyc_of_micromamba_has_an_effect() -> None:
    words, variables = dialect_named("micromamba").translated(["install", "--no-pyc", "six"])
    assert words == ["install", "six"]
    assert variables == {"MINICON_COMPILE_BYTECODE": "false"}
