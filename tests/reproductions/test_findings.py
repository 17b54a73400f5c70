"""The sentences on what came out and what surprised us (`findings` in paper.yaml): each figure in them is computed here
from the records, so that a new run can't leave an old figure standing."""

import re
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest

from common import papers
from common.evidence import claims, learned, metrics
from common.evidence.claims.relations import possible_range
from common.evidence.copy_worth import copy_worth
from common.evidence.definition import Definition
from common.evidence.kept_counts import rows_of
from common.evidence.leakage import leak
from common.evidence.results import load
from common.evidence.schema import RENEWED, Record
from common.evidence.trivial import BACKGROUND
from common.reported import Reported
from common.training.network import Network

RESULTS = Path(__file__).parents[2] / "results"
PATIENCE = 3  # of Paudel's early stopping
DICE, IOU = "dice|fg|image|t=0.5|empty=skip", "iou|fg|image|t=0.5|empty=skip"
FIGURE = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def record(paper: str, profile: str = "small", **readings: str) -> Record:
    """The record of a paper with these readings."""
    [found] = [each for each in load(RESULTS, paper) if (each.profile, each.readings) == (profile, readings)]
    return found


def scores(definition: str, paper: str, **readings: str) -> list[float]:
    return [run.metrics["test"][definition] for run in record(paper, **readings).runs]


def score(definition: str, paper: str, **readings: str) -> float:
    return mean(scores(definition, paper, **readings))


def printed_cell(paper: str, id: str) -> Reported:
    return next(cell for cell in papers.load(paper).reported if cell.id == id)


def printed(paper: str, id: str) -> str:
    return printed_cell(paper, id).value


def rounded(number: str) -> str:
    """0.5667 with two decimals, 68.61 with one."""
    return f"{float(number):.{2 if float(number) < 1 else 1}f}"


def figures_of_cheng() -> list[str]:
    raw, runs = "iou|mean2|pooled|keras-raw", record("cheng", "paper").runs
    for run in runs:
        assert run.metrics["test"][raw] == pytest.approx(run.trivial["test"][BACKGROUND][raw], abs=1e-6), "it moves"
    *lagging, learnt = sorted(runs, key=lambda run: not run.unlearned)
    assert [run.unlearned for run in lagging] == [{"segmentation": [learned.RENEWABLE]}] * 2
    [renewed] = {f"{run.metrics[RENEWED][DICE]:.2f}" for run in lagging}
    dices = [f"{run.metrics['test'][DICE]:.2f}" for run in (learnt, *lagging)]
    losses = [f"{run.metrics['test']['bce|pixel|pooled']:.2f}" for run in runs]
    return [*dices, renewed, printed("cheng", "test-loss"), *losses, printed("cheng", "test-iou"), "1"]


def figures_of_gill() -> list[str]:
    paper = papers.load("gill")
    small, own = paper.recipe("small"), paper.recipe("paper")
    assert own.filters[:3] == tuple(8 * filters for filters in small.filters[:3]), "no longer an eighth of the filters"
    low, high = claims.of_tumour(paper)["test-iou"].dice
    iou, *ours = (f"{score(each, 'gill'):.2f}" for each in ("iou|mean2|pooled|t=0.5", "dice|fg|pooled|t=0.5", DICE))
    threshold = "0.5"
    assert printed_cell("gill", "test-iou").definition.endswith(f"|t={threshold}")
    left = [threshold, f"{low:.2f}", f"{high:.2f}"]
    return [iou, rounded(printed("gill", "test-iou")), *left, *ours, str(small.side), str(own.side)]


def figures_of_kumar() -> list[str]:
    pairs = zip(scores(IOU, "kumar", network="unet"), scores(IOU, "kumar"), strict=True)
    ahead = [plain - multires for plain, multires in pairs]
    assert len(ahead) == 3
    assert min(ahead) > 0, "the plain U-Net is no longer ahead on each of three splits"
    own, plain = score(IOU, "kumar"), score(IOU, "kumar", network="unet")
    return [f"{own:.2f}", f"{plain:.2f}", printed("kumar", "test-iou")]


