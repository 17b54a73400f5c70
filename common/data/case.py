"""One case of a data set: which files it has, and the pixels, faults and doubts that reading them gives."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import TypeVar

import cv2
import numpy as np
from rich import get_console
from rich.progress import track

from common.data.decode import decode_image, decode_mask, read_size, same_shape
from common.data.masks import merge
from common.data.open_image import LARGEST, Unreadable
from common.data.outlines import meant_area
from common.errors import BadInput

_Result = TypeVar("_Result")

# A mask is doubted if it marks more than these shares of the image and of its border. In BUSI they are 0.56 and 0.03 at
# most.
_MOST, _MOST_OF_BORDER = 0.7, 0.5
# Several masks are doubted if their areas add up to more than this many times their union. In BUSI it is 1.1 at most.
_OVERLAP = 1.5
_BLACK = 16  # an image is doubted if all its values are below this


@dataclass(frozen=True)
class Case:
    """One image of a data set, with its masks.

    id: unique within its data set.
    label: the class, "" if it is not known.
    group: the same for all cases of one patient or lesion.
    masks: a file for each lesion that was drawn. Without a file, the truth is an empty mask.
    scaled: whether a mask may have another size than the image and still shows the same area.
    outlined: whether a mask may hold the outline of a lesion, which is then filled.
    copy_of: if this case is a changed copy (`common.data.enlarge`), the id of the case that it is a copy of; else "".
    """

    id: str
    label: str
    group: str
    image: Path
    masks: tuple[Path, ...]
    scaled: bool = False
    outlined: bool = False
    copy_of: str = ""


@dataclass
class Decoded:
    """The decoded files of a case.

    image: uint8 (H, W, 3) RGB, None if it can't be read.
    drawn: the masks as their files have them, bool.
    unreadable: a line for each file that can't be read.
    misfits: a line for each mask that can be read but does not suit its image.
    doubts: a sentence for each thing that is used but may be a mistake, without the name of the case.
    """

    image: np.ndarray | None = None
    drawn: list[np.ndarray] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def unusable(self) -> list[str]:
        """A line for each file that can't be used to train on."""
        return self.unreadable + self.misfits


def read_case(case: Case) -> Decoded:
    """Decodes all files of a case. A file that can't be used is named in the result, with the reason."""
    found, turned = Decoded(), False
    try:
        found.image, found.doubts, turned = decode_image(case.image)
        found.doubts += brightness_doubts(found.image)
    except Unreadable as error:
        found.unreadable.append(str(error))
    for path in case.masks:
        try:
            mask, doubts, _ = decode_mask(path)
        except Unreadable as error:
            found.unreadable.append(str(error))
            continue
        found.misfits += _misfit(case, path, mask, found.image, turned)
        found.drawn.append(mask)
        found.doubts += doubts
    if turned and case.masks:
        found.doubts.append("its EXIF tag turns the image. Was the mask drawn on the turned image, as viewers show it?")
    return found


def _misfit(case: Case, path: Path, mask: np.ndarray, image: np.ndarray | None, turned: bool) -> list[str]:
    """A line that says why this mask does not suit its image; [] if it does. turned: whether the image was turned."""
    if image is not None:
        (height, width), (rows, columns) = mask.shape, image.shape[:2]
        if not (same_shape(mask.shape, image.shape[:2]) if case.scaled else mask.shape == image.shape[:2]):
            wanted = "of the proportions" if case.scaled else "the"
            return [
                f"{path}: the mask is {width}x{height} pixels, not {wanted} {columns}x{rows} of its "
                f"image{', which its EXIF tag turns' * turned}: "
                "save it at the size of the image, so that both show the same area"
            ]
    if case.outlined and not mask.any():
        return [f"{path}: a contour that marks nothing"]
    return []


def on_one_grid(found: Decoded, case: Case) -> list[np.ndarray]:
    """The masks of a case that has no faults, bool, with outlines filled, all of one size. This is their own size if
    they agree in it, else the size of the image. Adds doubts about the masks to `found.doubts`."""
    if not found.drawn:
        masks = [np.zeros(found.image.shape[:2], bool)]
    else:
        meant = [meant_area(mask, case.outlined) for mask in found.drawn]
        found.doubts += [doubt for _, doubt in meant if doubt]
        masks = [mask for mask, _ in meant]
    if len({mask.shape for mask in masks}) > 1:
        masks = [on_grid_of(found.image, mask) for mask in masks]
    found.doubts += doubts_of_masks(case, masks)
    return masks


