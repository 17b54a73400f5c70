"""What axe, the accessibility checker, says of a page."""

import pytest


def serious_faults(tab, context: str | None = None) -> list[str]:
    """A line for each rule that the page, or what this selector finds in it, breaks seriously, with the first element
    that does."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(tab, context=context, options={"preload": False, "resultTypes": ["violations"]})
    serious = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
    return [f"{each['help']}: {each['nodes'][0]['html']}" for each in serious]
