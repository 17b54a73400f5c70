"""What the jobs of a sweep cost, and whether their networks can be built at all."""

from dataclasses import replace
from typing import Any

from common.paper import Paper
from common.recipe import Recipe
from common.training.estimate import multiplications, repeat_seconds
from common.training.network import Network
from common.training.precision import gpu_in_use
from common.training.profile import known_memory, known_step, remember, total_memory, used
from common.training.request import Request


def work(request: Request) -> float:
    """Of one job of a run, in multiplications: what weighs it against the jobs of other runs. Raises BadInput where the
    network refuses its settings."""
    recipe = request.recipe
    step = recipe.batch_size * _multiplications(request)
    return repeat_seconds(step, recipe, used(request)) / (recipe.folds or 1)


def pace(request: Request) -> float | None:
    """Seconds that a multiplication takes on this machine, from a few timed steps of the network of the paper's own
    readings; None where that does not fit into memory."""
    request = replace(request, readings={})
    if not gpu_in_use() and known_memory(request) > total_memory():
        return None
    return known_step(request) / (request.recipe.batch_size * _multiplications(request))


def _multiplications(request: Request) -> float:
    """Of one image. Counted once, since the network has to be built for it."""
    return remember(request, "multiplications an image", lambda: _counted(request.paper, request.recipe))


class _Spy:
    """A recipe that notes which of its settings were asked for."""

    def __init__(self, recipe: Recipe):
        self._recipe, self.read = recipe, {}

    def __getattr__(self, name: str) -> Any:
        self.read[name] = getattr(self._recipe, name)
        return self.read[name]


# By paper, of each network built: the settings that were read for it, and its multiplications.
_built: dict[str, list[tuple[dict[str, Any], float]]] = {}


def _counted(paper: Paper, recipe: Recipe) -> float:
    """Most readings are not about the network: one that differs in no setting that was read while another was built
    would be the same network, and is not built again."""
    known = _built.setdefault(paper.name, [])
    for read, count in known:
        if all(getattr(recipe, name, None) == value for name, value in read.items()):
            return count
    spy = _Spy(recipe)
    count = multiplications(Network.of(paper.name).build(spy))
    known.append((spy.read, count))
    return count