def on_grid_of(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mask, bool, resized to the height and width of the image."""
    return cv2.resize(mask.view(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0


def true_mask(case: Case, found: Decoded, masks: str) -> np.ndarray:
    """The truth of a case that has no faults, bool, at the height and width of its image. masks: how several masks
    become one, as in `Recipe.masks`."""
    return on_grid_of(found.image, merge(on_one_grid(found, case), masks) > 127)


def union_of_masks(case: Case, image: np.ndarray, drawn: Sequence[np.ndarray]) -> np.ndarray:
    """The union of the masks of a case, bool, with outlines filled, at the height and width of its image."""
    areas = [on_grid_of(image, meant_area(mask, case.outlined)[0]) for mask in drawn]
    return np.logical_or.reduce([np.zeros(image.shape[:2], bool), *areas])


def brightness_doubts(image: np.ndarray) -> list[str]:
    """A doubt about an image, uint8, that shows hardly anything."""
    brightest = int(image.max())
    if brightest < _BLACK:
        return [f"the image is almost black, {brightest} of 255 at most. Has it fewer bits than its file?"]
    return []


def doubts_of_masks(case: Case, masks: list[np.ndarray]) -> list[str]:
    """Doubts about masks that can be used, bool and of one size. Only a person can resolve them: a tumour may fill the
    image, and a lesion may be missing from the drawing."""
    union = np.logical_or.reduce(masks)
    border = np.concatenate([union[0], union[-1], union[:, 0], union[:, -1]])
    doubts = []
    if union.mean() > _MOST and border.mean() > _MOST_OF_BORDER:
        doubts.append(f"{union.mean():.0%} of the image is marked, most of its border too. Is the mask inverted?")
    if case.masks and case.label not in ("normal", "") and not union.any():
        doubts.append(f"nothing is marked, though the class is {case.label}.")
    if sum(map(np.count_nonzero, masks)) > _OVERLAP * np.count_nonzero(union):
        doubts.append("its masks cover much of the same area. Are they of several readers? All are taken as lesions.")
    return doubts


# How many more pixels threads may decode now. All together may decode as many as one image of the largest size has.
_pixels_left = LARGEST
_changed = Condition()


@contextmanager
def memory_for(case: Case) -> Iterator[None]:
    """Waits until there is memory for the largest file of a case, beside the files that other threads are decoding.
    Reserves it until the context ends."""
    global _pixels_left
    needed = 0
    for path in (case.image, *case.masks):
        try:
            width, height = read_size(path)
        except Unreadable:  # decoding will report it
            continue
        needed = max(needed, width * height)
    with _changed:
        _changed.wait_for(lambda: _pixels_left >= needed)
        _pixels_left -= needed
    try:
        yield
    finally:
        with _changed:
            _pixels_left += needed
            _changed.notify_all()


def read_all(
    use: Callable[[int, Decoded], _Result], cases: Sequence[Case], *, misfits: bool, title: str = ""
) -> list[_Result]:
    """Reads all cases in parallel, calls `use` with the position and the decoded files of each, and returns the results
    in the order of the cases. The pixels are dropped after each call: those of all cases would not fit into memory.

    misfits: whether masks that do not suit their image are refused too. title: of a progress bar, "" for none.

    Raises BadInput with a list of every file that can't be used.
    """

    def read_one(position: int) -> tuple[list[str], _Result | None]:
        with memory_for(cases[position]):
            found = read_case(cases[position])
            wrong = found.unusable if misfits else found.unreadable
            return wrong, None if wrong else use(position, found)

    with ThreadPoolExecutor() as pool:  # Pillow, OpenCV and blake2b leave the interpreter lock while they work
        # If the output is no terminal, a bar that vanishes at the end leaves an empty line.
        silent = not (title and get_console().is_terminal)
        outcomes = pool.map(read_one, range(len(cases)))
        done = list(track(outcomes, title, len(cases), transient=True, disable=silent))
    if wrong := [line for lines, _ in done for line in lines]:
        raise BadInput.listing("These files can't be used:", wrong, "Replace or remove them.")
    return [result for _, result in done]


def unusable_files(cases: Sequence[Case], alone: Iterable[Path] = ()) -> list[str]:
    """A line for each file that can't be used. Callers list them together with faults in the files' names, so that a
    person can mend a folder in one go. alone: images without a mask."""

    def faults(case: Case) -> list[str]:
        with memory_for(case):
            return read_case(case).unusable

    whole = [*cases, *(Case(path.name, "", "", path, ()) for path in alone)]
    with ThreadPoolExecutor() as pool:
        return [line for lines in pool.map(faults, whole) for line in lines]
