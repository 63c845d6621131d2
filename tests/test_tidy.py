"""Keeps the style of the tree: each rule is shown to fail on a made-up bad example."""

import ast
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("engine/", "projections/", "adapters/")
TOP_LEVEL = {
    *("engine", "projections", "adapters", "scripts", "tests"),
    *("pyproject.toml", "requirements.lock", "docker-compose.yml", "Dockerfile", "README.md", "LICENSE"),
}
VAGUE_NAMES = {"base", "common", "helper", "helpers", "manager", "service", "services", "util", "utils"}
FILE_LINES_MAX = 320  # the aim is 300
FUNCTION_LINES_MAX = 60  # the aim is 40
CLOCK = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
MAY_READ_CLOCK = ("adapters/clock",)
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv"}
MAY_READ_ENVIRONMENT = (
    "adapters/settings",
    "adapters/embedded",  # hands its own environment on to the servers that it starts
    "adapters/supervise",  # hands its own environment on to the roles that it starts
)
MAY_PRINT = ("adapters/cli",)
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:work|root|home|Users)/")
EXEMPTION = re.compile(r"# ?(?:noqa|type: ?ignore|pyright: ?ignore)\b.*")
EXEMPTION_WITH_REASON = re.compile(
    r"# ?(?:noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*|(?:type|pyright): ?ignore\[[\w, -]+\])\W+\w.{7,}"
)


@dataclass(frozen=True)
class Source:
    """One file of the tree, or one made up."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_code(self) -> bool:
        return self.is_python and self.path.startswith(CODE)

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    def belongs_to(self, modules: tuple[str, ...]) -> bool:
        return any(self.path == f"{module}.py" or self.path.startswith(f"{module}/") for module in modules)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))


Rule = Callable[[Source], Iterator[str]]


def top_level_holds_only_what_is_agreed(source: Source) -> Iterator[str]:
    top = source.path.split("/")[0]
    if top not in TOP_LEVEL and not top.startswith("."):
        yield f"{top} does not belong at the top level"


def names_say_what_the_file_is_about(source: Source) -> Iterator[str]:
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if part.removeprefix("test_") in VAGUE_NAMES:
            yield f"the name {part} says nothing"


def files_are_short(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if source.is_python and lines > FILE_LINES_MAX:
        yield f"{lines} lines, at most {FILE_LINES_MAX}"


def functions_are_short(source: Source) -> Iterator[str]:
    if not source.is_python:
        return
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = span(node) - sum(span(table) - longest_case(table) for table in tables(node))
            if lines > FUNCTION_LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def tables(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Match]:
    """A match at the top of a function is a table read one row at a time: only its longest case counts."""
    return [statement for statement in function.body if isinstance(statement, ast.Match)]


def longest_case(table: ast.Match) -> int:
    return max(case.body[-1].end_lineno - case.pattern.lineno + 1 for case in table.cases)


def span(node: ast.stmt) -> int:
    return node.end_lineno - node.lineno + 1


def only_the_clock_reads_the_time(source: Source) -> Iterator[str]:
    if source.is_code and not source.belongs_to(MAY_READ_CLOCK):
        yield from uses(source, CLOCK)


def only_settings_read_the_environment(source: Source) -> Iterator[str]:
    if source.is_code and not source.belongs_to(MAY_READ_ENVIRONMENT):
        yield from uses(source, ENVIRONMENT)


def uses(source: Source, names: set[str]) -> Iterator[str]:
    """Where one of the dotted names is used or imported."""
    last_parts = {name.rpartition(".")[2] for name in names}
    for node in source.nodes:
        found: list[str] = []
        if isinstance(node, ast.Attribute) and node.attr in last_parts:
            found = [".".join(ast.unparse(node).split(".")[-2:])]
        elif isinstance(node, ast.ImportFrom):
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (f"line {node.lineno}: {name}" for name in found if name in names)


def only_the_command_line_prints(source: Source) -> Iterator[str]:
    if source.is_code and not source.belongs_to(MAY_PRINT):
        for node in source.nodes:
            if isinstance(node, ast.Name) and node.id == "print":
                yield f"line {node.lineno}: print"


def modules_say_what_they_are(source: Source) -> Iterator[str]:
    if source.is_python and not ast.get_docstring(source.tree):
        yield "no docstring"


def exemptions_give_their_reason(source: Source) -> Iterator[str]:
    if source.is_python:
        for number, line in enumerate(source.text.splitlines(), 1):
            exemption = EXEMPTION.search(line)
            if exemption and not EXEMPTION_WITH_REASON.match(exemption[0]):
                yield f"line {number}: an exemption without rule or reason"


def lines_are_clean(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.split("\n"), 1):
        if line != line.rstrip():
            yield f"line {number}: white space at the end"
        if "\t" in line:
            yield f"line {number}: a tab"
    if source.text and not source.text.endswith("\n"):
        yield "no line end at the end"


def paths_fit_every_machine(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"line {number}: a path of one machine"


def lock_names_no_address(source: Source) -> Iterator[str]:
    if source.path == "requirements.lock":
        for number, line in enumerate(source.text.splitlines(), 1):
            if re.search(r"https?:|://|--(?:extra-)?index|--find-links", line):
                yield f"line {number}: an address"


def scripts_introduce_themselves(source: Source) -> Iterator[str]:
    if source.path.startswith("scripts/") and not source.path.endswith((".jsonl", ".mjs", ".py")):
        first, comment, strict, *_ = [*source.text.splitlines(), "", "", ""]
        if first != "#!/usr/bin/env bash" or not comment.startswith("# ") or strict != "set -euo pipefail":
            yield "begins with bash, what it does, set -euo pipefail"


def import_cycle(sources: list[Source]) -> list[str]:
    """The modules of a cycle of imports, if there is one; imports for types and those in functions count too."""
    modules = {source.module: source for source in sources if source.is_python}
    try:
        TopologicalSorter({name: imports(source, set(modules)) for name, source in modules.items()}).prepare()
    except CycleError as cycle:
        return cycle.args[1]
    return []


def imports(source: Source, modules: set[str]) -> set[str]:
    """Those of the modules that a source imports by their full names, as the style gate wants them."""
    found: set[str] = set()
    for node in source.nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & modules if names <= modules else {node.module, *names}
    return found & modules


A_LONG_FUNCTION = "def long():\n" + "    x = 1\n" * FUNCTION_LINES_MAX
A_LONG_CASE = "def long(x):\n    match x:\n        case 1:\n" + "            x = 1\n" * FUNCTION_LINES_MAX
AN_EXEMPTION = "x = 1  # no" + "qa"
BAD: dict[Rule, list[tuple[str, str]]] = {
    top_level_holds_only_what_is_agreed: [("notes.txt", ""), ("docs/page.md", ""), ("setup.py", "")],
    names_say_what_the_file_is_about: [("engine/utils.py", ""), ("adapters/common/x.py", "")],
    files_are_short: [("engine/x.py", "\n" * (FILE_LINES_MAX + 1))],
    functions_are_short: [("engine/x.py", A_LONG_FUNCTION), ("tests/x.py", "async " + A_LONG_CASE)],
    only_the_clock_reads_the_time: [
        ("engine/x.py", "at = datetime.now(UTC)"),
        ("engine/x.py", "at = datetime.datetime.utcnow()"),
        ("adapters/x.py", "from time import time"),
        ("projections/x.py", "Field(default_factory=date.today)"),
    ],
    only_settings_read_the_environment: [
        ("adapters/x.py", "home = os.environ['HOME']"),
        ("adapters/x.py", "from os import getenv"),
    ],
    only_the_command_line_prints: [("engine/x.py", "print('x')"), ("adapters/client.py", "print('x')")],
    modules_say_what_they_are: [("engine/x.py", ""), ("tests/test_x.py", "x = 1\n")],
    exemptions_give_their_reason: [
        ("engine/x.py", AN_EXEMPTION),
        ("engine/x.py", AN_EXEMPTION + ": S101"),
        ("engine/x.py", "x = 1  # type: " + "ignore[arg-type]"),
    ],
    lines_are_clean: [("x.md", "x \n"), ("x.md", "\tx\n"), ("x.md", "x")],
    paths_fit_every_machine: [("x.md", "see /" + "work/x"), ("x.toml", "'/" + "home/me/x'")],
    lock_names_no_address: [("requirements.lock", "--index-url x"), ("requirements.lock", "x @ https://x")],
    scripts_introduce_themselves: [
        ("scripts/x", ""),
        ("scripts/x", "#!/usr/bin/env bash\nset -euo pipefail\n"),
    ],
}
GOOD = Source(
    "engine/x.py",
    '''"""A module that says what it is."""


def evolve(x):
    match x:
'''
    + "        case 1:\n            return 2\n" * FUNCTION_LINES_MAX
    + f"{AN_EXEMPTION}: S101 (the reason is given here)\n",
)
in_words = {"ids": lambda rule: rule.__name__}


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    """Every text file that is, or would be, committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("the tree is judged in a git work tree, by what git would commit")
    list_files = "git -c safe.directory=* ls-files -z --cached --others --exclude-standard"
    listed = subprocess.run(list_files.split(), cwd=ROOT, check=True, capture_output=True, text=True).stdout
    present = [path for path in sorted(set(listed.split("\0"))) if (ROOT / path).is_file()]
    assert "tests/test_tidy.py" in present
    contents = {path: (ROOT / path).read_bytes() for path in present}
    return [Source(path, content.decode()) for path, content in contents.items() if b"\0" not in content]


