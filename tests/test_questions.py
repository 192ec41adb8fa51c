"""The page of twenty questions: each question is answered with an example, and leads to a place where more is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/questions.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
ROWS = re.findall(r"^\| \[(\d+\. [^]]+)\]\(#([^)]+)\) \| \[[^]]+\]\(([^)]+)\) \|$", PAGE, re.MULTILINE)


def test_there_are_twenty_each_with_its_place() -> None:
    """That the links lead somewhere is tested in test_links.py."""
    assert [section.partition("\n")[0] for section in SECTIONS] == [title for title, _, _ in ROWS]
    assert [int(title.partition(".")[0]) for title, _, _ in ROWS] == list(range(1, 21))
    assert all(not place.startswith("#") for _, _, place in ROWS)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition(".")[0])
def test_each_answer_is_short_and_has_numbers(section: str) -> None:
    prose = re.sub(r"```.*?```", "", section, flags=re.DOTALL)
    assert 25 < len(prose.split()) < 190
    assert ">>>" in section


def test_the_glossary_has_its_words_in_order_once() -> None:
    words = re.findall(r"^### (.+)$", GLOSSARY, re.MULTILINE)
    assert words == sorted(set(words), key=str.lower)
    assert len(words) >= 30
    for entry in re.split(r"^### ", GLOSSARY, flags=re.MULTILINE)[1:]:
        assert 5 < len(entry.partition("\n")[2].split()) < 45


def test_the_cheat_sheet_is_one_page() -> None:
    assert len((ROOT / "docs/cheat-sheet.md").read_text(encoding="utf-8").splitlines()) <= 110
