"""Markdown as GitHub shows it."""


def code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"  # a bare | would end the cell of a Markdown table


def table(columns: list[str], *body: list) -> str:
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def folded(summary: str, content: str) -> str:
    """What is shown once its summary is clicked at."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"
