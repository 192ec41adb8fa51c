"""The ancestors: a neuron that fires in time, the perceptron, regression in closed form, and a network made by hand.

They came before backpropagation and are not differentiated: plain NumPy. `least_squares` solves for a `Linear` layer;
the weights of `box_network` are chosen, not learned. Read `spiking.py`, `perceptron.py`, `regression.py`,
`approximation.py`, in any order. It imports `base` and `layers`.
"""
