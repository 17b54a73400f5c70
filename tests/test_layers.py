"""The layers of `common`: a module imports from its own layer or from a lower one, and never in a circle."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The lowest first. A name stands for the module, or for the package with all that is in it.
LAYERS = (
    (
        "arrays",
        "complaints",
        "cores",
        "ending",
        "errors",
        "files",
        "limits",
        "lock",
        "newest",
        "paths",
        "plural",
        "seeds",
        "strict_yaml",
        "text",
    ),
    ("paper", "papers", "protocol", "readings", "recipe", "reported"),
    ("data",),
    ("evidence",),
    ("training",),
    ("predict", "sweep", "report", "bench"),
    ("cli",),
)
LAYER = {f"common.{name}": number for number, names in enumerate(LAYERS) for name in names}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "common").rglob("*.py"))
}


@cache
def imports_of(module: str) -> set[str]:
    """The modules of `common` that a module names in its imports, those inside of functions too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: a relative import"
            # What is imported is a module, or stands in one.
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside & MODULES.keys() or {node.module}
    return found & MODULES.keys() - {"common"}


def layer(module: str) -> int:
    return LAYER[".".join(module.split(".")[:2])]


def test_every_module_has_a_layer():
    assert {module for module in MODULES.keys() - {"common"} if ".".join(module.split(".")[:2]) not in LAYER} == set()


def test_no_import_runs_upwards():
    upwards = [
        f"{module} imports {imported}"
        for module in MODULES
        for imported in sorted(imports_of(module))
        if layer(imported) > layer(module)
    ]
    assert upwards == []


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter({module: imports_of(module) for module in MODULES}).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None


def test_the_imports_are_seen():
    """Also those inside of functions, of modules and of what stands in them."""
    assert {"common.errors", "common.sweep.grid"} <= imports_of("common.cli.sweep")
    assert "common.training.run" in imports_of("common.sweep.grid")
