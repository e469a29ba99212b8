"""Every option of conda 26.7 and of micromamba 2.5 is understood, in each command that has it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from tests.cli.test_command_lines_of_clients import understand

from minicon.errors import UsageError

#: Commands and their options; ``=`` stands for a value.
CONDA = """
create install update remove: -C -c= --channel= --console= -d --debug --dry-run --experimental=
    --force --force-pscheck --insecure --json -k -n= --name= --no-lock --no-pin
    --no-repodata-use-shards --no-repodata-use-zst -O --offline --override-channels -p=
    --prefix= -q --quiet --repodata-fn= --repodata-use-shards --repodata-use-zst --solver=
    --trace --use-index-cache --use-local -v --verbose -y --yes
create install update: --channel-priority --clobber --copy --download-only --env-spec=
    --environment-specifier= -f= --file= --format= --no-channel-priority --no-deps
    --no-shortcuts --no-show-channel-urls --only-deps --shortcuts --shortcuts-only=
    --show-channel-urls --strict-channel-priority --unknown
clean: -a --all -c --console= -d --debug --dry-run -f --force-pkgs-dirs -i --index-cache --json
    -l --logfiles -p --packages -q --quiet -t --tarballs --tempfiles --trace -v --verbose -y
    --yes
compare: --console= --debug --json -n= --name= -p= --prefix= -q --quiet --trace -v --verbose
config: --add== --append== --console= --debug --describe --env -f --file= --force --get --json
    -n= --name= -p= --prefix= --prepend== -q --quiet --remove-key= --remove== --set== --show
    --show-sources --stdin --system --trace -v --validate --verbose --write-default
create: --clone= --dev --no-default-packages --platform= --subdir=
env config vars list: --console= --debug --json -n= --name= -p= --prefix= -q --quiet --trace -v
    --verbose
env config vars set: -n= --name= -p= --prefix=
env config vars unset: -n= --name= -p= --prefix=
env create: -C --console= -d --debug --dry-run --env-spec= --environment-specifier= -f= --file=
    --format= --insecure --json -k -n= --name= --no-default-packages --offline -p= --platform=
    --prefix= -q --quiet --solver= --subdir= --trace --use-index-cache -v --verbose -y --yes
env export: -c= --channel= --console= --debug -f= --file= --format= --from-history
    --ignore-channels --json -n= --name= --no-builds -O --override-channels --override-platforms
    -p= --platform= --prefix= -q --quiet --subdir= --trace -v --verbose
env list: --console= --debug --json -q --quiet --size --trace -v --verbose
env remove: --console= -d --debug --dry-run --json -n= --name= --override-frozen -p= --prefix=
    -q --quiet --solver= --trace -v --verbose -y --yes
env update: --console= --debug --env-spec= --environment-specifier= -f= --file= --format= --json
    -n= --name= --override-frozen -p= --prefix= --prune -q --quiet --solver= --trace -v
    --verbose
export: -c= --channel= --console= --debug -f= --file= --format= --from-history --ignore-channels
    --json -n= --name= --no-builds -O --override-channels --override-platforms -p= --platform=
    --prefix= -q --quiet --subdir= --trace -v --verbose
info: -a --all --base --console= --debug -e --envs --json --offline -q --quiet -s --size
    --system --trace --unsafe-channels -v --verbose
init: --all --condabin --console= -d --debug --dev --dry-run --install --json --no-user -q
    --quiet --reverse --system --trace --user -v --verbose
install: --all --dev --force-reinstall --freeze-installed --no-update-deps --override-frozen
    --prune --revision= -S --satisfied-skip-solve --update-all --update-deps --update-specs
list: --auth -c --canonical --console= --debug -e --explicit --export -f --fields= --full-name
    --json --md5 -n= --name= --no-pip --no-show-channel-urls -p= --prefix= -q --quiet -r
    --reverse --revisions --sha256 --show-channel-urls --size --trace -v --verbose
notices: -c= --channel= --console= --debug --experimental= --json --no-lock
    --no-repodata-use-shards --no-repodata-use-zst -O --override-channels -q --quiet
    --repodata-fn= --repodata-use-shards --repodata-use-zst --trace --use-local -v --verbose
remove: --all --dev --features --force-remove --keep-env --override-frozen --prune
rename: --console= -d --debug --dry-run --json -n= --name= -p= --prefix= -q --quiet --trace -v
    --verbose -y --yes
