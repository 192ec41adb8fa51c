"""The small figures of lectures: a line and its data, a descent, spikes, a box, a filter on an image, layers in a row.

Each is a pair `plot_x`, `plot_x_data`, as in `plots`. `animate` makes a moving picture of a series of plots.
Read `fit.py`, `descent.py`, `spiking.py`, `box.py`, `filtering.py`, `layers.py`, `attention.py`, `moving.py`, in any
order. This folder imports `plots` and `common`.
"""

from .attention import plot_attention, plot_attention_data
from .box import Box, plot_box, plot_box_data
from .descent import Descent, plot_descent, plot_descent_data
from .filtering import (
    Filtering,
    plot_convolution,
    plot_convolution_data,
    plot_feature_maps,
    plot_feature_maps_data,
)
from .fit import Fit, plot_fit, plot_fit_data
from .layers import LayerSpace, plot_layers, plot_layers_data
from .moving import Animation, animate
from .spiking import Spiking, plot_spikes, plot_spikes_data

__all__ = [
    "Animation",
    "Box",
    "Descent",
    "Filtering",
    "Fit",
    "LayerSpace",
    "Spiking",
    "animate",
    "plot_attention",
    "plot_attention_data",
    "plot_box",
    "plot_box_data",
    "plot_convolution",
    "plot_convolution_data",
    "plot_descent",
    "plot_descent_data",
    "plot_feature_maps",
    "plot_feature_maps_data",
    "plot_fit",
    "plot_fit_data",
    "plot_layers",
    "plot_layers_data",
    "plot_spikes",
    "plot_spikes_data",
]
