"""The notebooks run from clean, show what is stored with them, and keep their conventions (`notebooks/README.md`)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext", reason='needs pip install "chainrule[notebook]"')
nbformat = pytest.importorskip("nbformat", reason='needs pip install "chainrule[notebook]"')
pytest.importorskip("nbclient", reason='needs pip install "chainrule[notebook]"')
pytest.importorskip("ipykernel", reason='needs pip install "chainrule[notebook]"')

import notebook_runner as runner  # noqa: E402 - it needs what is asked for above

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 400_000  # bytes

each_notebook = pytest.mark.parametrize("source", runner.SOURCES, ids=lambda source: source.stem)


def stored(source: Path):
    return nbformat.read(runner.NOTEBOOKS / f"{source.stem}.ipynb", as_version=4)


@each_notebook
@pytest.mark.filterwarnings("default")  # those of Jupyter itself; one in a notebook is an error of the runner
def test_runs_from_clean_and_shows_what_is_stored(source: Path) -> None:
    if 'backend="xla"' in source.read_text(encoding="utf-8"):
        pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")
    found = runner.differences(stored(source), runner.executed(source))
    assert not found, "\n\n".join([*found, "write the notebooks anew with: make notebooks-run"])


@each_notebook
def test_is_stored_small_and_without_a_trace_of_the_machine(source: Path) -> None:
    path = runner.NOTEBOOKS / f"{source.stem}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert not re.search(r"(/tmp/|/home/|/root/|/Users/|site-packages|execution\"|kernelspec_path)", text)
    notebook = json.loads(text)
    assert notebook["metadata"] == runner.KEPT_METADATA
    assert not any(cell["metadata"].keys() - {"tags"} for cell in notebook["cells"])


@each_notebook
def test_keeps_the_conventions(source: Path) -> None:
    cells = stored(source).cells
    number = int(source.stem[:2])
    assert runner.title(source).startswith(f"{number}. ")
    assert "**Question.**" in cells[0].source
    text = "\n".join(cell.source for cell in cells)
    assert "**Predict.**" in text
    assert ".show()" not in text  # figures show themselves, as the last line of a cell
    assert "<details><summary>Answer</summary>" in text
    assert text.count("<details") == text.count("</details>")
    names = runner.anchors(stored(source))
    assert names.count("exercises") == 1
    assert len(names) == len(set(names))
    exercises = next(i for i, cell in enumerate(cells) if '<a id="exercises">' in cell.source)
    after = cells[exercises:]
    assert all(cell.cell_type == "markdown" for cell in after)
    assert sum(runner.is_solution(cell) for cell in after) == 2
    assert not any(runner.is_solution(cell) for cell in cells[:exercises])


@each_notebook
def test_the_links_are_live(source: Path) -> None:
    text = "\n".join(cell.source for cell in stored(source).cells if cell.cell_type == "markdown")
    assert not dead_links(text, runner.NOTEBOOKS)


@pytest.mark.parametrize("page", ["docs/lectures.md", "notebooks/README.md"])
def test_the_links_of_the_page_are_live(page: str) -> None:
    path = ROOT / page
    assert not dead_links(path.read_text(encoding="utf-8"), path.parent)


def dead_links(text: str, folder: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not is_live(link, folder)]


def is_live(link: str, folder: Path) -> bool:
    """Whether a relative link leads to a file, and to a heading in it."""
    if link.startswith("https://"):
        return True
    name, _, anchor = link.partition("#")
    path = (folder / name).resolve()
    if not path.exists() or not path.is_relative_to(ROOT):
        return False
    if not anchor:
        return True
    if path.suffix == ".ipynb":
        return anchor in runner.anchors(nbformat.read(path, as_version=4))
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in map(runner.slug, headings)


def test_a_dead_link_is_found() -> None:
    text = (
        "[a](01_chain_rule.ipynb#the-graph) [b](01_chain_rule.ipynb#nowhere) [c](no.ipynb) [d](README.md#a)"
    )
    assert dead_links(text, runner.NOTEBOOKS) == ["01_chain_rule.ipynb#nowhere", "no.ipynb", "README.md#a"]


def test_the_reading_order_lists_every_notebook_once() -> None:
    page = (runner.NOTEBOOKS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+)\. \| \[(.+?)\]\((\S+?)\) \|", page, re.MULTILINE)
    assert rows == [
        (title.split(". ")[0], title.split(". ", 1)[1], f"{source.stem}.ipynb")
        for source in runner.SOURCES
        for title in [runner.title(source)]
    ]
    files = sorted(path.name for path in runner.NOTEBOOKS.glob("*.ipynb"))
    assert files == [f"{source.stem}.ipynb" for source in runner.SOURCES]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("loss 0.12345", "loss 0.12346", True),
        ("loss 0.12345", "loss 0.13345", False),
        ("loss 0.12345", "cost 0.12345", False),
        ("x = -2", "x = 2", False),
        ("off by 1e-16", "off by 3e-17", True),
        ("[1.  2.]", "[ 1. 2.]", False),
        ("1,234 nodes", "1,235 nodes", True),
        ("1,234 nodes", "2,234 nodes", False),
        ("nan", "1.0", False),
    ],
)
def test_outputs_are_compared_by_words_and_numbers(old: str, new: str, expected: bool) -> None:
    assert runner.alike(old, new) is expected


def test_of_a_measurement_only_the_words_are_compared() -> None:
    assert runner.alike("1.5 ms, 3 times as fast", "2.5 ms, 4 times as fast", any_number=True)
    assert not runner.alike("1.5 ms", "1.5 s", any_number=True)


def test_what_looks_like_a_heading_in_code_gets_no_anchor() -> None:
    text = "## A heading\n\n```text\n# leaves\n```"
    assert runner.HEADING.sub(runner._with_anchor, text).count("<a id=") == 1
