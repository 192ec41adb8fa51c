// The account of each gradient: what has arrived, what adds up, what is missing; and where NaN or infinity is born.
// These functions read a state and show nothing.

const brief = (state, q) => (typeof q === "string" ? q : state.arrays[q].brief);
const isBad = (state, q) => (typeof q === "string" ? /NaN|∞/.test(q) : Boolean(state.arrays[q].trouble));
const isZero = (state, q) => (typeof q === "string" ? q === "0" : Boolean(state.arrays[q].zero));
const isKnown = (n, position) => computed[n] < position;

// How many contributions to the gradient of node n have arrived.
function arrived(n, position) {
  const list = arrivals[n];
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < position) low = middle + 1; else high = middle;
  }
  return low;
}

// The gradient of node n so far: `figure`, and `mark`, which is "none" before the first contribution, "part" while
// contributions are missing, then "whole", or "flat" for a gradient of exactly 0.
function account(state, n, position) {
  const count = arrived(n, position), of = arrivals[n].length;
  if (!count) return { count, of, figure: "–", mark: "none", bad: false };
  const { total } = state.steps[arrivals[n][count - 1]];
  const mark = count < of ? "part" : isZero(state, total) ? "flat" : "whole";
  return { count, of, figure: brief(state, total), mark, bad: isBad(state, total) };
}
const AFTER = { none: "", part: " + …", whole: "", flat: "  flat" };

// The contributions to the gradient of node n that have arrived, at most the last ones.
function contributions(state, n, position, most) {
  const count = arrived(n, position), first = Math.max(count - most, 0);
  const texts = arrivals[n].slice(first, count).map((i) => brief(state, state.steps[i].arrives ?? state.steps[i].total));
  return first ? [`(${first} earlier)`, ...texts] : texts;
}
function ledger(state, n, position, most = 8) {
  const { count, of } = account(state, n, position);
  const sum = contributions(state, n, position, most).map((text, i) => (i && text.startsWith("−") ? `(${text})` : text));
  return `${count} of ${of} arrived${count ? ": " : ""}${sum.join(" + ")}${count && count < of ? " + …" : ""}`;
}

// The node at which the first NaN or infinity of the values is born, and the step of the first one of the gradients.
const found = new WeakMap();
function births(state) {
  if (!found.has(state)) {
    const order = [...nodes.keys()].sort((a, b) => computed[a] - computed[b]);
    const value = order.find((n) => isBad(state, state.values[n])) ?? -1;
    const gradient = state.steps.findIndex(({ arrives, total }) =>
      (arrives !== undefined && isBad(state, arrives)) || (total !== undefined && isBad(state, total)));
    found.set(state, { value, gradient });
  }
  return found.get(state);
}
const kindOfBad = (text) => (text.includes("NaN") || text.includes("nan") ? "NaN" : "infinity");