@pytest.mark.parametrize("rule", BAD, **in_words)
def test_the_tree_keeps(rule, sources):
    complaints = [f"{source.path}: {complaint}" for source in sources for complaint in rule(source)]
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)


@pytest.mark.parametrize("rule", BAD, **in_words)
def test_a_breach_is_seen_of(rule):
    for path, text in BAD[rule]:
        assert list(rule(Source(path, text))), (path, text)


@pytest.mark.parametrize("rule", BAD, **in_words)
def test_clean_code_passes(rule):
    assert not list(rule(GOOD))


def test_no_module_imports_itself_through_others(sources):
    assert import_cycle(sources) == []


@pytest.mark.parametrize(
    "back",
    [
        "import engine.x",
        "from engine import x",
        "if TYPE_CHECKING:\n    from engine.x import X",
        "def f():\n    import engine.x",
    ],
)
def test_a_cycle_of_imports_is_seen(back):
    cycle = [Source("engine/x.py", "from engine.y import Y"), Source("engine/y.py", "import tests.z")]
    assert not import_cycle([*cycle, Source("tests/z.py", "from engine import z")])
    assert set(import_cycle([*cycle, Source("tests/z.py", back)])) == {"engine.x", "engine.y", "tests.z"}


def test_scripts_can_be_run(sources):
    scripts = [
        source.path
        for source in sources
        if source.path.startswith(("scripts/", ".ci/")) and not source.path.endswith(".jsonl")
    ]
    assert scripts
    assert not [path for path in scripts if not os.access(ROOT / path, os.X_OK)]
