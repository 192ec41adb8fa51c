"""A notebook that is open in JupyterLab or in Notebook, with a kernel of its own."""

from __future__ import annotations

import ast
import json
import re


class Notebook:
    """A notebook that is open with a kernel of its own, cell by cell."""

    def __init__(self, browser, jupyter, place: str, sources: list[str], name: str = "live") -> None:
        cells = [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"c{i}",
                "metadata": {},
                "outputs": [],
                "source": x,
            }
            for i, x in enumerate(sources)
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        name = f"{name}-{place.partition('/')[0]}.ipynb"
        (jupyter.folder / name).write_text(json.dumps(content))
        self.page = browser.open(f"{jupyter.address}/{place}/{name}")
        for _ in range(
            5
        ):  # on a busy machine it may start before it knows the kernels, and asks for one; then again
            self.page.locator(".jp-CodeCell").first.wait_for()
            self.page.wait_for_timeout(1500)
            if not self.page.locator(".jp-Dialog").count():
                break
            browser.troubles.clear()
            self.page.reload()

    def run(self, i: int) -> str:
        """Execute a cell; returns the text that it shows."""
        cell = self.page.locator(".jp-CodeCell").nth(i)
        prompt = cell.locator(".jp-InputArea-prompt").filter(has_text="[")
        before = prompt.inner_text()
        for tries in range(300):
            if (
                tries % 20 == 0 and "*" not in prompt.inner_text()
            ):  # before there is a kernel the keys do nothing
                cell.locator(".cm-content").click()
                self.page.keyboard.press("Control+Enter")
            self.page.wait_for_timeout(100)
            if re.search(r"\d", shown := prompt.inner_text()) and shown != before:
                break
        output = cell.locator(".jp-OutputArea-output").first
        output.wait_for()
        return output.inner_text().strip()

    def values(self, wanted) -> dict:
        """What the second cell prints once it is `wanted`; what was changed in the page is on its way for a moment."""
        for _ in range(20):
            values = ast.literal_eval(self.run(1))
            if wanted(values):
                break
            self.page.wait_for_timeout(200)
        return values

    def frame(self, i: int):
        """The page that a cell shows."""
        return self.page.locator(".jp-CodeCell").nth(i).frame_locator("iframe")

    def window(self, i: int):
        """The same as a frame in which scripts can be run."""
        return self.page.locator(".jp-CodeCell").nth(i).locator("iframe").element_handle().content_frame()
