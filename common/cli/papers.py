"""The command that lists the papers: network, weights, data, what was run and what came out."""

from pathlib import Path

from common import paper as papers
from common.cli.shared import Results, app, out, tell


@app.command("papers")
def list_papers(results: Results = Path("results")) -> None:
    """List the papers: network, weights, data, what was run and what came out."""
    from common.evidence.answers import stored_answers
    from common.evidence.describe_runs import say_conditions
    from common.evidence.results import load
    from common.evidence.sentences import say_network, say_paper

    for name in papers.names():
        paper = papers.load(name)
        run = say_conditions(load(results, name))
        tell(f"{name}: {say_network(paper)} {run}")
        tell(f"    {say_paper(paper, stored_answers(paper, results))}")
        out.print()
