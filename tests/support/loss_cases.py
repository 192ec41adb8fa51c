"""Predictions, targets, and the losses of each by formulas."""

import numpy as np

P = np.array([[0.2, 0.9], [0.5, 0.4]])
Z = np.array([[2.0, -1.0], [0.5, 3.0]])
Y01 = np.array([[0.0, 1.0], [1.0, 0.0]])
LOSSES = {  # name: (prediction, target, one loss per element)
    "mse_loss": (Z, Y01, (Z - Y01) ** 2),
    "half_squared_error": (Z, Y01, (Z - Y01) ** 2 / 2),
    "l1_loss": (Z, Y01, abs(Z - Y01)),
    "huber_loss": (Z, Y01, [[1.5, 1.5], [0.125, 2.5]]),  # errors of 2, -2, -0.5 and 3
    "smooth_l1_loss": (Z, Y01, [[1.5, 1.5], [0.125, 2.5]]),
    "hinge_loss": (Z, 2 * Y01 - 1, np.maximum(0, 1 - (2 * Y01 - 1) * Z)),
    "binary_cross_entropy": (P, Y01, -np.log(np.where(Y01 == 1, P, 1 - P))),
    "binary_cross_entropy_with_logits": (Z, Y01, np.log1p(np.exp(-(2 * Y01 - 1) * Z))),
}
LOGITS = np.array([[1.0, 2.0, -1.0], [0.0, 0.5, 0.25]])
CLASSES = np.array([1, 2])
