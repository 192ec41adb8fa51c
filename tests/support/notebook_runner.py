"""Write the notebooks from their sources: execute each from clean, and keep what it shows.

A notebook `NN_name.ipynb` is made from `sources/NN_name.py`, where `# %%` opens a cell (`notebooks/README.md` has the
conventions). A cell with the tag `solution` is executed like any other, and stands in the notebook as folded text with
what it printed. The same source gives the same file: nothing of the machine, the time or the person stays in it.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SOURCES = sorted((NOTEBOOKS / "sources").glob("*.py"))

KEPT_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
HEADING = re.compile(
    r"^```.*?^```|^(#{1,6}) ([^\n]+)", re.MULTILINE | re.DOTALL
)  # or code, which may look like one
NUMBER = re.compile(r"[-+−]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?")


def main(names: list[str]) -> int:
    chosen = [source for source in SOURCES if not names or any(name in source.stem for name in names)]
    for source in chosen:
        path = NOTEBOOKS / f"{source.stem}.ipynb"
        made = executed(source)
        # a measurement is new each time; where nothing else is, the file stays as it is
        if not path.exists() or not same(nbformat.read(path, as_version=4), made, figures=True):
            nbformat.write(made, path)
            print(f"{path.name}: written, {path.stat().st_size / 1000:.0f} kB", flush=True)
        else:
            print(f"{path.name}: as it was", flush=True)
    return 0 if chosen else 1


def executed(source: Path) -> Any:
    """The notebook of `source`, each cell executed by a kernel of its own. Raises where a cell does, or warns."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=120,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},  # what a notebook writes goes there
            record_timing=False,
            extra_arguments=["--IPKernelApp.log_level=40"],  # a kernel for one user needs no encryption
            coalesce_streams=True,
        )
        client.execute(env={**os.environ, "IPYTHONDIR": folder, "PYTHONHASHSEED": "0"})
    notebook.metadata = nbformat.from_dict(KEPT_METADATA)
    notebook.cells = [folded(cell) if is_solution(cell) else cell for cell in notebook.cells]
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    for count, cell in enumerate(code, 1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(f"{source.name}: a cell warns or writes to stderr:\n{output.text}")
            if output.output_type == "execute_result":
                output.execution_count = count
            if "text/html" in output.get("data", {}):  # the name by which the kernel knows a page
                output.data["text/html"] = re.sub(r' name="chainrule-\w+"', "", output.data["text/html"])
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags"})
        if cell.cell_type == "markdown" and not is_solution(cell):
            cell.source = HEADING.sub(_with_anchor, cell.source)
    notebook.cells.append(nbformat.v4.new_markdown_cell(what_is_next(source)))
    for cell, name in zip(notebook.cells, _ids(notebook.cells)):
        cell.id = name
    nbformat.validate(notebook)
    return notebook


# ---------------------------------------------------------------------- what becomes of a cell


def is_solution(cell: Any) -> bool:
    return "solution" in cell.metadata.get("tags", ())


def folded(cell: Any) -> Any:
    """A solution as folded text: its code, then what it printed."""
    printed = "".join(
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in cell.outputs
    )
    text = f"<details><summary>Solution</summary>\n\n```python\n{cell.source}\n```\n"
    if printed:
        text += f"\nprints\n\n```text\n{printed.rstrip()}\n```\n"
    made = nbformat.v4.new_markdown_cell(text + "\n</details>")
    made.metadata["tags"] = ["solution"]
    return made


def smaller(png: str) -> str:
    """A picture in base64 with a palette of colours, which takes a third of the bytes, and without metadata."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    file = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it: `What is d_x?` becomes `what-is-d_x`."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors(notebook: Any) -> list[str]:
    """The anchors of all headings of a notebook, in order."""
    return re.findall(r'<a id="([^"]+)"></a>', "\n".join(c.source for c in notebook.cells))


def _with_anchor(heading: re.Match[str]) -> str:
    marks, text = heading.groups()
    if marks is None:
        return heading[0]
    return f'{marks} <a id="{slug(text)}"></a>{text}'


def what_is_next(source: Path) -> str:
    """The last lines of a notebook: a link to the one after it."""
    after = SOURCES[SOURCES.index(source) + 1 :]
    tour = "[all notebooks](README.md)"
    if not after:
        return f"This was the last one; here are {tour}."
    return f"Next: [{title(after[0])}]({after[0].stem}.ipynb), or {tour}."


def title(source: Path) -> str:
    """The heading with which a notebook opens."""
    found = HEADING.search(source.read_text(encoding="utf-8").split("# %% [markdown]")[1])
    assert found, f"{source.name} does not open with a heading"
    return found[2]


def _ids(cells: list[Any]) -> Iterator[str]:
    """An id for each cell, made of what it says: an edit changes the ids of the cells edited, and no other."""
    seen: dict[str, int] = {}
    for cell in cells:
        name = f"{zlib.crc32(cell.source.encode()):08x}"
        seen[name] = seen.get(name, -1) + 1
        yield f"{name}-{seen[name]}" if seen[name] else name


# ---------------------------------------------------------------------- are two notebooks the same?


def same(stored: Any, made: Any, figures: bool = False) -> bool:
    return not differences(stored, made) and (not figures or _figures(stored) == _figures(made))


def differences(stored: Any, made: Any) -> list[str]:
    """Where two notebooks say something different; figures are not compared.

    Numbers agree if they do so to a thousandth or are both as good as 0, for the last digits belong to the machine.
    In a cell with the tag `measured` any number will do.
    """
    if [(c.cell_type, _source(c)) for c in stored.cells] != [(c.cell_type, _source(c)) for c in made.cells]:
        return ["the cells are not those of the source"]
    return [
        f"cell {i} shows\n{new}\nand was stored with\n{old}"
        for i, (a, b) in enumerate(zip(stored.cells, made.cells))
        for old, new in [(text_of(a), text_of(b))]
        if not alike(old, new, "measured" in b.metadata.get("tags", ()))
    ]


def text_of(cell: Any) -> str:
    """What a cell has written: printed, shown as text, or, in a solution, both."""
    if cell.cell_type == "markdown":
        return cell.source if is_solution(cell) else ""
    return "\n".join(
        output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def alike(old: str, new: str, any_number: bool = False) -> bool:
    """Whether two texts have the same words, and numbers that agree."""
    old, new = (" ".join(text.split()) for text in (old, new))
    if NUMBER.sub("#", old) != NUMBER.sub("#", new):
        return False
    return any_number or all(
        _close(_float(x), _float(y)) for x, y in zip(NUMBER.findall(old), NUMBER.findall(new))
    )


def _close(x: float, y: float) -> bool:
    return abs(x - y) <= 1e-3 * max(abs(x), abs(y)) + 1e-9


def _float(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def _source(cell: Any) -> str:
    """The code or text of a cell; of a solution its code, without what it printed."""
    return cell.source.split("\nprints\n")[0] if is_solution(cell) else cell.source


def _figures(notebook: Any) -> list[Any]:
    return [
        {kind: data for kind, data in output.data.items() if kind != "text/plain"}
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
