"""Builds all pages of the site from the results, with the templates."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from common.data import curations, duplicates
from common.data.findings import load_findings, suspects
from common.evidence import answers, clinical, folds, paper_sentences, sentences, spread, verdict
from common.evidence.assess import Assessment
from common.evidence.effects_sentences import effect_sentences, format_repeats
from common.evidence.number_cells import is_unlearned
from common.evidence.results import slug
from common.evidence.tables import command, estimate, heading, number, ran_of, setting
from common.plural import counted
from common.readings import as_shown
from common.report import comparison, figures, gallery, gather, layers, marks, pictures, plots, try_page
from common.report.gallery import Shown
from common.report.gather import Study, Tested
from common.report.pictures import Album
from common.report.try_page import TryPage
from common.text import for_page


@dataclass
class Site:
    """A site in memory. pages: HTML by path in the site. files: the contents of other files, such as pictures, by path.
    remarks: sentences on images that are missing."""

    pages: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of bytes of all pages and files."""
        return sum(len(page.encode()) for page in self.pages.values()) + sum(map(len, self.files.values()))


@dataclass(frozen=True)
class Gallery:
    """A page with the test images of a record. file: the name of the page."""

    assessed: Assessment
    file: str
    tested: Tested


def build_site(results: Path, names: Iterable[str], root: Path, runs: Path, tried: TryPage | None = None) -> Site:
    """Builds the pages of these papers.

    results: the folder of the results. names: of the papers. root: the folder of the data sets; without a data set, the
    pages have none of its images. runs: the folder of synthetic data sets. tried: a network; if given, the site has a
    page on which a person can try it, and the other pages link to it.

    Raises BadInput if there are no results.
    """
    studies = gather.studies(results, names)
    audited = load_findings(results)
    galleries = {study.paper.name: _galleries(study, results) for study in studies}
    albums = _albums(galleries.values(), audited, root, runs)
    site = Site(remarks=list(dict.fromkeys(album.why for album in albums.values() if album.why)))
    environment = _environment()

    def page(file: str, template: str, **content: Any) -> None:
        given = {"studies": studies, "file": file, "up": "", "tried": tried}
        site.pages[file] = environment.get_template(template).render(given, **content)

    page("index.html", "index.html")
    page("numbers.html", "numbers.html", lines=[line for study in studies for line in comparison.number_lines(study)])
    for study in studies:
        of_paper = galleries[study.paper.name]
        shown: list[list[Shown]] = []
        for each in of_paper:
            album = albums[_data_of(each.assessed)]
            shown.append(gallery.shown_images(each.assessed, each.tested, album))
            page(each.file, "gallery.html", study=study, gallery=each, shown=shown[-1], album=album)
        album = albums[_data_of(of_paper[0].assessed)] if of_paper else Album({})
        content = _paper(study, shown[0] if shown else [], album)
        page(f"{study.paper.name}.html", "paper.html", **content, galleries=of_paper, album=album)
    sets = [(found, albums[found["data"], found["fingerprint"]]) for found in audited]
    page("data.html", "data.html", sets=sets)
    site.files = {file: webp for album in albums.values() for file, webp in album.files.items()}
    if tried:
        site.pages[try_page.PAGE] = render_try_page(tried, studies)
        site.files |= try_page.assets()
    return site


def render_try_page(tried: TryPage, studies: Sequence[Study] = ()) -> str:
    """Renders the page on which a person tries a network. studies: the papers whose pages it links to."""
    given = {"studies": studies, "file": try_page.PAGE, "up": "../", "tried": tried}
    return _environment().get_template("try.html").render(given, **tried.content())


def _galleries(study: Study, results: Path) -> list[Gallery]:
    """A gallery for each record of a paper that has its test images' counts and masks. Networks whose numbers the paper
    only quotes have none."""
    own = (each for each in study.assessed if {row.verdict for row in each.own_rows} != {"quoted"})
    found = ((each, gather.tested(results, each)) for each in own)
    return [
        Gallery(each, f"{study.paper.name}-{slug(each.record)}.html", tested)
        for each, tested in found
        if tested is not None
    ]


def _albums(
    galleries: Iterable[list[Gallery]], audited: list[dict[str, Any]], root: Path, runs: Path
) -> dict[tuple[str, str], Album]:
    """The pictures that all pages need, by name and fingerprint of their data set. galleries: a list for each paper.
    audited: the findings of the data audits."""
    wanted: dict[tuple[str, str], set[str]] = {}
    enhanced: dict[tuple[str, str], dict[str, tuple[float, int]]] = {}
    for of_paper in galleries:
        for each in of_paper:
            wanted.setdefault(_data_of(each.assessed), set()).update(gallery.ids_of_gallery(each.assessed, each.tested))
        for first in of_paper[:1]:
            ids, after = figures.ids_of_figures(first.assessed.paper.figures, first.assessed, first.tested)
            wanted[_data_of(first.assessed)].update(ids)
            enhanced.setdefault(_data_of(first.assessed), {}).update(after)
    for found in audited:
        wanted.setdefault((found["data"], found["fingerprint"]), set()).update(
            {id for kind in suspects(found) for ids, _ in kind.strips for id in ids}
        )
    return {key: pictures.album(*key, ids, root, runs, enhanced.get(key)) for key, ids in wanted.items()}


