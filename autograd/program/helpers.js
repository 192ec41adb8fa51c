// What printed modules take along: functions that Math does not have, or that differ from Python's and NumPy's.
// `javascript.py` copies those that a module needs; a row of the table with the name of a function is computed by it.

// The remainder with the sign of the divisor, as in Python.
function remainder(a, b) {
  const rest = a % b;
  return rest === 0 ? copysign(0, b) : rest < 0 !== b < 0 ? rest + b : rest;
}

// C's pow: 1 ** NaN and (-1) ** Infinity are 1 there, and NaN in JavaScript.
function power(a, b) {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

// The sign of zero is 0, never -0.
function sign(x) {
  return Math.sign(x) + 0;
}

// As Math.floor, but 0 for -0.
function floor(x) {
  return Math.floor(x) + 0;
}

// Halves go to the even neighbour.
function rint(x) {
  const up = Math.round(x);
  return (Math.abs(x % 1) === 0.5 && up % 2 !== 0 ? up - 1 : up) + 0;
}

// The size of a with the sign of b.
function copysign(a, b) {
  return b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a);
}

// 0 left of zero, 1 right of it, and b at zero.
function heaviside(x, b) {
  return x === 0 ? b : x < 0 ? 0 : x > 0 ? 1 : x;
}

function nan_to_num(x, nan, posinf, neginf) {
  return Number.isNaN(x) ? nan : x === Infinity ? posinf : x === -Infinity ? neginf : x;
}

// NaN, if one of them is.
function maximum(a, b) {
  return a >= b || Number.isNaN(a) ? a : b;
}

// NaN, if one of them is.
function minimum(a, b) {
  return a <= b || Number.isNaN(a) ? a : b;
}

// The larger one; NaN only if both are.
function fmax(a, b) {
  return a >= b || Number.isNaN(b) ? a : b;
}

// The smaller one; NaN only if both are.
function fmin(a, b) {
  return a <= b || Number.isNaN(b) ? a : b;
}

function clip(x, low, high) {
  return minimum(maximum(x, low), high);
}

// How many of the x are y.
function ties(y, ...xs) {
  return xs.filter((x) => x === y).length;
}

// The largest; NaN, if one of them is.
function largest(...xs) {
  return xs.some(Number.isNaN) ? NaN : xs.reduce((top, x) => (x > top ? x : top));
}

// The smallest; NaN, if one of them is.
function smallest(...xs) {
  return xs.some(Number.isNaN) ? NaN : xs.reduce((top, x) => (x < top ? x : top));
}

function total(...xs) {
  return sum(xs);
}

// The first half of the inputs times the second half.
function dot(...inputs) {
  const half = inputs.length / 2;
  return sum(inputs.slice(0, half).map((x, i) => x * inputs[half + i]));
}

function sum(xs) {
  return xs.reduce((so_far, x) => so_far + x, 0);
}

// The sum with what rounding lost (Neumaier 1974), as in Python's sum() since 3.12.
function compensated_sum(xs) {
  let so_far = 0;
  let lost = 0;
  for (const x of xs) {
    const next = so_far + x;
    lost += Math.abs(so_far) >= Math.abs(x) ? so_far - next + x : x - next + so_far;
    so_far = next;
  }
  return lost !== 0 && Number.isFinite(lost) ? so_far + lost : so_far;
}

// log(exp(a) + exp(b) + ...), from the largest on, so that nothing overflows.
function logtotalexp(...xs) {
  const top = largest(...xs);
  return Number.isFinite(top) ? top + Math.log(sum(xs.map((x) => Math.exp(x - top)))) : top;
}

// log(exp(a) + exp(b)), from the larger one on, so that nothing overflows.
function logaddexp(a, b) {
  return maximum(a, b) + (Number.isFinite(a - b) ? Math.log1p(Math.exp(-Math.abs(a - b))) : 0);
}

function logaddexp2(a, b) {
  return maximum(a, b) + (Number.isFinite(a - b) ? Math.log1p(2 ** -Math.abs(a - b)) / Math.LN2 : 0);
}

// 1 / (1 + exp(-x)), in a form that does not overflow.
function sigmoid(x) {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

function relu(x) {
  return x > 0 || Number.isNaN(x) ? x : 0;
}

function leaky_relu(x, slope) {
  return x > 0 ? x : slope * x;
}

function elu(x, alpha) {
  return x > 0 ? x : alpha * Math.expm1(x);
}

// log(1 + exp(x)), in a form that does not overflow.
function softplus(x) {
  return (0 > x ? 0 : x) + Math.log1p(Math.exp(-Math.abs(x)));
}

function silu(x) {
  return x * sigmoid(x);
}

// sin(pi x) / (pi x)
function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

// As Math.hypot, to the last digit: what rounding changed in the root is found from exact squares (Dekker 1971).
function hypot(a, b) {
  if (Math.abs(a) === Infinity || Math.abs(b) === Infinity) return Infinity;
  const longer = Math.max(Math.abs(a), Math.abs(b));
  if (longer === 0) return 0;
  const factor = longer > 1e150 ? 2 ** -600 : longer < 1e-150 ? 2 ** 600 : 1; // so that squares stay in range
  const [x, y] = [longer * factor, Math.min(Math.abs(a), Math.abs(b)) * factor];
  const root = Math.sqrt(x * x + y * y);
  const [[x1, x2], [y1, y2], [r1, r2]] = [x, y, root].map((z) => {
    const large = z * 134217729; // 2 ** 27 + 1
    return [large - (large - z), z - (large - (large - z))]; // the first and the last half of the digits
  });
  const left = x1 * x1 - r1 * r1 + y1 * y1 + 2 * (x1 * x2 - r1 * r2 + y1 * y2) + (x2 * x2 - r2 * r2 + y2 * y2);
  return (root + left / (2 * root)) / factor;
}

// As Math.tanh, with Lambert's continued fraction near 0, where Math.tanh may be three last digits off.
function tanh(x) {
  if (x === 0 || !(Math.abs(x) < 0.625)) return Math.tanh(x);
  const z = x * x;
  let rest = 17;
  for (let k = 15; k > 1; k -= 2) rest = k + z / rest;
  const share = z / rest;
  return x - x * (share / (1 + share));
}

// The error function: its Taylor series around 0, 0.75, 1.25, ... 5.75, whichever is near.
function erf(x) {
  const size = Math.abs(x);
  if (!(size < 6)) return Math.sign(x);
  const centre = size < 0.5 ? 0 : Math.floor(2 * size) / 2 + 0.25;
  const t = size - centre;
  let [before, term, series] = [0, 1, 0]; // the terms are those of exp(centre ** 2 - (centre + t) ** 2)
  for (let n = 1; Math.abs(before) + Math.abs(term) > 1e-18; n++) {
    [before, term] = [term, (-2 * t * (centre * term + t * before)) / n];
    series += term / (n + 1);
  }
  if (centre === 0) return x + x * (0.12837916709551257 + (2 / Math.sqrt(Math.PI)) * series); // 2 / sqrt(pi) - 1
  const at_centre = [
    0.7111556336535151, 0.9229001282564582, 0.9866716712191824, 0.9985372834133188,
    0.9998993780778803, 0.9999956972205363, 0.9999998862727434, 0.9999999981494259,
    0.9999999999815149, 0.9999999999998869, 0.9999999999999996,
  ][2 * centre - 1.5];
  const y = at_centre + (2 / Math.sqrt(Math.PI)) * Math.exp(-centre * centre) * t * (1 + series);
  return x < 0 ? -y : y;
}
