"""Which ``except`` clauses a test has entered: each must be, or somebody says why not.

Where this is installed every module of ours is compiled with a mark at the start of each handler.
It costs nothing until the handler is entered, so the whole suite can run with it, and processes
that tests start as well; ``every_handler.py`` beside this is the plugin that does it.
"""

import ast
import builtins
import importlib.machinery
import marshal
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import CodeType, ModuleType

PACKAGE = "quantum_trader"
SOURCE = Path(__file__).parents[2] / "src" / PACKAGE
FOLDER = "HANDLERS_ENTERED"
"""The environment's name for where marks are left; no ``QT_``, because tests clean those away."""
ENTERED, COMPILED = "entered", "compiled"
MARK = "__handler_entered__"

UNENTERED: dict[str, str] = {}
"""Handlers that no test enters, as ``path:function``, with the reason. May only shrink."""


def handlers(source: Path = SOURCE) -> dict[str, str]:
    """Every handler of the package, ``path:line``, and the function it is in, ``path:function``."""
    found: dict[str, str] = {}
    for path in sorted(source.rglob("*.py")):
        name = str(path.relative_to(source))
        for function, handler in _handlers(ast.parse(path.read_text(encoding="utf-8"))):
            found[f"{name}:{handler.lineno}"] = f"{name}:{function}"
    return found


def entered(folder: Path) -> set[str]:
    """What was entered by any process that left its marks in a folder."""
    found: set[str] = set()
    for file in (folder / ENTERED).glob("*"):
        found |= set(file.read_text(encoding="utf-8").split())
    return found


def unentered(folder: Path) -> list[str]:
    """Every handler that was not entered and has no reason; and every reason that is not needed."""
    known, seen = handlers(), entered(folder)
    missing = {where: place for where, place in known.items() if where not in seen}
    found = [f"{where} in {place}" for where, place in missing.items() if place not in UNENTERED]
    idle = sorted(set(UNENTERED) - set(missing.values()))
    return [*found, *(f"{place} is entered now: take it out of UNENTERED" for place in idle)]


def install(folder: Path) -> None:
    """Mark the handlers of every module of ours that is imported from here on."""
    for name in (ENTERED, COMPILED):
        (folder / name).mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()

    def note(where: str) -> None:
        if where not in seen:
            seen.add(where)
            with (folder / ENTERED / str(os.getpid())).open("a", encoding="utf-8") as file:
                file.write(where + "\n")

    setattr(builtins, MARK, note)
    sys.meta_path.insert(0, Finder(folder / COMPILED))


class Finder(MetaPathFinder):
    """Finds modules of ours and hands them to a loader that marks."""

    def __init__(self, compiled: Path) -> None:
        self._compiled = compiled

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The usual place, with another loader."""
        if name.split(".", maxsplit=1)[0] != PACKAGE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(name, spec.loader.path, self._compiled)
        return spec


class Loader(importlib.machinery.SourceFileLoader):
    """Compiles with marks, once for all processes of a session."""

    def __init__(self, name: str, path: str, compiled: Path) -> None:
        super().__init__(name, path)
        self._compiled = compiled / f"{name}.{sysconfig.get_config_var('SOABI')}"

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, from this session's store where another process has left it."""
        try:
            code: CodeType = marshal.loads(self._compiled.read_bytes())
        except (OSError, ValueError, EOFError):
            code = compile(_marked(Path(self.path)), self.path, "exec")
            draft = self._compiled.with_name(f"{self._compiled.name}.{os.getpid()}")
            draft.write_bytes(marshal.dumps(code))
            draft.replace(self._compiled)
        return code


def _marked(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = path.relative_to(SOURCE)
    for _, handler in list(_handlers(tree)):
        mark = ast.parse(f'{MARK}("{name}:{handler.lineno}")').body[0]
        handler.body.insert(0, ast.copy_location(mark, handler.body[0]))
    return ast.fix_missing_locations(tree)


def _handlers(tree: ast.AST, function: str = "module") -> Iterator[tuple[str, ast.ExceptHandler]]:
    for node in ast.iter_child_nodes(tree):
        inside = function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = node.name
        if isinstance(node, ast.ExceptHandler):
            yield function, node
        yield from _handlers(node, inside)
