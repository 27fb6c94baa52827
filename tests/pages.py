"""The documents as data: their blocks, commands, links, and what they name in backticks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "quantum_trader"
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("decisions/*.md")))

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
SYMBOL = re.compile(r"(.+\.py):(\w+)")
FILE_KINDS = (".py", ".md", ".toml", ".jsonl", ".svg", ".png")


class Block(NamedTuple):
    """A fenced block: its page, its language (empty for plain), and its lines."""

    page: str
    language: str
    lines: tuple[str, ...]


class Command(NamedTuple):
    """A command somebody may type, and what a page shows below it (None: nothing)."""

    page: str
    line: str
    output: tuple[str, ...] | None


def name_of(page: Path) -> str:
    """The page's path inside the project."""
    return str(page.relative_to(ROOT))


def text_of(page: str | Path) -> str:
    """A page as text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for language, body in FENCE.findall(text_of(page)):
        yield Block(name_of(page), language, tuple(body.splitlines()))


def commands(page: Path) -> Iterator[Command]:
    """Every ``quantum`` and ``make`` command in the blocks of a page.

    In a ``console`` block commands begin with ``$`` and what is printed stands below them.
    """
    for block in blocks(page):
        if block.language == "console":
            yield from _typed(block)
            continue
        for line in block.lines:
            if line.startswith(("quantum ", "make ")):
                yield Command(block.page, line, None)


def _typed(block: Block) -> Iterator[Command]:
    line, shown = "", list[str]()
    for each in (*block.lines, "$ "):
        if each.startswith("$ "):
            if line:
                yield Command(block.page, line, tuple(shown))
            line, shown = each[2:], []
        else:
            shown.append(each)


def links(page: Path) -> Iterator[str]:
    """Every link that leads to a file of the project, as written."""
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        if "://" not in target and not target.startswith("mailto:"):
            yield target


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def words(page: Path) -> list[str]:
    """What stands in backticks outside blocks."""
    return CODE.findall(FENCE.sub("", text_of(page)))


def is_place(word: str) -> bool:
    """Whether a word in backticks names a file or folder of the project."""
    path = SYMBOL.sub(r"\1", word)
    if not re.fullmatch(r"\.?[\w-][\w./-]*", path) or path.startswith(".venv"):
        return False
    inside = path.split("/")[0]
    known = {each.name for folder in (ROOT, PACKAGE) for each in folder.iterdir()}
    return ("/" in path and inside in known) or path.endswith(FILE_KINDS)


def resolve(word: str) -> Path | None:
    """The file or folder that a word names: from the root, else from the package."""
    path = SYMBOL.sub(r"\1", word)
    found = (folder / path for folder in (ROOT, PACKAGE))
    return next((each for each in found if each.exists()), None)


def defined_in(file: Path) -> set[str]:
    """Names that a module defines at its top."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its first two lines."""
    below = text_of(page).split(f"\n## {heading}\n", 1)[1]
    rows: list[list[str]] = []
    for line in below.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]
