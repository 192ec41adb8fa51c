"""The numbers of PyTorch that notebooks store: computed anew, from the weights and batches of the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")

SOURCES = Path(__file__).resolve().parents[1] / "notebooks/sources"
F = torch.nn.functional


def names_of(notebook: str, until: str) -> dict[str, Any]:
    """What the code of a notebook has defined when it has run up to the cell with `until`, and that cell."""
    names: dict[str, Any] = {"__name__": notebook}
    for cell in (SOURCES / notebook).read_text(encoding="utf-8").split("\n# %%"):
        kind, _, code = cell.partition("\n")
        if "[markdown]" in kind or not code:
            continue
        exec(compile(code, notebook, "exec"), names)
        if until in code:
            return names
    raise AssertionError(f"{notebook} has no cell with {until}")


def test_the_26_gradients_of_the_character_model() -> None:
    names = names_of("22_gradients_by_hand.py", until="PYTORCH_NORMS = ")
    x, y = torch.tensor(names["x"]), torch.tensor(names["y"])
    made: dict[str, Any] = {
        name: torch.tensor(array, requires_grad=True) for name, array in names["first"].items()
    }
    t = made
    t["E"] = t["C"][x]
    t["V"] = t["E"].view(len(x), -1)
    t["A"] = t["V"] @ t["W1"] + t["b1"]
    t["mean"] = t["A"].mean(0)
    t["D"] = t["A"] - t["mean"]
    t["S"] = t["D"] ** 2
    t["var"] = t["S"].mean(0)
    t["R"] = (t["var"] + names["EPS"]).rsqrt()
    t["N"] = t["D"] * t["R"]
    t["Z"] = t["gain"] * t["N"] + t["shift"]
    t["H"] = t["Z"].tanh()
    t["logits"] = t["H"] @ t["W2"] + t["b2"]
    t["top"] = t["logits"].amax(1, keepdim=True)
    t["L"] = t["logits"] - t["top"]
    t["counts"] = t["L"].exp()
    t["total"] = t["counts"].sum(1, keepdim=True)
    t["inverse"] = t["total"].reciprocal()
    t["P"] = t["counts"] * t["inverse"]
    t["logP"] = t["P"].log()
    loss = F.nll_loss(t["logP"], y)
    for tensor in t.values():
        tensor.retain_grad()
    loss.backward()

    assert set(t) == set(names["tensors"]) == set(names["PYTORCH_NORMS"])
    assert names["PYTORCH_LOSS"] == pytest.approx(loss.item(), abs=1e-11)
    for name, tensor in names["tensors"].items():
        theirs = t[name].grad.numpy()
        np.testing.assert_allclose(tensor.grad, theirs, rtol=1e-9, atol=1e-14, err_msg=name)
        # the stored norms have twelve decimals; those of top and b1 are rounding and nothing else
        assert names["PYTORCH_NORMS"][name] == pytest.approx(np.linalg.norm(theirs), rel=1e-7, abs=1e-12), (
            name
        )


def test_the_layers_of_pytorch_give_the_loss_of_the_character_model() -> None:
    names = names_of("22_gradients_by_hand.py", until="loss.backward()")
    p = {name: torch.tensor(array) for name, array in names["first"].items()}
    hidden = F.embedding(torch.tensor(names["x"]), p["C"]).flatten(1) @ p["W1"] + p["b1"]
    normal = F.batch_norm(hidden, None, None, p["gain"], p["shift"], training=True, eps=names["EPS"])
    loss = F.cross_entropy(normal.tanh() @ p["W2"] + p["b2"], torch.tensor(names["y"]))
    assert names["loss"].item() == pytest.approx(loss.item(), rel=1e-12)


def test_the_losses_of_the_small_gpt() -> None:
    names = names_of("23_small_gpt.py", until="PYTORCH = ")
    p = {name: torch.tensor(array, requires_grad=True) for name, array in names["first"].items()}

    def layer_norm(x: Any, name: str) -> Any:
        return F.layer_norm(x, x.shape[-1:], p[f"{name}.weight"], p[f"{name}.bias"])

    def linear(x: Any, name: str) -> Any:
        return x @ p[f"{name}.weight"] + p[f"{name}.bias"]

    def logits(x: Any) -> Any:
        vectors = F.embedding(x, p["token.weight"]) + p["position.weight"][: x.shape[1]]
        for block in ("blocks.0", "blocks.1"):
            normal = layer_norm(vectors, f"{block}.norm1")
            found = []
            for head in range(4):
                q, k, v = (
                    normal @ p[f"{block}.heads.{head}.{part}.weight"] for part in ("query", "key", "value")
                )
                found.append(F.scaled_dot_product_attention(q, k, v, is_causal=True))
            vectors = vectors + linear(torch.cat(found, -1), f"{block}.mix")
            inner = linear(layer_norm(vectors, f"{block}.norm2"), f"{block}.wide").relu()
            vectors = vectors + linear(inner, f"{block}.narrow")
        return linear(layer_norm(vectors, "norm"), "out")

    optimizer = torch.optim.Adam(p.values(), lr=0.006)
    losses = []
    for x, y in names["batches"][: len(names["losses"])]:
        optimizer.zero_grad()
        loss = F.cross_entropy(logits(torch.tensor(x)).flatten(0, 1), torch.tensor(y).flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == pytest.approx(names["losses"], abs=1e-6)
    assert {i: losses[i - 1] for i in names["PYTORCH"]} == pytest.approx(names["PYTORCH"], abs=1e-6)
