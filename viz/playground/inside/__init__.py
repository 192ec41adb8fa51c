"""Inside a paused training: the graph of a batch, one sample step by step, derivations, the surface of the loss."""
