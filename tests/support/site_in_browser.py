"""python tests/support/site_in_browser.py FOLDER: the built site in Chromium, as `make docs` leaves it.

No page is wider than its window, on laptops and on a phone: what is wide scrolls inside itself. A search for what a
reader wants to do lists a guide before the names of the reference. Needs the extra browser.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

WIDTHS = (390, 1366, 1440)
SEARCHES = ("training", "dropout", "gradient check", "attention", "drawing", "learning rate")
OVERFLOW = """() => {
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= width) return ''
    const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1)
    return `${document.documentElement.scrollWidth} px wide: ${wide.slice(-3).map((e) => e.outerHTML.slice(0, 80))}`
}"""


def wide_pages(page: Page, folder: Path) -> list[str]:
    """The pages that scroll sideways, with the width and with what is too wide."""
    found = []
    for path in sorted(folder.rglob("*.html")):
        if "_static" in path.parts:
            continue
        page.goto(path.resolve().as_uri())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if said := page.evaluate(OVERFLOW):
                found.append(f"{path.relative_to(folder)} at {width} px is {said}")
    return found


def names_before_guides(page: Page, site: Path) -> list[str]:
    """The searches whose first result is no guide and no notebook."""
    found = []
    for asked in SEARCHES:
        page.goto(f"{(site / 'search.html').resolve().as_uri()}?q={quote(asked)}")
        first = page.locator("ul.search li a").first
        first.wait_for()
        address = first.get_attribute("href") or ""
        if not address.startswith(("docs/", "notebooks/")) or address.startswith("docs/reference/"):
            found.append(f"a search for {asked!r} begins with {address}")
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        ) as browser,
    ):
        page = browser.new_page()
        wrong = names_before_guides(page, folder) + wide_pages(page, folder)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"in {folder} guides come first, and no page scrolls sideways at {', '.join(map(str, WIDTHS))} px")
