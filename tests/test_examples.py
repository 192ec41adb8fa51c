"""Every example in a docstring, and every one in the README, runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import io
import pkgutil
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import how_it_works_page
import numpy as np
import primitives_page
import pytest

import chainrule.autograd
import chainrule.nn
import chainrule.viz
from chainrule.viz.cli import main

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

ROOT = Path(__file__).resolve().parents[1]
MODULES = [
    name
    for package in (chainrule.autograd, chainrule.nn, chainrule.viz)
    for _, name, _ in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
MODULES.append("chainrule")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name: str) -> None:
    if name.startswith(
        ("chainrule.autograd.xla", "chainrule.nn.engines.xla", "chainrule.nn.engines.placing")
    ):
        pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")
    module = importlib.import_module(name)
    assert module.__doc__
    assert (
        doctest.testmod(module, extraglobs={"np": np}, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
    )


def test_what_is_public_has_a_docstring_with_an_example() -> None:
    for package in (chainrule.autograd, chainrule.nn, chainrule.viz):
        for name in package.__all__:
            thing = getattr(package, name)
            if callable(thing) and not isinstance(thing, type) and not hasattr(thing, "rules"):
                assert ">>>" in (thing.__doc__ or ""), f"{package.__name__}.{name} has no example"


PAGES = sorted((ROOT / "docs").glob("*.md"))
PLOTS = [ROOT / "docs/plots.md", ROOT / "docs/figures.md"]
ELSEWHERE = {*PLOTS, ROOT / "docs/compiled.md"}  # tests/test_compiled_page.py


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in ELSEWHERE], ids=lambda page: page.stem
)
def test_examples_on_a_page(page: Path) -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    code = "".join(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(code, {}, page.name, page.name, 0)
    with np.errstate(all="ignore"):
        assert doctest.DocTestRunner(optionflags=flags).run(test).failed == 0
    for drawn in Path.cwd().glob("*.svg"):
        shown = ROOT / "docs/images" / drawn.name
        assert texts(drawn.read_text("utf-8")) == texts(shown.read_text("utf-8")), (
            "draw anew with: make pages"
        )


@pytest.mark.parametrize("page", PLOTS, ids=lambda page: page.stem)
def test_examples_on_a_page_of_plots_draw_the_pictures_on_it(page: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")
    import plot_pictures

    for path, drawn in plot_pictures.pictures(page).items():
        assert looks_like(drawn, path.read_bytes()), f"{path.name}: draw anew with: make pages"


def looks_like(one: bytes, other: bytes) -> bool:
    """Whether two pictures are the same, up to a pixel: a line one pixel off changes a square of 16 by 1/16 at most."""
    from PIL import Image

    a, b = (Image.open(io.BytesIO(png)).convert("RGB").reduce(16) for png in (one, other))
    return a.size == b.size and np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 255 / 16 + 4


def readme_blocks(language: str) -> list[str]:
    return re.findall(
        rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )


def test_the_readme_runs_from_top_to_bottom() -> None:
    blocks = readme_blocks("python")
    assert blocks
    names: dict[str, object] = {}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for block in blocks:
        if ">>>" in block:
            test = parser.get_doctest(block, names, "README.md", "README.md", 0)
            assert runner.run(test, clear_globs=False).failed == 0
            names = test.globs
        else:
            exec(compile(block, "README.md", "exec"), names)
    shown = (ROOT / "docs/images/neuron.svg").read_text(encoding="utf-8")
    assert texts(Path("neuron.svg").read_text(encoding="utf-8")) == texts(shown)


def texts(svg: str) -> list[str]:
    """What can be read in a picture, wherever the engine has put it."""
    written = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return sorted("".join(element.itertext()) for element in written)


def test_what_the_readme_says_is_printed_is_printed(capsys) -> None:
    first, *_ = readme_blocks("python")
    exec(compile(first, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    (said,) = (block for block in readme_blocks("text") if "passes on" in block)
    assert said in printed


def test_the_readmes_shell_commands_run(capsys) -> None:
    words = [shlex.split(line) for block in readme_blocks("sh") for line in block.splitlines()]
    commands = [line[1:] for line in words if line[0] == "chainrule"]
    assert len(commands) == 3
    for command in commands:
        assert main(command) == 0
    assert Path("graph.svg").exists()


def test_the_readmes_times_are_those_of_the_benchmarks() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, ours, *others = re.search(r"^\| one training step .*$", readme, re.MULTILINE)[0].split(" | ")
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    measured = page.partition("**100 points, Python's default")[2]
    medians = dict(
        re.findall(r"^\| (\S[^|]*?) +\| +(\S+ \w+) \|", measured.partition("| ratio")[0], re.MULTILINE)
    )
    assert ours == f"{medians['chainrule']}; replayed {medians['chainrule, replayed']}"
    assert (
        f"({medians['chainrule, replayed']} in place of {medians['chainrule']} in the table below)" in readme
    )
    assert others[:3] == [
        medians[name] for name in ("micrograd", "MyGrad, arrays without axes", "HIPS autograd, floats")
    ]
    assert others[4] == medians["PyTorch, arrays without axes"] + " |"
    off = page.partition("**100 points, collector off")[2]
    medians = dict(re.findall(r"^\| (\S[^|]*?) +\| +(\S+ \w+) \|", off.partition("| ratio")[0], re.MULTILINE))
    _, ours, micrograd, *_ = re.search(r"^\| the same, Python's garbage.*$", readme, re.MULTILINE)[0].split(
        " | "
    )
    assert (ours, micrograd) == (
        f"{medians['chainrule']}; replayed {medians['chainrule, replayed']}",
        medians["micrograd"],
    )


def test_the_page_of_primitives_is_up_to_date() -> None:
    written = (ROOT / "docs/primitives.md").read_text(encoding="utf-8")
    assert written == primitives_page.page(), "write it anew with: make pages"


def test_how_it_works_quotes_the_sources_and_draws_files_that_are_there() -> None:
    assert how_it_works_page.PAGE.read_text(encoding="utf-8") == how_it_works_page.page(), (
        "quote anew with: make pages"
    )
    clusters = how_it_works_page.PICTURE.replace("\\n", " ").split("subgraph cluster_")[1:]
    for cluster, folder in zip(clusters, ("autograd", "nn", "viz"), strict=True):
        files = re.findall(r"\w+\.py|\w+/", cluster)
        assert cluster.startswith(folder)
        assert [name for name in files if not any((ROOT / folder).rglob(name.rstrip("/")))] == []
    shown = (ROOT / "docs/images/architecture.svg").read_text(encoding="utf-8")
    words = re.findall(r'label="([^"]+)"', how_it_works_page.PICTURE)
    assert texts(shown) == sorted(line for label in words for line in label.split("\\n"))
