"""results/definitions.md: how to read the tables of results/<paper>.md."""

from common.evidence import clinical, worded
from common.evidence.statistics import RESAMPLES
from common.evidence.tables import bullets, markdown_table
from common.evidence.trivial import SPLITS

# The names of the two columns of the leak-free record.
GROUPED, LESS = "grouped split", "random less grouped split"

_OF_CLINICIANS = bullets(clinical.explain_measures("busi"))

PAGE = f"""\
# How to read the tables

[README.md](README.md) has the verdicts. [RULES.md](../common/evidence/RULES.md) has the rules behind them. This page
explains the columns of the other pages, and how a definition is spelt.

## Columns

Each repeat has its own split and its own initial weights. All folds of a cross-validation together are one repeat.

| column | what it is |
| --- | --- |
| mean | the mean over the repeats; *n* is their number |
| next run | one further run falls into this interval with 95 % probability; the paper's run is such a run |
| all background | what a predictor scores that marks no tumour and calls no image positive |
| constant prevalence | the same, where every pixel gets the tumour's share of the training pixels as its probability |
| {GROUPED} | mean and next run of the same networks with all copies of an image on one side of the split |
| {LESS} | how much higher our mean is under the random split, with its 95 % confidence interval (Welch 1947) |
| first repeat | the first repeat on its own test images |

- The two columns of predictors that have learned nothing also have, in brackets, what they score on 95 % of {SPLITS:,}
  random splits, where the masks of the data set are known.
- With the grouped split (`split=grouped`) no copy of a training image is tested. Groups of copies with images of two
  classes are left out. If a data set names patients or lesions, all images of each are on one side.
- *Image by image*: a test image is compared with itself, in runs that trained on a copy of it and in runs with the
  grouped split. What images without copies gain from one to the other is taken off. The premise: without a copy, images
  that have copies would gain as much. The interval is over images (bootstrap; copies of each other are drawn together)
  and takes the trainings as they are. Only images with a tumour count.
- The interval of the first repeat is over its test images: {RESAMPLES:,} bootstrap resamples (Efron 1979). It says what
  the choice of the test images alone does. *next run* also has what another training does. Images are taken as
  independent; copies among them make the true interval wider.
- Intervals are shown cut at the ends of what a metric can be, such as 0 and 1. Verdicts come from the whole ones.
- For a number of a single image, *mean* and *next run* are the mean and the middle 95 % of our test images.

## Claims in words

These are claims that a paper makes without a number of its own. A claim about one network is set against *next run*. A
claim that one network is better than another is set against the 95 % confidence interval of the difference of their
means, in pairs of repeats with the same split where there are such.

{markdown_table(["status", "meaning"], *([status, meaning] for status, meaning in worded.MEANINGS.items()))}

## What clinicians ask

{_OF_CLINICIANS}

## Definitions

"IoU" is not one number. So every value here names its definition: metric, target, aggregation, decision. For example,
`iou|fg|image|t=0.5|empty=one` is the tumour's IoU at the threshold 0.5, averaged over images, where an image without
tumour in mask and prediction counts as 1.

| part | meaning |
| --- | --- |
| `fg`, `bg`, `mean2` | the tumour; all else; the mean of both |
| `pooled` | the pixels of all images are counted together |
| `image` | each image has its own value; the mean of these is taken |
| `batch=K` | the pixels of K images are counted together; a smaller last batch weighs less |
| `batches=K` | the same, but all batches weigh alike, as in the metrics of Keras |
| `t=0.5` | the threshold above which a pixel is marked |
| `soft` | no threshold: the probabilities themselves are summed |
| `s=1` | a constant that is added above and below the fraction line |
| `keras-raw` | Keras' `MeanIoU` without a threshold: a pixel is marked where its probability is exactly 1 |
| `empty=skip`, `one`, `zero` | what an image counts as that has no tumour in mask and prediction |
| `truth=hard` | a mask's pixel counts as tumour from one half on; without it, no answer is right between 0 and 1 |
| `class`, `case` | whole images that are classified |
| `clip=keras`, `torch` | the limits that a library puts on a cross-entropy; without it, it is computed from logits |
| `printed-dice`, `squared-dice-loss` | formulas as a paper prints them under another name |

Under `keras-raw`, a network that never reaches a probability of exactly 1 scores as if it had marked nothing.
`common/evidence/definition.py` has all definitions with their formulas.
"""
