"""Knows which images of BUSI published curations call doubtful, and why: axilla views, marks burnt into the image,
copies.

`busi.curations.json` beside this module has the lists, each with its source. We did not check them: an image counts as
doubtful if a curation says so. The kinds of doubt (KINDS) are words of the sources, except two: "copies" are images in
one line of a source, and "dropped" are images that a source does not keep.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Any

from common.data import manifest

KINDS = {
    "copies": "have a copy",
    "multiclass": "have a copy of another class",
    "axilla": "show the axilla and not the breast",
    "needle": "show a biopsy needle",
    "measurement": "with measurements burnt in, such as calipers",
    "text": "with text burnt in",
    "overlay": "with an overlay burnt in",
    "pictogram": "with a pictogram burnt in",
    "doppler": "with Doppler colours or their box",
    "dropped": "are not in the curated set",
}


@dataclass(frozen=True)
class Line:
    """A line of a source. kinds: keys of KINDS. cases: ids; a source that groups copies has all copies of one image in
    one line. (The stored row begins with the line's number in the source, for whoever compares the two.)"""

    kinds: tuple[str, ...]
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Curation:
    """A published list of doubtful images.

    title: who made it. about: what it is. licence: of the list, and who says so. source: the address of its file at a
    fixed commit.
    """

    title: str
    about: str
    licence: str
    source: str
    lines: tuple[Line, ...]

    def doubtful(self, kind: str | None = None) -> set[str]:
        """The ids of all images that it calls doubtful, or of those with this kind of doubt."""
        return {case for line in self.lines if kind is None or kind in line.kinds for case in line.cases}

    @property
    def groups(self) -> set[frozenset[str]]:
        """Its groups of copies, as ids. Empty if the list does not say which images are copies of each other."""
        return {frozenset(line.cases) for line in self.lines if "copies" in line.kinds}


@cache
def known_of(fingerprint: str) -> dict[str, Curation]:
    """The curations of the data set with this fingerprint (`manifest.fingerprint`), by a short name. {} for all data
    sets but the published BUSI: the lists name its files."""
    if fingerprint != manifest.fingerprint(manifest.published()):
        return {}
    stored = json.loads((files("common.data") / "busi.curations.json").read_text(encoding="utf-8"))
    return {
        name: Curation(
            *(each[key] for key in ("title", "about", "licence")),
            source="https://github.com/{repository}/blob/{commit}/{file}".format_map(each),
            lines=tuple(Line(tuple(kinds.split()), tuple(cases)) for _, kinds, cases in each["rows"]),
        )
        for name, each in stored.items()
    }


def compare_curations(fingerprint: str, groups: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Counts the images that each curation calls doubtful, and compares the curations with each other and with our
    groups of copies. Returns plain data for JSON; {} for a data set without curations.

    groups: our groups of copies, each a list of ids.

    The result has: `any`, the number of images that at least one curation calls doubtful; `shared`, for each choice of
    two or more curations the number of images that all of them call doubtful; and `lists`, for each curation the number
    of its images, also by kind, and `have_copies`, the number of those that are in our groups. For a curation with
    groups of copies, `lists` also has the number of its groups, how many of them are groups of ours too, and the groups
    that only one of us has.
    """
    known = known_of(fingerprint)
    ours = {frozenset(group) for group in groups}
    copies = frozenset().union(*ours)
    return known and {
        "any": len(frozenset().union(*(each.doubtful() for each in known.values()))),
        "shared": {
            " + ".join(chosen): len(set.intersection(*(known[name].doubtful() for name in chosen)))
            for size in range(2, len(known) + 1)
            for chosen in combinations(known, size)
        },
        "lists": {name: _describe(each, ours, copies) for name, each in known.items()},
    }


def _describe(curation: Curation, ours: set[frozenset[str]], copies: frozenset[str]) -> dict[str, Any]:
    doubtful, theirs = curation.doubtful(), curation.groups
    about = {key: getattr(curation, key) for key in ("title", "about", "licence", "source")}
    counted = {
        "images": len(doubtful),
        "kinds": _count_kinds(curation, doubtful),
        "have_copies": len(doubtful & copies),
    }
    if theirs:
        counted |= {"groups": len(theirs), "same_groups": len(theirs & ours)}
        counted |= {"groups_only_there": _sorted(theirs - ours), "groups_only_here": _sorted(ours - theirs)}
    return about | counted


def _count_kinds(curation: Curation, cases: set[str]) -> dict[str, int]:
    """The number of these cases with each kind of doubt, in the order of KINDS, without kinds that no case has."""
    counts = {kind: len(curation.doubtful(kind) & cases) for kind in KINDS}
    return {kind: number for kind, number in counts.items() if number}


def _sorted(groups: Iterable[frozenset[str]]) -> list[list[str]]:
    return sorted(map(sorted, groups))


def count_doubtful(fingerprint: str, cases: Iterable[str]) -> dict[str, Any]:
    """Counts the doubtful images among these cases, such as a test part: those that at least one curation calls
    doubtful, and those of each curation, in all and by kind. {} for a data set without curations."""
    known, cases = known_of(fingerprint), set(cases)
    return known and {
        "any": len(cases & frozenset().union(*(each.doubtful() for each in known.values()))),
        "lists": {
            name: {"images": len(cases & each.doubtful()), "kinds": _count_kinds(each, cases)}
            for name, each in known.items()
        },
    }


def table_rows(doubted: dict[str, Any], of_parts: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Rows of the table of findings: finding, number, which.

    doubted: what `compare_curations` returns. of_parts: by the name of a split, its findings with `test`, the number of
    test images, and `doubtful`, what `count_doubtful` returns for them.
    """
    for name, each in doubted.get("lists", {}).items():
        yield f"images doubted by {name}", str(each["images"]), say_kinds(each["kinds"])
        yield "  of these in our groups of copies", str(each["have_copies"]), ""
        if "groups" in each:
            yield "  its groups of copies", str(each["groups"]), f"{each['same_groups']} of them are groups here too"
    if doubted:
        yield "images on at least one list", str(doubted["any"]), f"on several: {_by_name(doubted['shared'])}"
    for name, part in of_parts.items():
        if found := part.get("doubtful"):
            by_list = _by_name({name: each["images"] for name, each in found["lists"].items()})
            share = f"{found['any'] / part['test']:.1%}"
            yield f"doubted test images, {name}", share, f"{found['any']} of {part['test']}: {by_list}"


def say_kinds(counts: Mapping[str, int]) -> str:
    """Says counts in words: "346 have a copy; 70 show the axilla and not the breast". counts: by a key of KINDS."""
    return "; ".join(f"{number} {KINDS[kind]}" for kind, number in counts.items())


def _by_name(counts: Mapping[str, int]) -> str:
    """Says counts by name: "330 pawlowska + curated-busi, 27 pawlowska + rhaiunet"."""
    return ", ".join(f"{number} {name}" for name, number in counts.items())
