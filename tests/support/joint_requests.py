"""Requests for packages of conda-forge together with wheels, over real records and metadata."""

from __future__ import annotations

import os
from pathlib import Path

from packaging.requirements import Requirement
from tests.support.real_channels import real_request, virtual_packages

from minicon.config.load import load_settings
from minicon.pypi.index.configuration import load_index_configuration, make_index_fetcher
from minicon.pypi.index.pypi_index import PypiIndex
from minicon.solver.request import SolveRequest

#: Requests that can be met, and that a resolution package by package was lost in.
SATISFIABLE = [
    ["pypi:fastapi-cli[standard]"],
    ["pypi:fastapi[standard]"],
    ["pypi:fastapi[all]"],
    ["rich-toolkit", "pypi:fastapi-cloud-cli"],
    ["pydantic<2", "pypi:langchain"],
    ["pydantic>=2", "pypi:fastapi<0.100"],
    ["numpy>=2", "pypi:scipy<1.11", "pypi:pandas<2.1", "pypi:matplotlib<3.8"],
    ["numpy=1.26", "pypi:opencv-contrib-python", "pypi:torch"],
    ["numpy=1.26", "pypi:opencv-contrib-python", "pypi:torch", "pypi:accelerate"],
    ["numpy=1.26", "pypi:opencv-contrib-python", "pypi:torch", "pypi:pytorch-lightning"],
    ["numpy=1.26", "pypi:opencv-contrib-python", "pypi:torch", "pypi:thinc"],
    ["numpy<2", "pypi:opencv-contrib-python", "pypi:torch"],
]

#: Requests that probably contradict themselves.
CONFLICTS = [
    ["numpy>=2", "pypi:tensorflow==2.15.1"],
    ["protobuf>=5", "pypi:tensorflow==2.15.1"],
    ["urllib3>=2", "pypi:botocore==1.29.0"],
    ["numpy>=2", "pypi:transformers==4.30.0", "pypi:numba==0.58"],
    ["pandas>=2", "pypi:streamlit==1.20.0"],
    ["pillow>=11", "pypi:gradio==4.44.0"],
    ["sqlalchemy>=2", "pypi:apache-airflow==2.9.0"],
]


def joint_request(texts: list[str], wheels, **options) -> SolveRequest:
    """A request for python 3.11 and some packages, ``pypi:…`` ones from PyPI."""
    prefix = "pypi:"
    requirements = [text.removeprefix(prefix) for text in texts if text.startswith(prefix)]
    specs = [text for text in texts if not text.startswith(prefix)]
    return real_request(
        ["python=3.11", *specs],
        ["conda-forge"],
        requirements=tuple(Requirement(text) for text in requirements),
        wheels=wheels,
        **options,
    )


def wheel_index(cache: Path, *, offline: bool = False) -> PypiIndex:
    """The indexes that pip is configured to use, with a cache of their own."""
    settings = load_settings(
        environ=dict(os.environ),
        home=Path.home(),
        working_directory=Path.cwd(),
        flags={"offline": offline},
    ).settings
    configuration = load_index_configuration(os.environ)
    return PypiIndex(
        configuration,
        fetcher=make_index_fetcher(configuration, settings, os.environ),
        cache_dir=cache,
        subdir="linux-64",
        virtual_packages=virtual_packages("linux-64"),
    )
