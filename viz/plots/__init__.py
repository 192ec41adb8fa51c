"""Plots of networks and of their training with matplotlib, which is an extra: `pip install "chainrule[plot]"`.

Each `plot_...(data, ax=None)` draws on the given axes, or on new ones, and returns them; it never opens a window.
`plot_..._data` returns the numbers that are drawn, and needs no matplotlib. Both accept networks of Values and of
Tensors. Read `canvas.py` (axes and colours) and `networks.py` (how a network is evaluated), then any other: each file
has one subject. This folder imports `common`, and nothing else of `viz`.
"""

from .boundary import DecisionBoundary, plot_decision_boundary, plot_decision_boundary_data
from .canvas import PlotError
from .confusion import plot_confusion_matrix, plot_confusion_matrix_data
from .curves import (
    plot_learning_rate,
    plot_learning_rate_data,
    plot_loss,
    plot_loss_data,
    plot_update_ratios,
    plot_update_ratios_data,
)
from .features import (
    HiddenSpace,
    Responses,
    plot_hidden_space,
    plot_hidden_space_data,
    plot_responses,
    plot_responses_data,
)
from .functions import (
    Approximation,
    plot_activation_functions,
    plot_activation_functions_data,
    plot_approximation,
    plot_approximation_data,
)
from .initialisation import plot_initialisation, plot_initialisation_data
from .layers import (
    GradientHistogram,
    LayerHistogram,
    plot_activation_histograms,
    plot_activation_histograms_data,
    plot_gradient_flow,
    plot_gradient_flow_data,
    plot_gradient_histograms,
    plot_gradient_histograms_data,
)
from .recorder import Recorder
from .surface import LossSurface, plot_loss_surface, plot_loss_surface_data
from .weights import NetworkPicture, plot_network, plot_network_data, plot_weights, plot_weights_data

__all__ = [
    "plot_loss",
    "plot_loss_data",
    "plot_learning_rate",
    "plot_learning_rate_data",
    "plot_update_ratios",
    "plot_update_ratios_data",
    "plot_decision_boundary",
    "plot_decision_boundary_data",
    "plot_responses",
    "plot_responses_data",
    "plot_hidden_space",
    "plot_hidden_space_data",
    "plot_activation_histograms",
    "plot_activation_histograms_data",
    "plot_gradient_histograms",
    "plot_gradient_histograms_data",
    "plot_gradient_flow",
    "plot_gradient_flow_data",
    "plot_loss_surface",
    "plot_loss_surface_data",
    "plot_weights",
    "plot_weights_data",
    "plot_network",
    "plot_network_data",
    "plot_confusion_matrix",
    "plot_confusion_matrix_data",
    "plot_activation_functions",
    "plot_activation_functions_data",
    "plot_approximation",
    "plot_approximation_data",
    "plot_initialisation",
    "plot_initialisation_data",
    "Recorder",
    "PlotError",
    "DecisionBoundary",
    "Responses",
    "HiddenSpace",
    "LayerHistogram",
    "GradientHistogram",
    "LossSurface",
    "NetworkPicture",
    "Approximation",
]
