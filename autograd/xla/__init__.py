"""XLA as one more reader of the table, through JAX (the extra `xla`): what a recorded graph computes, compiled.

    program = program_of(outputs, leaves)           # the graph as pure functions of arrays of JAX
    program.forward(arrays)                         # -> data of the outputs
    program.passes(arrays, upstream=None, zero_safe=False)
                                                    # -> data of the outputs, gradients of `leaves` that require one
    has_nan(gradients)                              # -> a boolean of JAX: repeat the pass with zero_safe=True
    with exact():                                   # they run inside of jax.jit, always within `exact()` (float64)
        jax.jit(program.passes, compiler_options=compiler_options(device))(arrays)

    compiled = Compiled(program, device=None)       # compiled ahead, for "cpu", "gpu", "cpu:1", a jax.Device
    compiled.forward(arrays)                        # -> arrays of NumPy
    compiled.passes(arrays, upstream=None)          # -> the same and gradients; zero stays zero
    compiled.report()

`arrays` has one array for each of `program.leaves`, by default `arguments_of(nodes)`. The upstream gradients are ones
by default. A leaf that no gradient reaches has `None`. The program of Values is a `ScalarProgram`: its `arrays` is a
list with one array of float64, the numbers of all leaves; so are outputs, upstream gradients and gradients.

Rows are lowered by their own functions (`lowered.py`) or by name (`lowerings.py`); `@lowering("name")` adds one for a
row of yours. Results are the engine's to rounding, with these differences: denormal numbers (below 2e-308, in
float32 below 1e-38) become 0; `a * b + c` may be rounded once; `maximum(0.0, -0.0)` may be either zero; what
the engine refuses because of its numbers, such as a singular matrix, gives NaN. (Integers that select what there is not
are refused, if `program.limits.check(arrays)` is called, as `Compiled` does.)

Read `lowered.py`, `lowerings.py`, `program.py`, `values.py`, `compiled.py`; `devices.py` has what is particular to JAX.
Nothing imports this folder unless `backend="xla"` is asked for. Imports `nodes`, `replay`, `primitives`, `engine`,
`errors`.
"""

from .compiled import Compiled, Report
from .devices import compiler_options, device_named, exact, jax
from .lowered import Lowered
from .lowerings import lowering
from .program import Program, arguments_of, has_nan, program_of, spoilt_sums
from .values import ScalarProgram

__all__ = [
    "Compiled",
    "Lowered",
    "Program",
    "Report",
    "ScalarProgram",
    "arguments_of",
    "compiler_options",
    "device_named",
    "exact",
    "has_nan",
    "jax",
    "lowering",
    "program_of",
    "spoilt_sums",
]
