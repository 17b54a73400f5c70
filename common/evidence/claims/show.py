"""The findings as people read them, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby

from common.evidence.claims.check import check, regions
from common.evidence.claims.findings import Finding, Region
from common.evidence.claims.relations import Interval
from common.paper import Paper

# Of findings with the same relation and premise, so many are told in full; JSON has all.
SHOWN = 3


def as_json(papers: list[Paper], known: dict[str, Interval] | None = None) -> str:
    """{paper: {"findings": [...], "regions": [...]}}, the fields of `Finding` and `Region`. known: by paper, as in
    `lines`."""
    found = {
        paper.name: {
            "findings": [asdict(each) for each in check(paper)],
            "regions": [asdict(each) for each in regions(paper, (known or {}).get(paper.name))],
        }
        for paper in papers
    }
    return json.dumps(found, indent=1, ensure_ascii=False)


def lines(paper: Paper, known: Interval | None = None) -> Iterator[str]:
    """Findings by relation, those that assume another reading last; then what accuracy and IoU leave for the share of
    tumour pixels. known: least and greatest such share of the data set in a part of that size, 0 to 1."""
    found = check(paper)
    cells = {cell for each in found if not each.assumed for cell in each.cells}
    yield f"{paper.name.capitalize()}: {len(paper.reported)} reported numbers, {len(cells)} of them in contradictions."
    for assumed in (False, True):
        of_kind = [each for each in found if each.assumed == assumed]
        for (relation, premise), group in groupby(sorted(of_kind, key=_kind), _kind):
            yield from _told(relation, premise, list(group))
    for region in regions(paper, known):
        yield f"  {_region(region)}"


def _kind(finding: Finding) -> tuple[str, str]:
    return finding.relation, finding.premise


def _told(relation: str, premise: str, group: list[Finding]) -> Iterator[str]:
    condition = f" (if {premise})" if premise else ""
    most = max(len(each.cells) for each in group)
    verdict = f"cannot {({1: '', 2: 'both '}).get(most, 'all ')}be right as printed"
    yield f"  {relation}, {len(group)}: {verdict}{condition}"
    for finding in group[:SHOWN]:
        doubt = "" if finding.certainty == "certain" else " Unless digits were cut off and not rounded."
        yield f"    {finding.text}{doubt}"
    if len(group) > SHOWN:
        yield f"    and {len(group) - SHOWN} more: --json has all"


def _region(region: Region) -> str:
    cells = " and ".join(region.cells)
    premise = f"if IoU is {region.definition}"
    if region.definition.endswith("keras-raw"):
        premise += " and no output is exactly 1"
    if region.prevalence is None:
        return f"{premise}, no mask has both {cells}"
    told = f"{premise}, {cells} leave {_percent(region.prevalence)} of the pixels for the tumour"
    if region.known is None:
        return told
    return f"{told}; random test parts of the data set have {_percent(region.known)}"


def _percent(share: Interval) -> str:
    return f"{100 * share[0]:.2f} to {100 * share[1]:.2f} %"
