"""Words that must not come back; `docs/terms.md` says what is written instead."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TERMS = ROOT / "docs/terms.md"
OBJECT = r"(?:[a-zA-Z]|the|an?|its|each|every|them|it)\b"
THING = (
    r"(?:activation|engine|filter|gradient|graph|head|layer|loss|losse|model|network|neuron|node|optimiser|"
    r"parameter|position|tape|unit|weight)s?"
)
FORBIDDEN = {
    "with respect to": r"\b(?:gradients?|derivatives?)(?: of (?:an? |the )?[`\w.$]+)? by "
    rf"(?!the (?:engine|local)){OBJECT}(?!-)",
    "people": r"(?i)\b(?:somebody|nobody|anybody|whoever)\b",
    "things that act": rf"(?i)\b{THING} (?:that |only |does not |do not |may |can |must |also )*"
    r"(?:sees?|knows?|wants?|answers?|thinks?|believes?|notices?|speaks?|tells?|looks? (?:at|for|like|back|ahead))\b",
    "minds": r"\bchang(?:es?|ed|ing) (?:its|their) minds?\b",
    "answers": r"(?i)\bwhat (?:an?|each|every|the) (?:hidden )?\w+ (?:answers|looks for|sees|wants|passes on)\b",
    "speaking": r"\bspeaks? (?:for|against) (?:it|them)\b",
    "alive": r"\b(?:signals?|gradients?) alive\b",
    "memory": r"\b(?:remember|remembers|remembered)\b",
    "forgetting": r"\bforgets\b",
    "inversion": r"\b(?:has|have) not(?=[.,;:)])",
    "giving up": r"\bgives? up\b",
    "no more": r"\blearn(?:t|s|ed)? no more\b",
    "from above": r"\barrives from above\b",
    "lesson": r"\banswered by (?:a )?lessons?\b",
}
EXCEPT = {TERMS}
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")} - EXCEPT)
NOTEBOOKS = sorted(
    path for folder in ("sources", "sheets") for path in (ROOT / "notebooks" / folder).glob("*.py")
)
SOURCES = sorted(
    path for folder in ("start", "autograd", "nn", "viz") for path in (ROOT / folder).rglob("*.py")
)


def texts(path: Path) -> str:
    """What is read by people: a page, the text of a notebook, docstrings and messages of a module."""
    if path.suffix == ".md":
        return re.sub(
            r"^```text.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
    source = path.read_text(encoding="utf-8")
    strings = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return "\n|\n".join(each for each in strings if isinstance(each, str) and " " in each)


def found(text: str) -> list[str]:
    plain = re.sub(r"\s+", " ", text)
    return [match[0] for pattern in FORBIDDEN.values() for match in re.finditer(pattern, plain)]


@pytest.mark.parametrize(
    "path", [*PAGES, *NOTEBOOKS, *SOURCES], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_words_that_must_not_come_back(path: Path) -> None:
    assert found(texts(path)) == []


def test_each_word_is_found() -> None:
    for said in (
        "the gradient by w", "the derivative of L by each weight", "nobody holds it", "the node remembers",
        "it forgets", "which NumPy has not.", "it gives up", "learnt no more", "what arrives from above",
        "answered by a lesson", "the derivative of a matrix by a matrix", "Nobody told it",
        "Where the network changes its mind", "What each filter answers", "What each filter looks for",
        "blue pixels speak for it", "Each position looks at others", "as the hidden layer sees them",
        "weights that keep a signal alive", "a node knows its inputs", "parameters that want no gradient",
    ):  # fmt: skip
        assert found(said), said
    for said in (
        "divided by n",
        "the gradient of L with respect to w",
        "it has not been run",
        "the forget gate",
    ):
        assert not found(said), said


def test_the_terms_are_listed() -> None:
    rows = re.findall(r"^\| (.+?) \| .+ \|$", TERMS.read_text(encoding="utf-8"), re.MULTILINE)[2:]
    assert all(found(row + ".") for row in rows), [row for row in rows if not found(row + ".")]
