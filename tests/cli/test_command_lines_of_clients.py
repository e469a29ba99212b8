"""Command lines as in images, CI files and READMEs: understood, or refused with what to type."""

from __future__ import annotations

import shlex

import pytest

from minicon.cli.dialects.choice import dialect_of
from minicon.cli.parser import find_command, make_parser
from minicon.errors import UsageError

UNDERSTOOD = """
conda --version
conda -V
conda info
conda info -a
conda info --json
conda info --base
conda info --root
conda info -e
conda info --envs --json
conda info --license
conda info --system
conda info --unsafe-channels --json
conda init
conda init bash
conda init --all
conda init --reverse --all
conda init zsh --dry-run
conda activate base
conda config --set always_yes yes --set changeps1 no
conda config --set auto_activate_base false
conda config --set channel_priority strict
conda config --set solver libmamba
conda config --set auto_update_conda False
conda config --set ssl_verify /etc/ssl/cert.pem
conda config --system --prepend channels conda-forge
conda config --system --set show_channel_urls true
conda config --add channels defaults --add channels bioconda --add channels conda-forge
conda config --append envs_dirs /opt/envs
conda config --remove channels defaults
conda config --remove-key proxy_servers
conda config --env --add pinned_packages python=3.11
conda config --show
conda config --show channels
conda config --show-sources --json
conda config --get channels
conda config --describe
conda config --validate
conda config --file /tmp/rc --set offline true
conda create -y -n py311 python=3.11
conda create --yes --name test python=3.10 numpy scipy pip
conda create -yn test python=3.12
conda create -qy -n test --override-channels -c conda-forge python
conda create -n test --file requirements.txt -y
conda create -n test --file conda-linux-64.lock
conda create --name copy --clone base -y
conda create -p /opt/env -c conda-forge -c bioconda --strict-channel-priority samtools=1.19 bwa
conda create --prefix ./envs "pytorch>=2" cpuonly -c pytorch --dry-run --json
conda create -n x --no-default-packages --copy --offline python
conda create -n x --solver=libmamba --download-only python
conda create -n x python=3.9 --no-shortcuts --insecure
conda create -n x --platform osx-arm64 python
conda create -n x --subdir linux-aarch64 python --repodata-fn current_repodata.json
conda create -n x -m python --use-index-cache
conda create -n x --dev --debug python
conda install -y numpy
conda install --yes --quiet -c conda-forge mamba
conda install -n base -c conda-forge conda-libmamba-solver
conda install -n base --update-deps --override-channels -c conda-forge conda=23.11
conda install -y --file requirements.txt --freeze-installed
conda install -y -c anaconda --no-update-deps openblas
conda install -y --use-local mypackage
conda install -y --only-deps mypackage
conda install --no-deps --force-reinstall -y six
conda install -c conda-forge "libblas=*=*mkl" -S
conda install --revision 3 -y
conda install --rev=2
conda install -y --no-channel-priority --no-pin python
conda install -y "conda-forge::gdal>=3"
conda install -y ./package-1.0-0.tar.bz2
conda install --satisfied-skip-solve numpy -y
conda install -y --update-all -n test
conda install --clobber -y six
conda install -y --experimental=jlap six
conda update -y conda
conda update -n base -c defaults conda
conda update -n base conda -y --all
conda update --all --yes --quiet
conda update --prefix /opt/env numpy
conda upgrade -y pip
conda remove -n test --all -y
conda remove --name test --all --yes --json
conda remove -y --force six
conda remove -y --force-remove six
conda uninstall -y pip
conda remove --no-prune-deps six
conda list
conda list -n test
conda list --json
conda list --explicit --md5
conda list --export
conda list -e
conda list --revisions
conda list -p /opt/env ^python$ --json
conda list --full-name python
conda list --show-channel-urls
conda list --no-pip --canonical
conda list --size
conda list --fields name,version
conda search numpy
conda search --json -c conda-forge "python>=3.10"
conda search "pytorch[build=*cuda*]" --info
conda search --override-channels --channel bioconda --full-name samtools
conda search --platform linux-ppc64le bwa
conda search --use-local mypackage
conda search --envs six
conda clean -afy
conda clean --all --yes
conda clean -tipy
conda clean --tarballs --index-cache -y
conda clean --packages --force-pkgs-dirs
conda clean -c
conda clean --dry-run -a --json
conda run -n test python -m pytest -x
conda run --no-capture-output -n test python app.py --port 80
conda run --live-stream -p /opt/env make -j4
conda run -n base pip install -r requirements.txt
conda run -s -n test python app.py
conda run --cwd /src -n test ls
conda run -n test --dev python
conda env create -f environment.yml
conda env create --file environment.yml --name other
conda env create -p ./env -f env.yaml --force
conda env create -q -n x
conda env create -y -f environment.yml --solver libmamba
conda env update -n base -f environment.yml
conda env update --name base --file environment.yml --prune
conda env update
conda env list
conda env list --json
conda env remove -n test
conda env remove -y --name test
conda env export
conda env export --no-builds -f environment.yml
conda env export --from-history
conda env export --ignore-channels -n x
conda env export -n x --json
conda env config vars set A=b -n x
conda env config vars list --json
conda-env list
conda clean -tipsy
conda pack -n x -o x.tar.gz
conda pack -p /opt/env --output env.zip --force --compress-level 9
micromamba create -n x -f conda-lock.yml --category main --category dev
conda export -n x --format=environment-json
conda export --platform linux-64 --override-platforms
conda compare -n x environment.yml
conda rename -n old new
conda notices
conda doctor -n x
conda doctor --list
conda doctor --heal -y
conda check
conda commands
conda tos accept
conda tos accept --override-channels --channel https://repo.example/main
conda tos view
conda help install
conda run -n test --no-capture-output --live-stream bash -c "make && make test"
conda config --stdin
conda config --write-default --file /tmp/rc
conda config --show solver
conda config --get solver
conda config --set solver classic --env
conda config --set remote_read_timeout_secs 120.0 --system
conda config --set default_threads 4 --set repodata_threads 2
conda config --set conda_build.pkg_format 2
conda config --add create_default_packages ipykernel --add create_default_packages pip
conda config --add pkgs_dirs /opt/pkgs --add envs_dirs /opt/envs
conda config --set restore_free_channel true
conda remove -n test --all --keep-env -y
conda remove --features mkl -y
conda create -n x --shortcuts --no-show-channel-urls python
conda create -n x -c conda-forge --channel-priority python
conda create -n x --format environment-yaml --file environment.yml
conda install -n base conda-build conda-verify anaconda-client -y
conda install --all -y
conda install --prune -y numpy
conda update --prune --all -y
conda env create --quiet --file=environment.yml --prefix=./env
conda env create --file environment.yml --experimental jlap
conda env update --file environment.yml --prune --name x --solver classic
conda env list --size
conda env remove --name x --yes --solver classic
conda env config vars unset A -n x
conda export --file environment.yml --no-builds
conda export -n x --format env.yml --platform linux-64
conda export --format reqs --file requirements.txt
conda info --offline
conda info --size --envs
conda search --canonical numpy
conda search -f numpy
conda search --outdated --experimental jlap
conda doctor --fix --dry-run -n x
conda doctor --override-frozen
conda init --no-user --condabin
conda notices --no-lock
mamba create -y -n x -c conda-forge python
mamba install --yes --no-py-pin numpy
mamba env update -n base --file environment.yml
mamba update --all -y
mamba clean -ay
mamba repoquery depends numpy -c conda-forge
mamba repoquery whoneeds zlib --json
mamba env create -f environment.yml -p /opt/env
mamba search numpy
mamba list -n base --json
mamba shell init -s bash
mamba self-update
micromamba create -y -n x -f environment.yml
micromamba create -y -p /opt/env -f conda-lock.yml --category main --category dev
micromamba create -r /opt/conda -n x python -c conda-forge --rc-file /tmp/rc
micromamba install -y -n base -f /tmp/environment.yml
micromamba install --yes --name base --channel conda-forge --file spec.txt
micromamba install -y -n base --log-level warning python
micromamba install -y -n base --channel-priority flexible --safety-checks disabled six
micromamba install -y --always-softlink --no-pyc --allow-uninstall six -n base
micromamba remove -y -n base six
micromamba update --all -n base -y --retry-clean-cache
micromamba list -r /opt/conda -n x
micromamba list --json
micromamba info
micromamba info --json
micromamba info -n base
micromamba env list
micromamba env export -n base
micromamba env export --explicit -n base
micromamba env export -e --no-md5
micromamba env export --channel-subdir -n x
micromamba env remove -n x -y
micromamba env create -f environment.yml
micromamba clean --all --yes
micromamba clean --trash -y
micromamba clean --locks -y
micromamba run -n x python
micromamba run -r /opt/conda -p /opt/env -e A=b python -c "print(1)"
micromamba run -a stdout -n base make
micromamba run --clean-env -n x env
micromamba shell hook --shell bash
micromamba shell hook -s posix -r /opt/conda
micromamba shell init --shell bash --root-prefix=~/micromamba
micromamba shell deinit -s zsh
micromamba shell activate -p /opt/env -s bash
micromamba shell reactivate -s bash
micromamba shell deactivate -s fish
micromamba shell completion -s bash
micromamba config append channels conda-forge
micromamba config prepend channels bioconda
micromamba config set channel_priority strict
micromamba config get channels
micromamba config list
micromamba config list channels
micromamba config sources
micromamba config describe
micromamba config remove-key channels
micromamba search -c conda-forge xtensor
micromamba search --remote numpy
micromamba repoquery search "xtensor>=0.18" -c conda-forge
micromamba repoquery depends -t xtensor -n base
micromamba repoquery whoneeds --remote xtensor
micromamba auth login https://example.test --token x
micromamba auth logout
micromamba self-update --version 2.0
micromamba install -y -n base --cacert-path /etc/ssl/cert.pem --pyc six
micromamba install -y -n base --lock-timeout 60 --no-allow-downgrade six
micromamba create -y -n x --use-uv --skip-run-link-scripts -f environment.yml
micromamba update -y -a -n base --prune-deps
micromamba remove -y -a -n x
micromamba remove -f -y -n base six
micromamba config list -a --sources
micromamba config list --long-descriptions --groups channels
micromamba clean -a -l -y
micromamba run -d --label server -n base python -m http.server
micromamba run --env A=b --env PATH -n base env
micromamba run -a "" -n base cat
micromamba ps list
micromamba ps stop server
micromamba info --licenses
micromamba info -n base --json
micromamba env export --no-build -n x
micromamba repoquery depends --recursive xtensor -n base
micromamba repoquery search --local "xtensor*" -n base
micromamba repoquery whoneeds xtensor -c conda-forge --platform osx-64
micromamba create -n x --no-rc --no-env -c conda-forge python
micromamba ps
micromamba --version
"""

REFUSED = {
    "conda build recipe": "rattler-build",
    "conda index ./channel": "minicon channel index",
    "conda skeleton pypi click": "grayskull",
    "conda content-trust --help": "verified",
    "conda develop .": "pip install -e",
    "conda creat -n x": "create",
    "conda create -n x --chanel y": "--channel",
    "micromamba package extract a.conda b": "cph",
    "conda package --which bin/python": "minicon status",
    "conda mambabuild recipe": "rattler-build",
    "conda render recipe": "rattler-build",
}


def understand(line: str) -> None:
    """Parse a command line without running it."""
    program, *words = shlex.split(line)
    dialect = dialect_of(program, {})
    own, _ = dialect.translated(words)
    if not own or own[0] in ("--version", "-V", "--help", "help") or own[0].startswith("shell."):
        return
    if dialect.note_on(own) is None:
        command, module = find_command(own[0], dialect)
        make_parser(command, module).parse_args(own[1:])


@pytest.mark.parametrize("line", UNDERSTOOD.strip().splitlines())
def test_understood(line: str) -> None:
    understand(line)


@pytest.mark.parametrize(("line", "hint"), REFUSED.items())
def test_refused_with_what_to_type(line: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        understand(line)
    assert hint in (caught.value.hint or "")
