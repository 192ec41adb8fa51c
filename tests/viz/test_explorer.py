"""The explorer: the tree of modules, what its page is made of, and its errors."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
import subprocess
import sys
import weakref
import zlib

import numpy as np
import pytest
from explored import digits, network, random_operations, sequence

from chainrule import nn
from chainrule.autograd import Tape, Tensor, Value, checkpoint
from chainrule.viz import THEMES, draw
from chainrule.viz.explorer.numbers import numbers_of
from chainrule.viz.explorer.survey import survey


def data_of(page: str) -> dict:
    packed = re.search(r'id="data">([^<]*)<', page)
    return json.loads(zlib.decompress(base64.b64decode(packed[1])))


# ---------------------------------------------------------------------- the tree of modules


@pytest.mark.parametrize(
    "make",
    [
        digits,
        sequence,
        lambda: network(4, 1),
        lambda: network(16, 16, 1, samples=30),
        lambda: random_operations(1000),
        lambda: sum(Value(float(i)) for i in range(1, 400)),
        lambda: nn.LSTM(3, 4, seed=0)(Tensor(np.ones((5, 2, 3))))[0].sum(),
        lambda: nn.TransformerEncoderLayer(8, 2, 16, seed=0)(Tensor(np.ones((2, 3, 8)))).sum(),
        lambda: Value(1.0, name="alone"),
    ],
    ids=["digits", "sequence", "neurons", "batch", "random", "sum", "lstm", "transformer", "leaf"],
)
def test_every_node_is_in_one_box_and_no_module_has_a_cycle_or_too_many_boxes(make) -> None:
    root = make()
    explored = survey(root)
    drawn = [box for level in explored.levels for box in level.graph.boxes if box.kind != "more"]
    assert sorted(box.id for box in drawn) == sorted(f"n{i}" for i in explored.entries)
    nodes = sum(_nodes_of(box) for box in drawn if not explored.entries[int(box.id[1:])].opens)
    assert nodes == len(Tape(root)) or any(box.operation and box.operation.symbol == "Σ" for box in drawn)
    for level in explored.levels:
        own = {box.id for box in level.graph.boxes if box.kind != "more"}
        assert len(own) <= 200
        assert all(explored.entries[int(id[1:])].within == level.part for id in own)
        before = {id: set() for id in own}
        for edge in level.graph.edges:
            if {edge.tail, edge.head} <= own:
                before[edge.head].add(edge.tail)
        while before:  # boxes without an input are taken away until none is left
            free = [id for id, inputs in before.items() if not inputs]
            assert free
            before = {id: inputs - {*free} for id, inputs in before.items() if inputs}


def _nodes_of(box) -> int:
    found = re.match(r"([\d,]+) nodes", box.contents)
    return int(found[1].replace(",", "")) if found else box.copies


def test_a_module_that_is_called_again_has_a_part_for_each_call() -> None:
    explored = survey(sequence())
    calls = [entry.box.label for entry in explored.entries.values() if entry.box.kind == "module"]
    assert calls == [f"MLP(3 -> 4 -> 3), call {i} of 4" for i in range(1, 5)]
    assert all(entry.opens for entry in explored.entries.values() if entry.box.kind == "module")


def test_marks_lead_to_what_enters_and_leaves_a_module() -> None:
    explored = survey(digits())
    label = {i: entry.box.label for i, entry in explored.entries.items()}
    model = next(level for level in explored.levels if level.part and label[level.part].startswith("MLP"))
    found = {
        box.label: [label[i] for i in model.leads[box.id]] for box in model.graph.boxes if box.kind == "more"
    }
    assert found == {"images": ["images"], "→ loss": ["loss"]}


def test_connections_are_those_of_the_graph() -> None:
    tape = Tape(network(3, 1))
    explored = survey(tape.nodes[-1])
    nodes = dict(zip(tape.labels, tape.nodes))
    boxes = [entry for entry in explored.entries.values() if entry.box.kind not in ("module", "run")]
    label = {i: entry.box.label for i, entry in explored.entries.items()}
    assert len(boxes) == len(nodes)
    for entry in boxes:
        node = nodes[entry.box.label]
        assert [label[i] for i in entry.inputs] == [tape.labels[tape.index[x]] for x in node.inputs]


def test_no_node_is_kept_alive_and_later_changes_do_not_show() -> None:
    w = Tensor(np.ones((2, 2)), name="w")
    loss = (w * 2).sum()
    loss.backward()
    drawing, gone = draw(loss), weakref.ref(loss)
    w.data[...] = 7.0
    w.grad[...] = 8.0
    del loss
    assert gone() is None
    part = next(part for part in data_of(drawing.html())["parts"] if part[1] == "w")
    assert part[-2]["rows"] == [[1, 1], [1, 1]]
    assert part[-1]["rows"] == [[2, 2], [2, 2]]


def test_drawing_a_checkpoint_does_not_run_it_again() -> None:
    runs = []

    def f(x):
        runs.append(1)
        return x * x

    y = checkpoint(f, Value(3.0, name="x"))
    draw(y).html()
    assert len(runs) == 1


def test_the_same_graph_gives_the_same_bytes_in_every_process(tmp_path) -> None:
    code = """if True:
        import hashlib
        from chainrule import nn
        from chainrule.viz import THEMES, draw
        print(hashlib.sha256(draw(nn.scalar.MLP(2, [16, 4, 1], seed=0)([0.5, -1.0])).html().encode()).hexdigest())
    """
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1


def test_arrays_are_whole_up_to_a_size_and_means_of_blocks_above_it() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=(3, 4, 5)), rng.normal(size=(96, 480))
    found = numbers_of([small], 10**6)
    assert found.whole
    np.testing.assert_array_equal(found.elements, small.reshape(12, 5))
    found = numbers_of([large], 10**6)
    assert not found.whole
    np.testing.assert_allclose(found.elements, large.reshape(48, 2, 48, 10).mean((1, 3)), rtol=1e-9)
    assert numbers_of([np.float64(1.0)], 10**6) is None
    assert numbers_of([small], 10) is None  # no room
    odd = numbers_of([np.array([1.0, np.nan, -np.inf, 123456.789])], 100).data()
    assert odd == {"shape": [4], "rows": [[1.0, "nan", "-inf", 123460.0]], "whole": True}


def test_the_page_asks_for_nothing_and_allows_nothing(tmp_path) -> None:
    page = draw(digits()).html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    path = draw(digits()).save(tmp_path / "graph.html")
    assert path.read_text(encoding="utf-8") == page


def test_the_page_has_the_colours_that_were_asked_for() -> None:
    root = network(2, 1)
    assert 'data-theme="dark"' in draw(root, theme="dark").html()
    assert "data-theme=" not in draw(root).html().partition("<body>")[0].partition("<style>")[0]
    own = dataclasses.replace(THEMES["light"], value="#123456")
    assert "--value: light-dark(#123456, #123456);" in draw(root, theme=own).html()


def test_what_a_notebook_shows() -> None:
    assert "<iframe" not in draw(network(2, 1))._repr_mimebundle_()["text/html"]
    shown = draw(network(16, 16, 1), style="boxes")._repr_mimebundle_()
    assert shown["text/html"].count("<img") == shown["text/html"].count("<iframe") == 1
    assert 'sandbox="allow-scripts"' in shown["text/html"]
    assert len(shown["text/html"]) < 400_000
