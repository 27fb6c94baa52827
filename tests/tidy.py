"""The rules of the house: each is a function from one file to what it found there."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

PACKAGE = "src/quantum_trader/"
CORE = PACKAGE + "core/"
SUPERVISOR = PACKAGE + "services/supervisor.py"
APPROVER = CORE + "risk/review.py"

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
FUNCTION_LINES_P90_BELOW = 30
PARAMETERS_MAX = 6
ROOT_ENTRIES_MAX = 15

CORE_MODULES_BANNED = re.compile(
    r"(asyncio|concurrent|contextvars|http|io|logging|multiprocessing|numpy\.random|os|pathlib"
    r"|random|secrets|select|selectors|shutil|signal|socket|sqlite3|ssl|structlog|subprocess"
    r"|tempfile|threading|time|urllib|uuid\.uuid[14])(\.|$)"
)
CORE_CALLS_BANNED = frozenset({"now", "today", "urandom", "utcnow", "uuid1", "uuid4"})
# hash() of a text differs from one process to the next, so a replay would not agree.
CORE_BUILTINS_BANNED = frozenset({"breakpoint", "eval", "exec", "hash", "input", "open", "print"})
MARKS = re.compile(r"\b(" + "|".join(w.upper() for w in ("todo", "fixme", "xxx")) + r")\b")
CONFLICT = re.compile(r"^(<{7}|>{7})( |$)")
TEXTS = frozenset((".cfg", ".css", ".html", ".in", ".js", ".md", ".py", ".sh", ".toml", ".yml", ""))

TYPE_CHECKING_TESTS = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


class Finding(NamedTuple):
    """One measured breach. ``subject`` is the function, call or name it is about."""

    rule: str
    file: str
    subject: str
    value: int


Rule = Callable[[str, str], Iterator[Finding]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function with its dotted name, nested ones too."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, Function | ast.ClassDef)
        name = f"{prefix}{node.name}" if isinstance(node, Function | ast.ClassDef) else prefix
        if isinstance(node, Function):
            yield name, node
        yield from functions(node, f"{name}." if named else prefix)


def lines_of(function: Function) -> int:
    """Count the lines of a function from ``def`` to its end; prose about it is not length."""
    first = function.body[0]
    is_prose = ast.get_docstring(function) is not None
    prose = (first.end_lineno or 0) - first.lineno + 1 if is_prose else 0
    return (function.end_lineno or 0) - function.lineno + 1 - prose


def parameters_of(function: Function) -> int:
    """Count what a caller may pass; ``self`` and ``cls`` are not passed."""
    given = function.args
    everyone = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    names = [one.arg for one in everyone if one is not None]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs: everything but the bodies of ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in TYPE_CHECKING_TESTS:
            for alternative in node.orelse:
                yield from runtime_nodes(alternative)
            continue
        yield node
        yield from runtime_nodes(node)


def imports_of(node: ast.AST) -> list[str]:
    """Return the dotted names an import statement may load; nothing for any other node."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            return [f"{module}.{alias.name}" for alias in names]
        case ast.ImportFrom(names=names):
            return [f"quantum_trader.{alias.name}" for alias in names]
    return []


def called(node: ast.AST) -> str:
    """Return the last name of what is called: ``now`` for ``datetime.now()``."""
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def file_length(file: str, text: str) -> Iterator[Finding]:
    """Split the file along a noun."""
    length = len(text.splitlines())
    if length > FILE_LINES_MAX:
        yield Finding("file length", file, "", length)


def function_length(file: str, text: str) -> Iterator[Finding]:
    """Name the steps of the function and make them functions."""
    for name, function in functions(ast.parse(text)):
        if lines_of(function) > FUNCTION_LINES_MAX:
            yield Finding("function length", file, name, lines_of(function))


def parameters(file: str, text: str) -> Iterator[Finding]:
    """More than six parameters mean a missing noun."""
    for name, function in functions(ast.parse(text)):
        if parameters_of(function) > PARAMETERS_MAX:
            yield Finding("parameters", file, name, parameters_of(function))


def broad_except(file: str, text: str) -> Iterator[Finding]:
    """Name the failure you expect; the supervisor catches the rest, once."""
    broad = 0
    for node in ast.walk(ast.parse(text)):
        caught: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler):
            caught = [*node.type.elts] if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and called(node) == "suppress":
            caught = [*node.args]
        names = {"" if one is None else ast.unparse(one).split(".")[-1] for one in caught}
        broad += bool(names & {"", "Exception", "BaseException"})
    if broad > (file == SUPERVISOR):
        yield Finding("broad except", file, "", broad)


def inner_import(file: str, text: str) -> Iterator[Finding]:
    """Import own modules at the top; a hidden import hides a cycle."""
    for name, function in functions(ast.parse(text)):
        for node in ast.walk(function):
            for target in imports_of(node):
                if target.split(".")[0] in ("quantum_trader", "tests"):
                    yield Finding("inner import", file, f"{name}: {target}", 1)


def core_purity(file: str, text: str) -> Iterator[Finding]:
    """Take time and chance as arguments; leave waiting, printing and files to services."""
    if not file.startswith(CORE):
        return
    waits = ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith
    for node in runtime_nodes(ast.parse(text)):
        if isinstance(node, waits):
            yield Finding("core purity", file, "async", 1)
        builtin = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        banned = CORE_CALLS_BANNED | CORE_BUILTINS_BANNED if builtin else CORE_CALLS_BANNED
        if called(node) in banned:
            yield Finding("core purity", file, f"call of {called(node)}", 1)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("np.random", "numpy.random"):
            yield Finding("core purity", file, "use of numpy.random", 1)
        for target in imports_of(node):
            if CORE_MODULES_BANNED.match(target):
                yield Finding("core purity", file, f"import of {target}", 1)


def approval(file: str, text: str) -> Iterator[Finding]:
    """Ask for a review; only the review may make the proof that one took place."""
    if not file.startswith(PACKAGE) or file == APPROVER:
        return
    made = sum(called(node) == "ApprovedIntent" for node in ast.walk(ast.parse(text)))
    if made:
        yield Finding("approval", file, "ApprovedIntent", made)


def module_prose(file: str, text: str) -> Iterator[Finding]:
    """Say in a sentence what the file is."""
    if file.startswith(PACKAGE) and not ast.get_docstring(ast.parse(text)):
        yield Finding("module prose", file, "", 1)


def leftovers(file: str, text: str) -> Iterator[Finding]:
    """Finish it, or write it down where plans are kept."""
    for number, line in enumerate(text.splitlines(), 1):
        if MARKS.search(line) or CONFLICT.match(line):
            yield Finding("leftovers", file, f"line {number}", 1)


CODE_RULES: tuple[Rule, ...] = (
    file_length,
    function_length,
    parameters,
    broad_except,
    inner_import,
    core_purity,
    approval,
    module_prose,
)


def measure(file: str, text: str) -> list[Finding]:
    """Ask every rule about one file; findings about the same subject are added up."""
    found: Counter[tuple[str, str, str]] = Counter()
    for rule in CODE_RULES:
        for finding in rule(file, text):
            found[finding[:3]] += finding.value
    return [Finding(*key, value) for key, value in found.items()]


def cycle(modules: Mapping[str, str]) -> list[str]:
    """Return a runtime import cycle among modules (dotted name to text), or an empty list."""
    graph = {
        name: {
            owner
            for node in runtime_nodes(ast.parse(text))
            for target in imports_of(node)
            for owner in [target if target in modules else target.rpartition(".")[0]]
            if owner in modules and owner != name
        }
        for name, text in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
