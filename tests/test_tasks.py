"""The page of twenty tasks: each has a few lines of code, which are executed, and leads to a guide.

`tests/support/site_in_browser.py` searches the built site for each of them.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from tasks import TASKS, sections

ROOT = Path(__file__).resolve().parents[1]


def test_there_are_twenty_and_each_is_searched_for() -> None:
    assert len(TASKS) == 20
    assert list(sections(ROOT)) == list(TASKS)


@pytest.mark.parametrize("title", TASKS)
def test_each_has_a_few_lines_and_a_place_where_more_is_said(title: str) -> None:
    """That links lead somewhere is tested in test_links.py."""
    text = sections(ROOT)[title]
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert 3 <= len(re.findall(r"^(?:>>>|\.\.\.) ", code, re.MULTILINE)) <= 12
    said = text.partition("```")[0]
    assert 8 < len(said.split()) < 40
    (more,) = re.findall(r"^More: .*$", text, re.MULTILINE)
    assert "](" in more


@pytest.mark.usefixtures("in_an_empty_folder")
@pytest.mark.parametrize("title", TASKS)
def test_each_runs_alone_after_the_imports(title: str) -> None:
    pytest.importorskip("matplotlib", reason="two tasks draw plots")
    page = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page.partition("\n## ")[0] + sections(ROOT)[title], re.DOTALL)
    test = doctest.DocTestParser().get_doctest("".join(blocks), {}, title, title, 0)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.DocTestRunner(optionflags=flags).run(test).failed == 0


def test_the_words_of_a_task_are_not_only_its_title() -> None:
    assert all(words.lower() != title.lower() for title, words in TASKS.items())
