"""python tests/support/site_in_browser.py FOLDER: a built version of the site in Chromium, as `make docs` leaves it.

No page is wider than its window, on laptops and on a phone, where what is wide scrolls inside itself; on laptops
nothing of what is read does. A search for what a reader wants to do lists a guide before the names of the reference,
and a search for one of the twenty tasks finds the page that has its code. Needs the extra browser.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright
from tasks import TASKS

WIDTHS = (390, 1366, 1440)
SEARCHES = ("training", "dropout", "gradient check", "attention", "drawing", "learning rate")
OVERFLOW = """() => {
    const shown = (e) => e.outerHTML.slice(0, 60) + ' ... ' + e.textContent.trim().slice(0, 60)
    const width = document.documentElement.clientWidth
    const inside = [...document.querySelectorAll('article pre, article .table-wrapper')]
    let wide = width < 1000 ? [] : inside.filter((e) => e.scrollWidth > e.clientWidth + 1)
    if (document.documentElement.scrollWidth > width) {
        const reaching = (e) => e.getBoundingClientRect().left + e.scrollWidth > width + 1
        wide = [document.body, ...[...document.querySelectorAll('body *')].filter(reaching)]
    }
    return wide.length ? shown(wide.at(-1)) : ''
}"""


def wide_pages(page: Page, folder: Path) -> list[str]:
    """Where something scrolls sideways that should not, at which width, and what it is."""
    found = []
    pages = sorted(path for path in folder.rglob("*.html") if "_static" not in path.parts)
    # pages of sources are alike: every tenth is enough
    sources = [path for path in pages if "source" in path.relative_to(folder).parts]
    for path in sorted({*pages} - {*sources} | {*sources[::10]}):
        if path == folder / "index.html":  # which only leads on
            continue
        page.goto(path.resolve().as_uri())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if said := page.evaluate(OVERFLOW):
                found.append(f"{path.relative_to(folder)} at {width} px is too narrow for {said}")
    return found


def results(page: Page, site: Path, asked: str) -> list[str]:
    """The addresses that the site's own search finds, the best first."""
    page.goto(f"{(site / 'search.html').resolve().as_uri()}?q={quote(asked)}")
    page.locator(".search-summary", has_text="finished").wait_for()
    found = page.locator("ul.search li > a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    return [str(address) for address in found]


def tasks_not_found(page: Page, site: Path) -> list[str]:
    """The tasks whose code is not the first result for their title, or not among the first three for plain words."""
    found = []
    for title, words in TASKS.items():
        for asked, most in ((title, 1), (words, 3)):
            first = results(page, site, asked)[:most]
            if not any(address.startswith("docs/tasks.html") for address in first):
                found.append(f"a search for {asked!r} begins with {', '.join(first) or 'nothing'}")
    return found


def names_before_guides(page: Page, site: Path) -> list[str]:
    """The searches whose first result is no guide and no notebook."""
    found = []
    for asked in SEARCHES:
        address = next(iter(results(page, site, asked)), "")
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
        wrong = names_before_guides(page, folder) + tasks_not_found(page, folder) + wide_pages(page, folder)
    if wrong:
        sys.exit("\n".join(wrong))
    widths = ", ".join(map(str, WIDTHS))
    print(
        f"in {folder} guides come first, {len(TASKS)} tasks are found, and no page is wider than {widths} px"
    )
