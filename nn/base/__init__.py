"""The foundation of all layers and networks: modules, parameters, and the checks of arguments.

Read `parameter.py` (a Tensor or a Value that is learnt), `parts.py` (how a module finds its parameters) and
`module.py`. The other files are small: `hooks.py`, `inputs.py` and `arguments.py` (checked inputs and options),
`state.py` (what can be loaded), `copying.py` (deep copies), `half.py` (float16 computed in float32), `extras.py`
(packages that are not installed). It imports no other folder.
"""
