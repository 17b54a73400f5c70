"""Sentences on a whole paper: what became of its numbers and of its claims, and what was run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from common.evidence.answers import Answer, headline
from common.evidence.assess import Assessment
from common.evidence.describe_runs import say_run
from common.evidence.number_cells import count_repeats
from common.evidence.phrases import listed, name_number
from common.evidence.sentences import HINTED, say_verdict, say_within
from common.evidence.verdict import VERDICTS, Verdict
from common.evidence.worded import Tested
from common.paper import Paper

# The words for a verdict in a sentence that counts numbers: for one number, and for several.
PLURAL = {
    "impossible": ("is impossible under its definition", "are impossible under their definitions"),
    "contradicted": ("contradicts other printed numbers", "each contradict another printed number"),
    "says nothing": (
        "is no better than a guess that ignores the image",
        "are each no better than a guess that ignores the image",
    ),
    "holds": ("holds", "hold"),
    "paper higher": ("is higher than ours", "are higher than ours"),
    "paper lower": ("is lower than ours", "are lower than ours"),
    "not decided": ("is not decided", "are not decided"),
    "did not learn": ("can't be judged, because our own networks did not learn",) * 2,
    "other data": ("is of data that we do not have", "are of data that we do not have"),
    "not run": ("waits for a run at the paper's own size", "wait for a run at the paper's own size"),
    "quoted": ("is quoted", "are quoted"),
}


def say_paper(paper: Paper, found: Iterable[Answer]) -> str:
    """How many of a paper's own numbers have which verdict, what small runs hint at, and whether runs are stale.

    A column of a fold table counts as one number. found: all answers of the paper."""
    own = [answer for answer in found if answer.is_own]
    unnamed = "of data that the paper does not name"
    plural = PLURAL if paper.data_named else PLURAL | {"other data": (f"is {unnamed}", f"are {unnamed}")}
    stale = [answer.stale for answer in own if answer.has_value]
    how_many = "All" if all(stale) else "Some"
    said = [_say_counts(own, plural), _say_hints(own), f"{how_many} of the runs are stale." if any(stale) else ""]
    return " ".join(filter(None, said))


def say_papers(found: Iterable[Answer]) -> str:
    """How many numbers of several papers have which verdict, and whether our runs decide any of them.

    found: all answers of these papers."""
    own = [answer for answer in found if answer.is_own]
    decided = any(answer.verdict in ("holds", "paper higher", "paper lower") for answer in own)
    unknown = "of data that we do not have or that the paper does not name"
    plural = PLURAL | {"other data": (f"is {unknown}", f"are {unknown}")}
    return ("" if decided else "Our runs do not decide any number yet. ") + _say_counts(own, plural)


def _say_counts(own: Sequence[Answer], plural: dict[str, tuple[str, str]]) -> str:
    """One sentence: how many numbers have which verdict. plural: as PLURAL."""
    if not own:
        return "No number of its own."
    counted = Counter(answer.verdict for answer in own)
    each = [
        f"{counted[verdict]}{_whose(own, verdict)} {plural[verdict][counted[verdict] > 1]}{_as_read(own, verdict)}"
        for verdict in VERDICTS
        if counted[verdict]
    ]
    columns = " and columns of tables" if any(len(answer.cells) > 1 for answer in own) else ""
    if len(own) == 1:
        return f"Its one number {each[0].removeprefix('1 ')}."
    if len(each) == 1 and len(own) == 2:
        return f"Both numbers{columns} {each[0].removeprefix('2 ')}."
    if len(each) == 1:
        return f"All {each[0].replace(' ', f' numbers{columns} ', 1)}."
    return f"Of {len(own)} numbers{columns}, {listed(each)}."


def _as_read(own: Sequence[Answer], verdict: Verdict) -> str:
    """How many numbers have this verdict only as we read them: " (1 only as we read it)"; "" if none has."""
    number = sum(answer.depends_on_reading for answer in own if answer.verdict == verdict)
    return f" ({number} only as we read {'it' if number == 1 else 'them'})" if number else ""


def _whose(own: Sequence[Answer], verdict: Verdict) -> str:
    """The one paper that all numbers with this verdict are of: " (all of Paudel)".

    "" if they are of several papers, and if `own` has the numbers of a single paper."""
    names = [answer.paper.name for answer in own if answer.verdict == verdict]
    if len(set(names)) > 1 or len({answer.paper.name for answer in own}) == 1:
        return ""
    return f" ({'all ' * (len(names) > 1)}of {names[0].capitalize()})"


def _say_hints(own: Iterable[Answer]) -> str:
    """What small runs hint at, for the numbers that wait for a run at the paper's own size; "" if at nothing."""
    hinted = [answer for answer in own if answer.verdict == "not run" and answer.hint]
    hints = Counter(answer.hint for answer in hinted)
    margins = {say_within(answer.small.row) for answer in hinted if answer.hint == "near"}
    words = HINTED | ({"near": f"come {margins.pop()}"} if len(margins) == 1 else {})
    each = [f"{words[hint]} for {hints[hint]}" for hint in HINTED if hints[hint]]
    return f"A hint: small runs {listed(each)} of them." if each else ""


