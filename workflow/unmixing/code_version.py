"""Versions of the code that numbers depend on.

A version hashes the syntax trees of declared modules with their docstrings removed, so that comments, layout
and file times change nothing, while a formula does. Rules carry versions in ``params``: a job is redone exactly
when the code that decides its result changes in meaning.
"""

import ast
import hashlib
from functools import cache, lru_cache
from pathlib import Path

PACKAGE = Path(__file__).parent

NUMERIC_MODULES: dict[str, tuple[str, ...]] = {
    "augmentation": (
        "augment",
        "augmentation.operations",
        "augmentation.treatments",
        "losses.angles",
        "models.cnnaeu",
        "ops",
        "patches",
        "protocol.augmentation",
        "protocol.baseline",
        "seeds",
        "training.augmented",
        "training.fitting",
        "training.image_sets",
        "training.reconstruction",
    ),
    "baseline": (
        "losses.angles",
        "models.cnnaeu",
        "ops",
        "patches",
        "protocol.baseline",
        "seeds",
        "training.fitting",
        "training.reconstruction",
    ),
    "classical": (
        "classical.abundances",
        "classical.active_set",
        "classical.checks",
        "classical.extraction",
        "classical.factorisation",
        "classical.methods",
        "classical.reference_rows",
        "seeds",
    ),
    "contrastive": (
        "augmentation.operations",
        "augmentation.treatments",
        "classical.abundances",
        "classical.active_set",
        "classical.checks",
        "embeddings",
        "losses.angles",
        "losses.contrastive",
        "models.cnnaeu",
        "models.contrastive",
        "models.heads",
        "ops",
        "patches",
        "protocol.augmentation",
        "protocol.contrastive",
        "seeds",
        "training.contrastive",
        "training.fitting",
        "training.label_maps",
        "training.labels",
        "training.views",
    ),
    "evaluate": (
        "classical.abundances",
        "classical.active_set",
        "classical.checks",
        "classical.reference_rows",
        "evaluation",
        "metrics",
    ),
    "evaluate_classical": (
        "classical.abundances",
        "classical.active_set",
        "classical.checks",
        "classical.extraction",
        "classical.factorisation",
        "classical.methods",
        "classical.reference_rows",
        "evaluation",
        "evaluation_classical",
        "metrics",
    ),
}
"""For each phase the modules that decide its numbers; ``evaluate`` scores what the phases estimated."""

INFRASTRUCTURE = frozenset(
    {
        "cells",
        "code_version",
        "configuration",
        "contrastive_cells",
        "errors",
        "provenance",
        "sections",
        "store",
        "study",
    }
)
"""Modules that carry numbers about and decide none: no version holds them."""

DATA_SUFFIXES = frozenset({".css", ".csv", ".html", ".js", ".yaml"})
"""Files beside a module that its result depends on (published values, templates, the registry)."""


def module_path(module: str) -> Path:
    """Return the file of a module of this package, named relative to it (``training.reconstruction``)."""
    base = PACKAGE.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@cache
def _read(path: Path, changed: int) -> tuple[tuple[str, ...], str]:
    """Return what a file imports of this package, and its normalised source, for which it is parsed once.

    Args:
        path: of the file.
        changed: time of its last change, in nanoseconds.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    return _imports(nodes), _normalised(tree, nodes)


def _imports(nodes: list[ast.AST]) -> tuple[str, ...]:
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if _exists(name) else node.module for name in whole]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in filter(_exists, names):
            inside = name.removeprefix("unmixing.")
            found.add(inside)
            if module_path(inside).name == "__init__.py":
                # A package may load its modules on first use, by name: it counts as all of them.
                found.update(f"{inside}.{other.stem}" for other in module_path(inside).parent.glob("[!_]*.py"))
    return tuple(sorted(found))


def normalised_source(module: str) -> str:
    """Return a module's syntax tree as text, without docstrings, comments and positions, its imports sorted."""
    path = module_path(module)
    return _read(path, path.stat().st_mtime_ns)[1]


def _normalised(tree: ast.Module, nodes: list[ast.AST]) -> str:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # Strings that stand alone document: first in a body, or below a constant.
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            node.names.sort(key=lambda alias: (alias.name, alias.asname or ""))
    imports = [part for part in tree.body if isinstance(part, ast.Import | ast.ImportFrom)]
    rest = [part for part in tree.body if part not in imports]
    return "\n".join([*sorted(map(_dump, imports)), *map(_dump, rest)])


def _dump(value: object) -> str:
    """Return a syntax tree as text that does not depend on the version of Python.

    Versions differ in the empty fields that they add or leave out; none of those is written.
    """
    if isinstance(value, ast.AST):
        fields = [(name, getattr(value, name, None)) for name in value._fields if name != "kind"]
        written = ", ".join(f"{name}={_dump(part)}" for name, part in fields if part is not None and part != [])
        return f"{type(value).__name__}({written})"
    if isinstance(value, list):
        return f"[{', '.join(map(_dump, value))}]"
    return repr(value)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def imported_modules(module: str) -> set[str]:
    """Return the modules of this package that a module imports, at its top or inside a function."""
    path = module_path(module)
    return set(_read(path, path.stat().st_mtime_ns)[0])


def _exists(name: str) -> bool:
    inside = name.removeprefix("unmixing.")
    return inside != name and module_path(inside).exists()


def closure(module: str) -> tuple[str, ...]:
    """Return a module and all of this package that it imports, directly or not, sorted."""
    known: set[str] = set()
    waiting = [module]
    while waiting:
        current = waiting.pop()
        if current not in known:
            known.add(current)
            waiting.extend(imported_modules(current) - known)
    return tuple(sorted(known))


@lru_cache
def _version(modules: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for module in modules:
        digest.update(f"{module}\n{normalised_source(module)}\n".encode())
    for folder in sorted({module_path(module).parent for module in modules} - {PACKAGE}):
        for path in sorted(folder.iterdir()):
            if path.suffix in DATA_SUFFIXES:
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def code_version(phase: str) -> str:
    """Return the version of the numeric code of a phase, 12 hexadecimal digits."""
    return _version(NUMERIC_MODULES[phase])


def output_version(module: str) -> str:
    """Return the version of one table's, figure's or scene maker's code: the module and what it imports."""
    return _version(tuple(part for part in closure(module) if part not in INFRASTRUCTURE))
