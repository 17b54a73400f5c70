"""What a number depends on, as two hashes: of the recipe, and of the code that prepares, trains and counts.

A record made by another recipe, or by other code that is not known to give the same bits (`common.evidence.lineage`),
is marked stale until it is made again. Comments, docstrings and layout don't count: the hash is taken of the syntax
tree, in a form that does not vary with the version of Python.
"""

import ast
import hashlib
import json
from functools import cache
from importlib.resources import files

from common.paper import Paper, Recipe

# From the files of a data set to arrays, and from arrays to the counts of a test image. What comes after (metrics,
# intervals, tables) is computed again from the counts each time, so it can't be stale.
PREPARING = (
    "common/data/decode.py",
    "common/data/grey.py",
    "common/data/masks.py",
    "common/data/outline.py",
    "common/data/decoded.py",
    "common/data/prepare.py",
)
CODE = (
    *PREPARING,
    "common/seeds.py",
    "common/data/splits.py",
    "common/data/augment.py",
    "common/data/batches.py",
    "common/training/seeds.py",
    "common/training/losses.py",
    "common/training/running.py",
    "common/training/callbacks.py",
    "common/training/loop.py",
    "common/training/scan.py",
    "common/training/fit.py",
    "common/training/evaluate.py",
    "common/evidence/surfaces.py",
    "common/evidence/counts.py",
)


def recipe_hash(recipe: Recipe) -> str:
    """12 hex digits that change with the settings. One at its default in `Recipe` does not count, so that a new one
    leaves the papers alone that don't use it."""
    settings = recipe.model_dump(exclude_defaults=True)
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()


def code_hash(paper: Paper) -> str:
    """12 hex digits that change with the paper's `model.py` and the code above."""
    code = map(_code, (*CODE, f"reproductions/{paper.name}/model.py"))
    return hashlib.blake2b(b"".join(code), digest_size=6).hexdigest()


def preparing_hash() -> str:
    """12 hex digits that change with the code between a data set's files and its prepared arrays."""
    return hashlib.blake2b(b"".join(map(_code, PREPARING)), digest_size=6).hexdigest()


@cache  # as the code that was imported stays what it was when the process began
def _code(name: str) -> bytes:
    package, *path = name.split("/")
    return canonical(files(package).joinpath(*path).read_text(encoding="utf-8")).encode()


def canonical(source: str) -> str:
    """The syntax tree of Python source as text, without docstrings and whatever is empty."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            node.body = body[1:]
    return _canonical(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _canonical(node) -> str:
    if isinstance(node, list):
        return "[" + ",".join(map(_canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return f"{type(node).__name__}({','.join(f'{name}={_canonical(value)}' for name, value in fields)})"
