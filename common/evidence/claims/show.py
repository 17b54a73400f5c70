"""The findings as people read them, and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby

from common.evidence.claims.bindings import joined
from common.evidence.claims.check import check
from common.evidence.claims.findings import Finding
from common.evidence.claims.prevalence import regions
from common.evidence.claims.relations import Interval
from common.evidence.claims.summary import printed_numbers, summary
from common.paper import Paper
from common.reported import Split

# Of findings with the same relation and premise, so many are told in full; JSON has all.
SHOWN = 3


def as_json(papers: list[Paper], known: dict[str, dict[Split, Interval]] | None = None) -> str:
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


def lines(paper: Paper, known: dict[Split, Interval] | None = None) -> Iterator[str]:
    """Findings by relation: those without a premise, then those with one, those that assume another reading last; then
    what accuracy and IoU leave for the share of tumour pixels and for the loss. known: by part, least and greatest such
    share of the data set in random parts of that kind, 0 to 1."""
    own = len(printed_numbers(paper))
    none = f"no contradictions of the {own} printed numbers with each other, as the record reads them."
    yield f"{paper.name.capitalize()}: {summary(paper) or none}"
    if quoted := sum(bool(cell.quoted) for cell in paper.reported):
        yield f"  {quoted} more {'is' if quoted == 1 else 'are'} quoted from elsewhere and not checked."
    for _, group in groupby(sorted(check(paper), key=_kind), _kind):
        yield from _told(list(group))
    for region in regions(paper, known):
        condition = joined(f"IoU is {region.definition}", region.premise)
        yield f"  if {condition}: {region.text}"


def _kind(finding: Finding) -> tuple:
    unlikely = finding.chance is not None
    return finding.assumed, bool(finding.premise), finding.relation, finding.premise, unlikely


def _told(group: list[Finding]) -> Iterator[str]:
    """Findings with the same relation and premise."""
    first = group[0]
    condition = f" (if {first.premise})" if first.premise else ""
    yield f"  {first.relation}, {len(group)}: {_verdict(group)}{condition}"
    for finding in group[:SHOWN]:
        doubt = "" if finding.certainty == "certain" else " Unless digits were cut off and not rounded."
        yield f"    {finding.text}{doubt}"
    if len(group) > SHOWN:
        yield f"    and {len(group) - SHOWN} more: --json has all"


def _verdict(group: list[Finding]) -> str:
    if group[0].chance is not None:
        return f"unlikely as a draw (chance {max(each.chance for each in group):.2g})"
    most = max(len(each.cells) for each in group)
    return f"cannot {({1: '', 2: 'both '}).get(most, 'all ')}be right as printed"
