"""Several processes: experiments in workers.

`workers.py` runs one function on many arguments over joblib. It imports `base`.
"""
