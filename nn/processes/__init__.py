"""Several processes: experiments in workers, and one training in processes that are joined.

`workers.py` runs one function on many arguments over joblib. `distributed.py` joins processes, on one machine or on
many, through JAX, and `watching.py` tells them when one has ended. It imports `base`.
"""
