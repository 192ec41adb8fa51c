// What was recorded: the nodes, the steps, and every number of both passes.
// `nodes` and `steps` say what happens; `state` holds the numbers. A quantity is the text that is shown, or a position
// in `state.arrays`. Whoever computes other numbers makes another object like `state` and calls render(state, position).

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const recorded = JSON.parse($("story").textContent);
const { nodes, steps, turn, start, map } = recorded;
const LAST = steps.length;

const state = {
  arrays: recorded.arrays,
  values: nodes.map((node) => node.value), // of each node
  steps: steps.map(({ local, upstream, arrives, before, total, factors }) => ({ local, upstream, arrives, before, total, factors })),
};

const label = (n) => nodes[n].label;
const targetOf = (s) => (s.inputs || s.seed ? s.node : s.to); // the node whose number a step changes
const computed = nodes.map(() => -1); // the step that computes a node
const arrivals = nodes.map(() => []); // the steps that add to the gradient of a node
const visits = nodes.map(() => []); // the positions at which something happens to it
steps.forEach((s, i) => {
  if (s.inputs) computed[s.node] = i;
  else arrivals[targetOf(s)].push(i);
  visits[targetOf(s)].push(i + 1);
});

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}
function makeSvg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