def _data_of(assessed: Assessment) -> tuple[str, str]:
    return assessed.record.dataset.name, assessed.record.dataset.fingerprint


def _paper(study: Study, shown: list[Shown], album: Album) -> dict[str, Any]:
    """The content of a paper's page for its template. shown, album: the test images of the paper's first gallery, and
    the pictures of their data set."""
    paper = study.paper
    headline = answers.headline(paper, study.found)
    curves = [plots.training_curves(each.record, f"curves{i}") for i, each in enumerate(study.assessed)]
    ours = figures.ours(paper.figures, curves[0] if curves else [], shown, album)
    return {
        "study": study,
        "headline": headline,
        "others": _by_table(answer for answer in study.found if answer not in headline),
        "stated": comparison.stated_settings(study),
        "readings": comparison.open_settings(study),
        "networks": layers.networks(paper),
        "leaks": gather.leaks(study),
        "older": gather.say_older(study),
        "plots": [plots.effect_plots(each, f"effects{i}") for i, each in enumerate(study.moved)],
        "curves": curves,
        "figures": ours,
        "taken": [curve.title for each in ours for curve in each.curves],
        "definitions": [gather.definitions(each.record) for each in study.assessed],
        "folds": [folds.fold_tables(paper, each.record) for each in study.assessed],
        "spreads": [spread.split_and_luck(each) for each in study.assessed],
        "lesions": [clinical.lesion_table(each) for each in study.assessed],
        "printed_matrices": gather.printed_matrices(paper),
        "matrices": [gather.confusion_matrices(each.record) for each in study.assessed],
        "code": files(f"reproductions.{paper.name}").joinpath("model.py").read_text(encoding="utf-8"),
    }


def _by_table(others: Iterable[answers.Answer]) -> dict[str, list[answers.Answer]]:
    """Groups answers under headings: by the table that prints the number, or else by the place in the text. Numbers
    that the paper quotes from other works come last."""
    found: dict[str, list[answers.Answer]] = {}
    for answer in sorted(others, key=lambda each: bool(each.head.quoted)):
        head = answer.head
        place = f"Table {head.table}" if head.table else "Under another definition" if head.same_as else head.where
        found.setdefault(f"{place}, quoted from other works" if head.quoted else place, []).append(answer)
    return found


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("common.report"),
        autoescape=True,
        finalize=for_page,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "prose": _prose, "css": _css, "estimate": estimate, "heading": heading}
    environment.filters |= {"setting": setting, "command": command, "papers": _papers, "readings": as_shown}
    environment.filters |= {"repeats": format_repeats, "sentences": effect_sentences, "ran": ran_of}
    environment.filters |= {"marks": marks.marks_of, "said": sentences.say_verdict, "counted": counted}
    environment.filters |= {"unlearned": is_unlearned}
    environment.filters |= {"explained": sentences.explain, "validated_on": plots.validated_on, "linked": _linked}
    environment.globals |= {
        "say_paper": paper_sentences.say_paper,
        "say_reply": paper_sentences.say_reply,
        "say_papers": paper_sentences.say_papers,
        "headline_of": answers.headline,
        "meanings": verdict.MEANINGS,
        "kinds": comparison.KINDS,
        "suspects": suspects,
        "say_kinds": curations.say_kinds,
        "say_range": duplicates.say_range,
        "say_printed": comparison.say_printed,
        "say_runs": paper_sentences.say_runs,
        "grid": pictures.GRID,
    }
    return environment


def _papers(number: int) -> str:
    """A number of papers for the start of a sentence: "Five papers"."""
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    return f"{words[number] if number < len(words) else number} paper{'s' * (number != 1)}"


def _prose(text: str) -> Markup:
    """Text as HTML, in which `back quotes` become code elements."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(for_page(text)))))


def _linked(text: str) -> Markup:
    """Text as HTML, in which addresses become links."""
    return Markup(re.sub(r"https?://[^\s,;)]+", r'<a href="\g<0>">\g<0></a>', str(escape(for_page(text)))))


def _css(text: str) -> str:
    """A name as a CSS class: "says nothing" becomes says-nothing."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
