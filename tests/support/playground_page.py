"""The pictures of docs/playground.md and of the README: the page while it trains, and what it shows inside.

    .venv/bin/python tests/support/playground_page.py     needs the extras browser and playground, and Chromium

It starts a server of its own, drives the page, and writes docs/images/playground*.webp and *.png.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from PIL import Image
from playground_pages import Served
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
APP = "document.querySelector('#playground').playground.app"
EPOCHS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 46, 52, 60, 70, 80, 95, 110]
WIDE, HIGH = 1280, 800


def until(page: Page, condition: str) -> None:
    page.wait_for_function(f"() => {condition}")
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def moving(page: Page, address: str) -> tuple[list[Image.Image], list[int]]:
    """The page at some epochs, then a weight that is pointed at; and for how long each is shown, in milliseconds."""
    frames, times = [], []

    def shot(milliseconds: int) -> None:
        picture = Image.open(
            io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": WIDE, "height": HIGH}))
        )
        frames.append(
            picture.convert("RGB").resize((1000, round(1000 * HIGH / WIDE)), Image.Resampling.LANCZOS)
        )
        times.append(milliseconds)

    page.goto(address)
    until(page, f"{APP}.latest?.steps === 0")
    for epoch in EPOCHS:
        page.evaluate(f"{APP}.send({{ type: 'open', address: 'steps={25 * epoch}' }})")
        until(page, f"{APP}.latest?.steps === {25 * epoch} && !{APP}.latest.playing")
        shot(180 if epoch else 900)
    times[-1] = 1500
    page.locator(".hit").nth(9).focus()
    page.keyboard.press("Enter")
    shot(2200)
    return frames, times


def main() -> None:
    served = Served()
    try:
        with (
            sync_playwright() as playwright,
            playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            ) as chromium,
        ):
            for scheme, name in (("light", "playground"), ("dark", "playground_on_dark")):
                page = chromium.new_page(viewport={"width": WIDE, "height": HIGH}, color_scheme=scheme)
                frames, times = moving(page, served.address)
                first, *rest = frames
                first.save(
                    IMAGES / f"{name}.webp",
                    save_all=True,
                    append_images=rest,
                    duration=times,
                    loop=0,
                    quality=70,
                    method=6,
                )
                page.close()
            page = chromium.new_page(viewport={"width": WIDE, "height": 900}, color_scheme="light")
            page.goto(served.address + "#data=xor&steps=250")
            until(page, f"{APP}.latest?.steps === 250 && !{APP}.latest.playing")
            page.locator(".hit").nth(2).focus()
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Derive this gradient").click()
            page.locator(".steps li").last.wait_for()
            page.locator(".inside").screenshot(path=IMAGES / "playground_derivation.png")
            page.goto("about:blank")
            page.goto(served.address)
            until(page, f"{APP}.latest?.steps === 0")
            page.locator("summary").click()
            page.locator("[data-lesson='two-units']").click()
            page.evaluate(f"{APP}.send({{ type: 'speed', value: null }})")
            until(page, f"{APP}.latest?.epoch > 100 && !{APP}.latest.playing")
            page.mouse.move(5, 5)
            page.screenshot(path=IMAGES / "playground_lesson.png")
    finally:
        served.close()


if __name__ == "__main__":
    main()
