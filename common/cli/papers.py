"""The command that lists the papers: network, weights, data, what was run and what came out."""

from pathlib import Path

from common import paper as papers
from common.cli.shared import Results, app, err, say, tell


@app.command("papers")
def list_papers(results: Results = Path("results")) -> None:
    """List the papers: network, weights, data, what was run and what came out."""
    from common.evidence.answers import stored_answers
    from common.evidence.assess import stored
    from common.evidence.describe_runs import say_all
    from common.evidence.paper_sentences import say_network, say_paper

    say("comparing the printed numbers with the runs; this may take a minute ...", err)
    for name in papers.names():
        paper = papers.load(name)
        tell(f"{name}: {say_network(paper)}")
        assessed = stored(paper, results)
        tell(say_all(assessed), indent=4)
        if assessed:
            tell(say_paper(paper, stored_answers(paper, results)), indent=4)