def figures_of_paudel() -> list[str]:
    wrong, own = re.findall(r"\d+", claims.summary(papers.load("paudel")))[:2]
    iou = float(printed("paudel", "X-iou"))
    assert f"{2 * (iou + 0.0005) / (1 + iou + 0.0005):.3f}" == "0.942", "the F1 of the largest IoU that rounds to it"
    runs = record("paudel", "paper").runs
    assert all(run.unlearned["segmentation"] and run.stopped_early for run in runs)
    for history in (run.history for run in runs):
        assert history["val_segmentation_output_loss"][-1] == min(history["val_segmentation_output_loss"])
        of_class = history["val_classification_output_loss"]
        assert min(of_class[-PATIENCE:]) > min(of_class[:-PATIENCE]), "the classification was still improving"
    epochs = [run.epochs for run in runs]
    fewest, most, asked = str(min(epochs)), str(max(epochs)), str(papers.load("paudel").recipe().epochs)
    patient = f"{score(DICE, 'paudel', patience='none'):.2f}"
    reaches = [printed("paudel", "X-iou"), "0.942", printed("paudel", "X-f1")]
    return [wrong, own, *reaches, *figures_of_table_x(), fewest, most, asked, patient]


OTHERS = ("unet", "attention-unet", "sharp-unet", "unet-plus-plus", "unet-3-plus", "sharp-attention-unet")


def figures_of_table_x() -> list[str]:
    """The least and the greatest mean Dice of the six other networks of Table X, and that of the paper's own."""
    runs = record("paudel", folds="5").runs
    assert ["segmentation" in run.unlearned for run in runs].count(False) == 1, "not in one of five folds"
    assert len(runs) == 5
    for network in OTHERS:
        assert [run.unlearned for run in record("paudel", network=network, folds="5").runs] == [{}] * 5
    others = [score(DICE, "paudel", network=network, folds="5") for network in OTHERS]
    return [f"{each:.2f}" for each in (min(others), max(others), score(DICE, "paudel", folds="5"))]


def figures_of_rahman() -> list[str]:
    own, plain = score(DICE, "rahman"), score(DICE, "rahman", residual="none")
    low, high = possible_range(Definition.parse("squared-dice-loss|fg|batch=16|soft|s=1"))
    ours = f"{own:.2f}", printed("rahman", "dice"), f"{abs(own - plain):.3f}"
    return [*ours, f"{low:g}", f"{high:g}", printed("rahman", "loss")]


def figures_of_tang() -> list[str]:
    paper = papers.load("tang")
    small, own = paper.recipe("small"), paper.recipe("paper")
    assert own.filters == tuple(8 * filters for filters in small.filters), "no longer an eighth of the filters"
    assert own.side == 2 * small.side, "no longer half the side"
    assert below_the_f1_of_the_mean_iou("image") == pytest.approx(0.045, abs=5e-4)
    assert below_the_f1_of_the_mean_iou("batch=8") == pytest.approx(0.011, abs=5e-4), "0.044 as printed"
    iou, f1 = (f"{100 * score(definition, 'tang'):.1f}" for definition in (IOU, DICE))
    near = [iou, f1, rounded(printed("tang", "unet-iou")), rounded(printed("tang", "unet-f1"))]
    # Repeat i is of the published split i mod 3.
    cmunext, unet = (
        [mean(found[split::3]) for split in range(3)]
        for found in (scores(IOU, "tang", network="cmunext"), scores(IOU, "tang"))
    )
    assert all(one < other for one, other in zip(cmunext, unet, strict=True)), "no longer below on all three splits"
    sizes = [Network.of_paper("tang").plan(paper.recipe("small", {"network": name})) for name in ("cmunext", "unet")]
    copies = copy_worth(RESULTS, record("tang"), record("tang", split="grouped"))
    assert copies.gain.certain
    return [
        *near,
        *(f"{100 * each:.1f}" for each in (*cmunext, *unet)),
        *(f"{model.count_params() / 1000:.0f}" for model in sizes),
        *(f"{each:.3f}" for each in (copies.gain.value, copies.gain.low, copies.gain.high)),
        f"{copies.share * copies.gain.value:.3f}",
    ]


