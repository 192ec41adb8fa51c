"""Exercise sheets: every seed gives one, the solutions are right, and stand only where they should."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest

for module in ("jupytext", "nbformat", "markdown_it", "typst", "pypdf"):
    pytest.importorskip(module, reason='needs pip install "chainrule[notebook,test]"')

import exercise_sheets as sheets  # noqa: E402 - it needs what is asked for above
import pypdf  # noqa: E402

each_sheet = pytest.mark.parametrize("source", sheets.SOURCES, ids=lambda source: source.stem)


def source_of(name):
    (found,) = (source for source in sheets.SOURCES if source.stem == name)
    return found


def solutions(name, seed):
    """What the solutions of a sheet print, one after the other."""
    return [part.printed for part in sheets.parts(source_of(name), seed) if part.kind == "solution"]


def numbers(text):
    return [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?", text)]


def test_there_is_a_sheet_for_each_lecture():
    assert [source.stem for source in sheets.SOURCES] == [
        "edinburgh", "hong_kong", "imperial", "ucl_lecture_5", "ucl_recap",
    ]  # fmt: skip


@each_sheet
@pytest.mark.parametrize("seed", range(5))
def test_every_seed_gives_a_sheet_with_a_solution_for_each_exercise(source, seed):
    sheet = sheets.parts(source, seed)
    text = "\n".join(part.text for part in sheet if part.kind == "text")
    exercises = re.findall(r"^## (\d+)\. ", text, re.MULTILINE)
    assert exercises == [str(k) for k in range(1, len(exercises) + 1)]
    assert len(exercises) >= 4
    assert not re.search(r"\{\w+\}", text)  # every name in braces has its number
    solved = [part.printed for part in sheet if part.kind == "solution"]
    assert len(solved) == len(exercises)
    assert all(solved)


@each_sheet
def test_a_seed_gives_the_same_sheet_and_another_seed_other_numbers(source):
    one, same, other = (sheets.page(sheets.parts(source, seed), True) for seed in (3, 3, 4))
    assert one == same
    assert re.sub(r"Sheet \d+", "", one) != re.sub(r"Sheet \d+", "", other)


@each_sheet
def test_solutions_stand_only_where_they_should(source):
    sheet = sheets.parts(source, 1)
    solved = [part.printed.splitlines()[0] for part in sheet if part.kind == "solution"]
    titles = re.findall(
        r"^#+ (.+)$", "\n".join(part.text for part in sheet if part.kind == "text"), re.MULTILINE
    )
    for wanted in (False, True):
        page, notebook = sheets.page(sheet, wanted), sheets.notebook(sheet, 1, wanted)
        read = pypdf.PdfReader(io.BytesIO(sheets.pdf(sheet, wanted)))
        text = " ".join(" ".join(each.extract_text() for each in read.pages).split())
        assert page.count("Solution") == text.count("Solution") == (len(solved) if wanted else 0)
        assert all(title in text for title in titles)
        assert "http" not in page
        outputs = [o.text for cell in notebook.cells for o in cell.get("outputs", ())]
        assert len(outputs) == (len(solved) if wanted else 0)
        assert sum(not cell.source for cell in notebook.cells) == (0 if wanted else len(solved))


def test_a_notebook_with_solutions_runs_by_itself_to_the_same_numbers(capsys):
    sheet = sheets.parts(source_of("imperial"), 6)
    names = {}
    for cell in sheets.notebook(sheet, 6, True).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
            shown = "".join(output.text for output in cell.outputs)
            assert capsys.readouterr().out == shown


# ---------------------------------------------------------------------- solutions, computed another way


def drawn(name, seed):
    """The names of a sheet after its code has run."""
    names = {"SEED": seed, "rng": np.random.default_rng(seed)}
    for part in sheets.parts(source_of(name), seed):
        if part.kind == "numbers":
            exec(part.text, names)
    return names


@pytest.mark.parametrize("seed", [1, 2])
def test_the_line_and_the_linear_layer(seed):
    n, (line, layer, *_) = drawn("imperial", seed), solutions("imperial", seed)
    errors = n["a0"] * n["xs"] + n["b0"] - n["ys"]
    da, db = (errors * n["xs"]).sum(), errors.sum()
    a, b = n["a0"] - 0.1 * da, n["b0"] - 0.1 * db
    after = np.square(a * n["xs"] + b - n["ys"]).sum() / 2
    assert numbers(line) == pytest.approx([np.square(errors).sum() / 2, da, db, a, b, after], abs=1e-3)
    by_hand = [n["X"] @ n["W"] + n["b"], n["D"] @ n["W"].T, n["X"].T @ n["D"], n["D"].sum(0)]
    for text, expected in zip(layer.splitlines(), by_hand):
        assert numbers(text.split(None, 1)[1]) == expected.astype(int).ravel().tolist()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_deltas(seed):
    n, (text, *_) = drawn("hong_kong", seed), solutions("hong_kong", seed)
    x1 = np.tanh(n["x0"] @ n["W1"])
    x2 = np.tanh(x1 @ n["W2"])
    delta_2 = 2 * (x2 - n["y"]) * (1 - x2**2)
    delta_1 = (1 - x1**2) * (n["W2"] @ delta_2)
    line = next(line for line in text.splitlines() if line.startswith("delta"))
    second, first = (numbers(part) for part in re.findall(r"\[.*?\]", line))
    assert second == pytest.approx(delta_2, abs=1e-4)
    assert first == pytest.approx(delta_1, abs=1e-4)
    assert numbers(text)[-1] == pytest.approx(n["W1"][0, 1] - 0.1 * n["x0"][0] * delta_1[1], abs=1e-4)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_two_input_sigmoid_and_the_filter(seed):
    n, text = drawn("ucl_lecture_5", seed), solutions("ucl_lecture_5", seed)[0]
    z = n["w0"] * n["x0"] + n["w1"] * n["x1"] + n["w2"]
    f = 1 / (1 + np.exp(-z))
    slope = f * (1 - f)
    expected = [n["x0"] * slope, n["w0"] * slope, n["x1"] * slope, n["w1"] * slope, slope]
    assert numbers(text.splitlines()[1].replace("+", ""))[1::2] == pytest.approx(expected, abs=1e-4)
    n, text = drawn("edinburgh", seed), solutions("edinburgh", seed)[3]
    image, kernel = (np.array(json.loads(n[name])) for name in ("rows_image", "rows_kernel"))
    maps = [[(image[i : i + 2, j : j + 2] * kernel).sum() for j in range(3)] for i in range(3)]
    assert numbers(text.splitlines()[0]) == np.ravel(maps).tolist()


def test_the_cheat_sheet_is_one_page_with_all_of_its_lines():
    (page,) = pypdf.PdfReader(io.BytesIO(sheets.cheat_sheet())).pages
    shown = "".join(page.extract_text().split())
    code = re.findall(r"```python\n(.*?)```", sheets.CHEAT_SHEET.read_text(encoding="utf-8"), re.DOTALL)
    for line in "\n".join(code).splitlines():
        assert "".join(line.split()) in shown, line
