"""What the documentation site makes of pages written for GitHub; `make docs` checks the built site."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def site(monkeypatch):
    """The modules in `docs/site/`, by name."""
    monkeypatch.syspath_prepend(ROOT / "docs/site")
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == ROOT / "docs/site":
            del sys.modules[name]


def test_versions_stand_beside_each_other_and_the_newest_is_opened(site, tmp_path) -> None:
    pytest.importorskip("packaging")
    for name in ("0.2.0", "0.10.0", "0.9.1", "notes"):
        (tmp_path / name).mkdir()
        if name != "notes":
            (tmp_path / name / "objects.inv").touch()
    module = site("versions")
    app = SimpleNamespace(
        outdir=tmp_path / "0.2.0",
        builder=SimpleNamespace(format="html"),
        config=SimpleNamespace(root_doc="docs/gallery"),
    )
    module.on_finish(app, None)
    assert (tmp_path / "versions.js").read_text() == 'window.versions = ["0.10.0", "0.9.1", "0.2.0"]\n'
    assert "url=0.10.0/index.html" in (tmp_path / "index.html").read_text()
    assert "url=docs/gallery.html" in (tmp_path / "0.2.0/index.html").read_text()


def test_a_picture_in_two_themes_becomes_one_for_each_theme_in_one_link(site) -> None:
    pytest.importorskip("docutils")
    source = [
        """<a href="drawing.md"><picture>
    <source media="(prefers-color-scheme: dark)" srcset="dark.svg">
    <img width="480" alt="A neuron" src="light.svg">
  </picture></a>"""
    ]
    site("pictures").on_source(None, "docs/gallery", source)
    assert source == ["[![A neuron](light.svg){.only-light} ![A neuron](dark.svg){.only-dark}](drawing.md)"]


def test_a_live_page_stands_in_place_of_its_picture(site) -> None:
    live = site("live_pages").LIVE
    page = "Before.\n\n![other](a.png)\n\nText.\n\n![The page](b.png)\n\n<!-- live: loss 980 -->\n\nAfter."
    assert live.sub("LIVE", page) == "Before.\n\n![other](a.png)\n\nText.\n\nLIVE\n\nAfter."
    assert live.search(page).groups() == ("live", "loss", "980")


def test_the_stepping_guide_has_the_live_page() -> None:
    text = (ROOT / "docs/stepping.md").read_text(encoding="utf-8")
    assert re.search(r"\(images/stepper\.png\)\n\n<!-- live: loss", text)


def test_questions_whose_numbers_can_be_moved_have_a_live_page_of_their_own_example() -> None:
    text = (ROOT / "docs/questions.md").read_text(encoding="utf-8")
    sections = re.split(r"^## (\d+)\. ", text, flags=re.MULTILINE)
    found = {}
    for number, section in zip(sections[1::2], sections[2::2]):
        if live := re.search(r"<!-- live: (\w+) \d+ -->", section):
            found[int(number)] = section
            assert re.search(rf"^>>> (?:.*, )?{live[1]} = ", section[: live.start()], re.MULTILINE)
            assert "**Try.**" in section
    assert sorted(found) == [1, 2, 10, 14, 15, 16, 19]


def test_live_pages_load_when_they_come_into_sight(site, tmp_path) -> None:
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    page = [
        '```python\n>>> from chainrule import Value\n>>> y = Value(2.0, name="x") ** 2\n```\n\n<!-- live: y 700 -->\n'
    ]
    site("live_pages").on_source(app, "docs/page", page)
    assert '<iframe class="live-page"' in page[0]
    assert 'loading="lazy" height="700" src="../_live/page-1.html"' in page[0]
    assert (tmp_path / "_live/page-1.html").stat().st_size < 150_000


def test_every_picture_of_the_gallery_is_there_for_light_and_dark_pages_and_leads_on() -> None:
    text = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    cards = re.findall(
        r'<a href="([^"]+)">.*?srcset="([^"]+)".*?alt="([^"]+)" src="([^"]+)".*?\*\*\[', text, re.DOTALL
    )
    assert len(cards) == text.count("\n- ") == 10
    for page, dark, words, light in cards:
        assert (ROOT / "docs" / page.partition("#")[0]).is_file()
        assert (ROOT / "docs" / dark).is_file()
        assert (ROOT / "docs" / light).is_file()
        assert Path(dark).stem == f"{Path(light).stem}_on_dark"
        assert len(words) > 20