def below_the_f1_of_the_mean_iou(over: str) -> float:
    """How far Tang's mean F1 is below the F1 of its mean IoU, with the pixels of an image or of a batch taken
    together."""
    record_of, (iou, f1) = record("tang"), (f"{each}|fg|{over}|t=0.5|empty=one" for each in ("iou", "dice"))
    rows = [rows_of(RESULTS, record_of, run, "test") for run in record_of.runs]
    mean_iou, mean_f1 = (mean(metrics.value(each, of) for of in rows) for each in (iou, f1))
    return 2 * mean_iou / (1 + mean_iou) - mean_f1


FIGURES: dict[str, Callable[[], list[str]]] = {
    "cheng": figures_of_cheng,
    "gill": figures_of_gill,
    "kumar": figures_of_kumar,
    "paudel": figures_of_paudel,
    "rahman": figures_of_rahman,
    "tang": figures_of_tang,
}


@pytest.mark.parametrize("paper", papers.names())
def test_every_figure_is_that_of_the_records(paper):
    assert FIGURE.findall(papers.load(paper).findings.replace("F1", "")) == FIGURES[paper]()


# What the README of a paper says of runs


def readme(paper: str) -> str:
    text = (RESULTS.parent / "reproductions" / paper / "README.md").read_text(encoding="utf-8")
    return " ".join(text.split())


def test_the_readme_of_paudel_says_what_the_small_network_learns_without_patience():
    accuracy, without = "accuracy|class|case", {"patience": "none"}
    runs, reached = record("paudel", **without).runs, score(accuracy, "paudel", **without)
    assert [list(run.unlearned) for run in runs] == [["segmentation"]] * len(runs)
    assert len({run.repeat for run in runs}) == 2
    assert (
        f"in all {len(runs)} folds of two cross-validations (class accuracy {reached:.2f}, where "
        f"{score(accuracy, 'paudel'):.2f} is reached with it)"
    ) in readme("paudel")
    assert f"(Dice {score(DICE, 'paudel', **without):.2f})" in readme("paudel")


@pytest.mark.parametrize("network", ["own", *OTHERS])
def test_the_readme_of_paudel_says_what_the_networks_of_table_x_reach(network):
    readings = {} if network == "own" else {"network": network}
    runs = record("paudel", folds="5", **readings).runs
    segmented = ["segmentation" in run.unlearned for run in runs].count(False)
    dice, iou = (f"{score(each, 'paudel', folds='5', **readings):.2f}" for each in (DICE, IOU))
    [of_table_x] = [
        cell.value
        for cell in papers.load("paudel").reported
        if cell.id.startswith("X-") and cell.name == "IoU" and cell.readings == readings
    ]
    name = "own" if network == "own" else f"`{network}`"
    assert f"| {name} | {dice} | {iou} | {segmented} of {len(runs)} | {of_table_x} |" in readme("paudel")


def test_the_readme_of_tang_says_what_copies_are_worth():
    random, grouped = record("tang"), record("tang", split="grouped")
    found, means = copy_worth(RESULTS, random, grouped), leak(random, grouped, "test", IOU)
    gain = found.gain
    assert (
        f"a test image has on average {gain.value:.3f} more Dice than without one (95 % over images: {gain.low:.3f} to "
        f"{gain.high:.3f}), which makes {found.share * gain.value:.3f} of the mean. A few images gain most of it; half "
        f"of the {found.images} gain {found.half:.3f} or less. Other trainings may give more or less. Images whose "
        f"copies were not among the training images gain {found.idle:.3f}, which speaks against the kind of these "
        f"images as the cause. The mean IoU is {score(IOU, 'tang'):.3f} with copies and "
        f"{score(IOU, 'tang', split='grouped'):.3f} without; three runs of each can't tell this difference from "
        f"nothing ({means.low:.3f} to {means.high:.3f})."
    ) in readme("tang")


def test_the_readme_of_tang_says_how_far_the_f1_is_below_that_of_the_mean_iou():
    image, two, four, eight = (
        f"{below_the_f1_of_the_mean_iou(over):.3f}" for over in ("image", "batch=2", "batch=4", "batch=8")
    )
    said = f"{image} over images, {two} over batches of 2, {four} over batches of 4 and {eight} over batches of 8"
    assert said in readme("tang")
