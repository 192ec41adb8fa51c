"""PyTorch as an oracle for matrices and for NumPy's compositions: values and gradients in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    Tensor,
    cholesky,
    det,
    eigh,
    gradients,
    inv,
    norm,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
)

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")
L = torch.linalg

RNG = np.random.default_rng(8)
A = RNG.normal(size=(2, 4, 3))
S = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
P = S @ S.T
HOLES = np.where(RNG.uniform(size=(4, 3)) < 0.3, np.nan, A[0])
V, X = RNG.normal(size=6), np.sort(RNG.normal(size=6))


def symmetric(a: Any) -> Any:
    return (a + a.transpose(-1, -2)) / 2


def both(u: Any, v: Any) -> Any:
    """What does not depend on the signs of vectors."""
    return (u * u).sum() + (u**4).sum() + (v**4).sum()


PAIRS: dict[str, tuple[Any, Any, np.ndarray]] = {
    "eigenvalues": (lambda a: eigh(a)[0], lambda a: L.eigvalsh(symmetric(a)), S),
    "eigenvectors": (lambda a: eigh(a)[1] ** 4, lambda a: L.eigh(symmetric(a))[1] ** 4, S),
    "singular values": (lambda a: svd(a, compute_uv=False), L.svdvals, A),
    "singular vectors": (lambda a: both(*svd(a)[::2]), lambda a: both(*L.svd(a, full_matrices=False)[::2]), A),
    "qr": (lambda a: qr(a)[0] * 3 + qr(a)[0] ** 2, lambda a: L.qr(a)[0] * 3 + L.qr(a)[0] ** 2, A),
    "r": (lambda a: qr(a)[1], lambda a: L.qr(a)[1], A),
    "pinv": (pinv, L.pinv, A), "inv": (inv, L.inv, S), "det": (det, L.det, S),
    "slogdet": (lambda a: slogdet(a)[1], lambda a: L.slogdet(a)[1], S),
    "solve": (lambda a: solve(a, S), lambda a: L.solve(a, torch.tensor(S)), S),
    "cholesky": (cholesky, lambda a: L.cholesky(symmetric(a)), P),
    "nuclear norm": (lambda a: norm(a, "nuc", (1, 2)), lambda a: L.matrix_norm(a, "nuc"), A),
    "spectral norm": (lambda a: norm(a, 2, (1, 2)), lambda a: L.matrix_norm(a, 2), A),
    "cond": (np.linalg.cond, L.cond, S),
    "matrix_power": (lambda a: np.linalg.matrix_power(a, 5), lambda a: L.matrix_power(a, 5), S),
    "multi_dot": (lambda a: np.linalg.multi_dot([a, S, a]), lambda a: L.multi_dot([a, torch.tensor(S), a]), S),
    "quantile": (lambda a: np.quantile(a, [0.1, 0.7], axis=1),
                 lambda a: torch.quantile(a, torch.tensor([0.1, 0.7], dtype=float), dim=1), A[0]),
    "nansum": (lambda a: np.nansum(a, axis=0), lambda a: torch.nansum(a, dim=0), HOLES),
    "nanmean": (lambda a: np.nanmean(a, axis=0), lambda a: torch.nanmean(a, dim=0), HOLES),
    "trapezoid": (lambda a: np.trapezoid(a, X), lambda a: torch.trapezoid(a, torch.tensor(X)), V),
    "cov": (np.cov, torch.cov, A[0]), "corrcoef": (np.corrcoef, torch.corrcoef, A[0]),
    "cross": (lambda a: np.cross(a, S[0]), lambda a: L.cross(a, torch.tensor(S[0]).expand(4, 3)), A[0]),
    "rot90": (lambda a: np.rot90(a) ** 2, lambda a: torch.rot90(a) ** 2, A[0]),
    "diag": (lambda a: np.diag(a, 1), lambda a: torch.diag(a, 1), V),
    "gradient": (lambda a: np.gradient(a, 0.5), lambda a: torch.gradient(a, spacing=0.5)[0], V),
    "nan_to_num": (lambda a: np.nan_to_num(a, nan=2.0), lambda a: torch.nan_to_num(a, nan=2.0), HOLES),
    "fmax": (lambda a: np.fmax(a, HOLES[::-1]), lambda a: torch.fmax(a, torch.tensor(HOLES[::-1].copy())), A[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_value_and_gradient(name: str) -> None:
    ours, theirs, x = PAIRS[name]
    t, u = Tensor(x), torch.tensor(x, requires_grad=True)
    y, expected = ours(t), theirs(u)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-9, atol=1e-11)
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    (g,) = torch.autograd.grad(expected, u, torch.tensor(weights))
    np.testing.assert_allclose(gradients(y, t, weights), g.numpy(), rtol=1e-9, atol=1e-11)
