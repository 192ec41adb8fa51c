# %% [markdown]
r"""
# 2. Stepping through backpropagation

**Question.** In which order does backpropagation compute the gradients, and what does it look like as an ordinary
program?
"""

# %% [markdown]
r"""
## One neuron with a loss

A neuron computes $\tanh(w x + b)$. Its output should be 1, so the **loss** is the squared difference from 1. A penalty
$0.1\,w^2$ is added, which keeps the weight small. `x` is data: no gradient is computed for it.

$$J = (\tanh(w x + b) - 1)^2 + 0.1\,w^2$$
"""

# %%
from chainrule.autograd import Tape, Value, exp, log, sin, sqrt, tanh
from chainrule.viz import draw, step

w = Value(0.5, name="w")
x = Value(2.0, name="x", requires_grad=False)
b = Value(-0.3, name="b")
J = (tanh(w * x + b) - 1) ** 2 + 0.1 * w**2
J.name = "J"
draw(J)

# %% [markdown]
r"""
The gradients are dashes: the backward pass has not run yet. A dash is not a zero.

**Predict.** `w` is used twice. How many contributions does `w.grad` get, and from which operations?

<details><summary>Answer</summary>

Two, one for each edge that leaves it: from $w^2$ and from $w \cdot x$. They are added.

</details>

## Step by step

`step(J)` shows both passes, one operation at a time: move with the buttons, the slider or the arrow keys.
(Where notebooks may not run scripts, you see the finished graph.)
"""

# %%
step(J)

# %% [markdown]
r"""
`print` writes the same steps as text. Each backward step has two lines. The first says which operation passes its
gradient on to which input, and with which local gradient. The second is the calculation: the gradient of the input so
far, plus local gradient times upstream gradient. The **upstream gradient** is the gradient that has arrived at the
operation's output. (Some lectures call it the downstream gradient; it is the same number.)
"""

# %%
print(step(J))

# %% [markdown]
r"""
Steps 13 and 19 are the two contributions to `w.grad`. In reverse order, with every operation visited after all that use
its result, each gradient is complete before it is passed on.

## The two passes as a program

A graph is a program without `if` and without loops, and so is its backward pass. `Tape(J)` is the recorded graph in
order, and `source()` prints it as a program:
"""

# %%
source = Tape(J).source()
print(source)

# %% [markdown]
r"""
It is complete: it needs `math` only. Running it gives the engine's numbers to the last bit:
"""

# %%
names = {}
exec(str(source), names)
J.backward()
print("J:  ", names["J"], names["J"] == J.data)
print("d_w:", names["d_w"], names["d_w"] == w.grad)
print("d_b:", names["d_b"], names["d_b"] == b.grad)

# %% [markdown]
r"""
## The listing of the lectures

Lectures write backpropagation through five functions as `dloss_out4 = df5(out4)`, `dloss_out3 = df4(out3) *
dloss_out4`, and so on, where `df4` is the derivative of `f4`. With `style="lecture"` the program is listed in this
form, the functions and their derivatives first:
"""

# %%
x = Value(0.5, name="x")
out1 = exp(x)
out2 = sin(out1)
out3 = sqrt(out2)
out4 = tanh(out3)
loss = log(out4)
print(Tape(loss).source(style="lecture"))

# %% [markdown]
r"""
Each line of the backward pass is one derivative, times the gradient that arrived, from the last function to the first.

Note that the program changes no weight. Backpropagation computes gradients; an optimiser uses them to change the
weights, which [notebook 4](04_two_moons.ipynb) adds.

## Exercises

**1.** Predict what `w.grad` and `b.grad` are after a second `J.backward()`, then run it. What does
`w.zero_grad()` do?
"""

# %% tags=["solution"]
w, b = Value(0.5, name="w"), Value(-0.3, name="b")
J = (tanh(w * 2.0 + b) - 1) ** 2 + 0.1 * w**2
J.backward()
print(w.grad, b.grad)
J.backward()  # adds to what is there: the gradients of several losses may be summed this way
print(w.grad, b.grad)
w.zero_grad()
print(w.grad)  # None: no pass has reached it since

# %% [markdown]
r"""
**2.** `Tape(J).steps()` gives the steps as data. Sum the contributions to `w` over all backward steps and
compare with `w.grad`.
"""

# %% tags=["solution"]
w, b = Value(0.5, name="w"), Value(-0.3, name="b")
J = (tanh(w * 2.0 + b) - 1) ** 2 + 0.1 * w**2
J.backward()
tape = Tape(J)
at = tape.index[w]
contributions = [s.contribution for s in tape.steps() if s.kind == "backward" and s.input == at]
print(contributions, "sum to", sum(contributions), "and w.grad is", w.grad)
