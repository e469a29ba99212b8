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


#: What everyday requests ask of conda-forge.
_CONDA = (
    "numpy", "pandas", "scipy", "matplotlib", "scikit-learn", "pytorch", "jupyterlab", "requests",
    "pydantic", "sqlalchemy", "pillow", "click", "rich", "pyyaml", "cryptography", "aiohttp",
    "fastapi", "django", "flask", "numba", "pyarrow", "protobuf", "urllib3", "setuptools",
    "attrs", "jinja2", "ipython", "h5py", "dask", "xarray", "networkx", "pytest", "tqdm",
    "numpy<2", "pandas<2", "pydantic<2", "urllib3<2", "sqlalchemy<2", "setuptools<70", "protobuf<5",
)  # fmt: skip

#: Well-known projects.
_PROJECTS = (
    "boto3", "botocore", "langchain", "openai", "transformers", "datasets", "accelerate",
    "huggingface-hub", "tokenizers", "sentence-transformers", "streamlit", "gradio", "dash",
    "plotly", "bokeh", "altair", "seaborn", "statsmodels", "xgboost", "lightgbm", "catboost",
    "optuna", "mlflow", "wandb", "ray", "polars", "duckdb", "great-expectations", "prefect",
    "celery", "redis", "gunicorn", "uvicorn[standard]", "starlette", "httpx", "scrapy", "selenium",
    "playwright", "beautifulsoup4", "lxml", "spacy", "nltk", "gensim", "thinc", "opencv-python",
    "opencv-contrib-python", "imageio", "scikit-image", "albumentations", "timm", "diffusers",
    "torchvision", "pytorch-lightning", "tensorflow", "keras", "jax", "flax", "onnx", "onnxruntime",
    "black", "ruff", "mypy", "pylint", "flake8", "pre-commit", "tox", "sphinx", "mkdocs",
    "google-cloud-storage", "google-api-python-client", "azure-storage-blob", "azure-identity",
    "snowflake-connector-python", "psycopg2-binary", "asyncpg", "alembic", "sqlmodel",
    "pydantic-settings", "fastapi[standard]", "strawberry-graphql", "graphene", "marshmallow",
    "apache-airflow", "dbt-core", "kubernetes", "docker", "ansible", "paramiko", "fabric", "typer",
    "textual", "pyinstaller", "twine", "poetry", "jupyter", "nbconvert", "papermill", "voila",
    "geopandas", "shapely", "rasterio", "folium",
)  # fmt: skip

#: Releases that need older packages than these.
_NEW = ("numpy>=2", "pandas>=2.2", "pydantic>=2", "urllib3>=2", "protobuf>=5", "sqlalchemy>=2",
        "pillow>=11", "click>=8.1", "rich>=13.9", "setuptools>=75")  # fmt: skip
_OLD = (
    "tensorflow==2.15.1", "botocore==1.29.0", "numba==0.58.1", "streamlit==1.20.0",
    "gradio==4.44.0", "apache-airflow==2.9.0", "langchain==0.0.200", "fastapi==0.95.0",
    "transformers==4.30.0", "thinc==8.1.12", "scikit-learn==1.3.0", "mlflow==2.3.0",
    "prefect==2.8.0", "great-expectations==0.16.0", "spacy==3.5.0", "dbt-core==1.4.0",
    "wandb==0.15.0", "statsmodels==0.14.0",
)  # fmt: skip


def everyday_pairs(number: int = 400) -> list[list[str]]:
    """A conda spec and a project each, spread evenly over all combinations."""
    found = []
    for index in range(number):
        project = _PROJECTS[(index * 37 + index // len(_PROJECTS)) % len(_PROJECTS)]
        found.append([_CONDA[index % len(_CONDA)], f"pypi:{project}"])
    return found


def conflict_pairs(number: int = 60) -> list[list[str]]:
    """A recent conda package and an old release each; most contradict each other."""
    return [
        [_NEW[index % len(_NEW)], f"pypi:{_OLD[(index * 7 + index // 10) % len(_OLD)]}"]
        for index in range(number)
    ]