def say_runs(papers: Iterable[tuple[Paper, Sequence[Answer]]]) -> str:
    """Which papers' own networks were run at the paper's size, which only as small networks, and which not yet; and how
    often."""
    kinds: dict[str, list[str]] = {"paper": [], "small": [], "": []}
    for paper, found in papers:
        own = [answer for answer in found if not answer.head.readings]
        runs = next(filter(None, [*(answer.runs for answer in own), *(answer.small for answer in own)]), None)
        how_often = f" ({_how_often(runs.assessed)})" if runs else ""
        kinds[runs.assessed.record.profile if runs else ""].append(paper.name.capitalize() + how_often)
    said = {
        "paper": "Run at the paper's own size: {}.",
        "small": "Run only as small networks: {}.",
        "": "Not run yet: {}.",
    }
    return " ".join(text.format(listed(kinds[kind])) for kind, text in said.items() if kinds[kind])


def _how_often(assessed: Assessment) -> str:
    repeats = len({run.repeat for run in assessed.record.runs})
    return count_repeats(assessed.record, repeats) + ("" if assessed.fresh else ", stale")


def describe_lines(paper: Paper, found: Iterable[Answer]) -> Iterator[str]:
    """What became of a paper's numbers in one line, then a line on each of its best-known numbers (`headline`)."""
    found = list(found)
    yield say_paper(paper, found)
    for answer in headline(paper, found):
        yield f"{name_number(answer.head)}: {answer.verdict}. {say_verdict(answer)}"


def explain_paper(
    paper: Paper, found: Iterable[Answer], assessed: Iterable[Assessment], tested: Iterable[Tested]
) -> Iterator[str]:
    """A whole paper in a few lines to tell others: what it is, what was run, and what became of its numbers and claims.

    found: all its answers. assessed: all its records. tested: its claims in words (`worded.check_worded`)."""
    yield f"{paper.name.capitalize()}: {paper.title}. {paper.authors}."
    yield say_network(paper)
    runs = [each for each in assessed if paper.are_default(each.record.readings) and each.record.profile != "smoke"]
    for each in runs:
        yield f"Run: {say_run(each)}"
    if not runs:
        yield "Not run yet."
    yield from describe_lines(paper, found)
    if paper.findings:
        yield paper.findings
    yield from _say_claims(tested)


def _say_claims(tested: Iterable[Tested]) -> Iterator[str]:
    """A sentence on each claim in words. If several claims test one quote, one sentence counts their answers.

    Several records may test a claim. The first of them that was run answers it; `tested` has the paper's own size
    first."""
    first: dict[str, Tested] = {}
    for each in tested:
        if first.setdefault(each.claim.id, each).status == "not run":
            first[each.claim.id] = each
    claimed: dict[str, list[Tested]] = {}
    for each in first.values():
        words = f'"{each.claim.quote}"' if each.claim.quote else f"that {each.claim.restated}"
        claimed.setdefault(words, []).append(each)
    for words, ways in claimed.items():
        if len(ways) > 1:
            counted = Counter(each.answer for each in ways)
            found = listed([f"{number} {answer}" for answer, number in counted.items()])
            yield f"It claims {words}, tested in {len(ways)} ways: {found}."
            continue
        why = f" ({ways[0].why})" if ways[0].why else ""
        yield f"It claims {words}: {ways[0].answer}{why}."


def say_reply(paper: Paper) -> str:
    """What the paper's authors answer, in their own words, or that there is no answer yet."""
    if paper.reply is None:
        return "None yet."
    where = f" ({paper.reply.where})" if paper.reply.where else ""
    return f'{paper.reply.by}, {paper.reply.date}{where}: "{paper.reply.words.strip()}"'


def say_network(paper: Paper) -> str:
    """What the paper trains, on what, and how large it is: "U-Net++, on BUSI (ultrasound). 28.1 million weights."."""
    weights = f"{paper.parameters / 1e6:.1f} million weights" if paper.parameters else ""
    return " ".join(f"{part}." for part in (paper.brief or f"{paper.title}, on {paper.data}", weights) if part)