run: --cwd= --debug --debug-wrapper-scripts --dev --live-stream -n= --name= --no-capture-output
    -p= --prefix= -s --trace -v --verbose
search: -C -c= --canonical --channel= --console= --debug --envs --experimental= -f --full-name
    -i --info --insecure --json -k --names-only --no-lock --no-repodata-use-shards
    --no-repodata-use-zst -O -o --offline --outdated --override-channels --platform= -q --quiet
    --repodata-fn= --repodata-use-shards --repodata-use-zst --skip-flexible-search --spec
    --subdir= --trace --unknown --use-index-cache --use-local -v --verbose
update: --all --force-reinstall --freeze-installed --no-update-deps --override-frozen --prune -S
    --satisfied-skip-solve --update-all --update-deps --update-specs
doctor: --console= -d --debug --dry-run --fix --heal --json --list -n= --name= --override-frozen
    -p= --prefix= -q --quiet --trace -v --verbose -y --yes
"""
MICROMAMBA = """
create install update remove: --rc-file= --no-rc --no-env -v --log-level= -q -y --json --offline
    --dry-run --download-only --use-uv --debug --print-context-only --print-config-only
    -r= --root-prefix= -p= -n= --relocate-prefix= --ssl-verify= --ssl-no-revoke --cacert-path=
    --retry-clean-cache -c= --override-channels --no-pin --pin --no-py-pin --py-pin --pyc --no-pyc
    --allow-uninstall --no-allow-uninstall --allow-downgrade --no-allow-downgrade --allow-softlinks
    --no-allow-softlinks --always-softlink --no-always-softlink --always-copy --copy
    --no-always-copy --lock-timeout= --shortcuts --no-shortcuts --safety-checks=
    --extra-safety-checks --no-extra-safety-checks --verify-artifacts --trusted-channels=
    --no-deps --skip-run-link-scripts --run-link-scripts --channel-alias=
create install update: --channel-priority= --strict-channel-priority --no-channel-priority
    --repodata-ttl= --category= -f= --only-deps --platform=
create: --clone=
install: --freeze-installed --force-reinstall --revision=
update: -a --all --prune-deps --no-prune-deps
remove: -a --all -f --force --prune-deps --no-prune-deps
list: -f --full-name --no-pip --reverse --explicit --md5 --sha256 -c --canonical -e --export
    --revisions -r= -n=
clean: -a --all -i --index-cache -p --packages -t --tarballs -l --locks --trash -f
    --force-pkgs-dirs
info: --licenses --base -e --envs -n=
config list: -l --long-descriptions -g --groups -s --sources -a --all -d --descriptions
env export: -e --explicit --no-md5 --md5 --no-build --no-builds --build --channel-subdir
    --from-history -n=
env list: --json
env create: -f= --file= -n=
env update: -f= --file= --prune -n=
env remove: -n= -y
repoquery depends: -t --tree --recursive --platform= --remote -c= -n=
repoquery search: --pretty --local --platform= -c=
repoquery whoneeds: -t --tree --remote
run: -a= --attach= --cwd= -d --detach --clean-env -e= --env= --label= -n=
"""
_VALUES = {
    "--platform": "linux-64",
    "--subdir": "linux-64",
    "--revision": "1",
    "--rev": "1",
    "--repodata-ttl": "1",
}
_CHOICES = {("export", "--format"): "json", ("env export", "--format"): "json"}
#: What the commands need besides.
_NEEDS = {"run": "ls", "rename": "new", "compare": "f.yml", "repoquery": "six"}


def lines_of(program: str, table: str) -> Iterator[str]:
    """Yield one command line for each option of each command."""
    for entry in table.replace("\n    ", " ").strip().splitlines():
        commands, _, flags = entry.partition(": ")
        is_verb = commands.split()[0] in ("env", "config", "repoquery")
        for command in [commands] if is_verb else commands.split():
            for flag in flags.split():
                name, values = flag.rstrip("="), flag.count("=")
                value = _CHOICES.get((command, name)) or _VALUES.get(name, "v")
                needs = _NEEDS.get(command.split()[0], "")
                yield shlex.join([program, *command.split(), name, *[value] * values]) + f" {needs}"


@pytest.mark.parametrize(("program", "table"), [("conda", CONDA), ("micromamba", MICROMAMBA)])
def test_every_option_is_understood(program: str, table: str) -> None:
    refused = []
    for line in lines_of(program, table):
        try:
            understand(line)
        except UsageError as error:
            if "required" not in error.message:
                refused.append(f"{line}: {error.message}")
    assert not refused
