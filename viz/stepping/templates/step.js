"use strict";
// Every number comes as the text that is shown; this script only says which of them are known at a step.
const { nodes, steps, arrays, turn, start, map } = JSON.parse(document.getElementById("story").textContent);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const still = matchMedia("(prefers-reduced-motion: reduce)");
const LAST = steps.length;
let at = -1; // how many steps have been taken
let timer = 0;
let marked = [];

// ---- what is known when

const computed = nodes.map(() => -1);
const arrivals = nodes.map(() => []); // of each node: [step, total]
const visits = nodes.map(() => []); // the positions at which something happens to it
steps.forEach((s, i) => {
  const target = s.inputs || s.seed ? s.node : s.to;
  if (s.inputs) computed[s.node] = i;
  else arrivals[target].push([i, s.total]);
  visits[target].push(i + 1);
});
const isKnown = (n) => computed[n] < at;
function gradient(n) {
  const list = arrivals[n];
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][0] < at) low = middle + 1; else high = middle;
  }
  return low ? list[low - 1][1] : null;
}
const brief = (q) => (typeof q === "string" ? q : arrays[q].brief);
const label = (n) => nodes[n].label;

// ---- parts of the page, made once

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

const parts = nodes.map((node, n) => {
  const jump = make("button", "jump", node.label);
  jump.addEventListener("click", (event) => visit(n, event));
  const value = make("td", "value"), grad = make("td", "grad");
  const row = make("tr", node.fixed ? "fixed" : "", make("th", "", jump), value, grad, make("td", "rule", node.rule || node.kind));
  row.firstChild.scope = "row";
  const box = $("n" + n);
  if (box) {
    box.addEventListener("click", (event) => visit(n, event));
    const title = document.createElementNS(SVG, "title");
    title.textContent = node.rule ? `${node.label} = ${node.rule}` : node.label;
    box.prepend(title);
  }
  return {
    row, value, grad, box, known: null, shown: null,
    svgGrad: box && box.querySelector(".grad"),
    others: box && node.rule ? [$(`n${n}op`), $(`n${n}out`)].filter(Boolean) : [],
  };
});
$("rows").append(...parts.map((part) => part.row));
$("slider").max = LAST;
$("slider").style.setProperty("--turn", `${(100 * turn) / LAST}%`);
const graph = $("graph");
if (graph) {
  graph.setAttribute("role", "img");
  graph.setAttribute("aria-label", `Graph of ${nodes.length} nodes; the table below says the same in words`);
  const defs = document.createElementNS(SVG, "defs");
  const marker = document.createElementNS(SVG, "marker");
  const tip = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({ id: "tip-back", viewBox: "0 0 10 10", refX: 1, refY: 5, markerUnits: "userSpaceOnUse", markerWidth: 13, markerHeight: 13, orient: "auto" })) marker.setAttribute(key, value);
  tip.setAttribute("d", "M0 5L10 0V10Z");
  marker.append(tip);
  defs.append(marker);
  graph.prepend(defs);
  for (const key of document.querySelectorAll("[data-kind]")) key.hidden = !graph.querySelector(`.${key.dataset.kind}`);
}

// the map: a click on a box leads to its first step in this pass
const boxVisits = {};
visits.forEach((places, n) => (boxVisits[map[n]] ||= []).push(...places));
const overview = $("map");
if (overview) {
  overview.setAttribute("role", "img");
  overview.setAttribute("aria-label", "Map of the whole graph, folded, with the step marked");
  overview.style.maxWidth = `${overview.viewBox.baseVal.width}px`;
  for (const [box, places] of Object.entries(boxVisits)) {
    places.sort((a, b) => a - b);
    const element = $(`map-n${box}`);
    if (element && places.length) element.addEventListener("click", () => {
      pause();
      show(places.find((position) => position > turn === at > turn) || places[0]);
    });
  }
}

// ---- the equation

function figure(q) {
  if (typeof q === "string") return q;
  const array = arrays[q];
  if (array.rows) {
    const grid = make("span", "matrix");
    grid.style.gridTemplateColumns = `repeat(${array.rows[0].length}, auto)`;
    grid.append(...array.rows.flat().map((text) => make("span", "", text)));
    return grid;
  }
  const lines = make("span", "lines", ...array.about.map((text) => make("span", "", text)));
  return array.heat ? make("span", "about", heat(array.heat), lines) : make("span", "about", lines);
}
function heat(rows) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "heat");
  picture.setAttribute("viewBox", `0 0 ${rows[0].length} ${rows.length}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  rows.forEach((row, y) => [...row].forEach((shade, x) => {
    const cell = document.createElementNS(SVG, "rect");
    for (const [key, value] of Object.entries({ x, y, width: 1, height: 1, fill: "currentColor", "fill-opacity": shade === "x" ? 0 : 0.12 + 0.125 * shade })) cell.setAttribute(key, value);
    picture.append(cell);
  }));
  return picture;
}
function spoken(q) {
  if (typeof q === "string") return q;
  const array = arrays[q];
  return array.rows ? `[${array.rows.map((row) => row.join(", ")).join("; ")}]` : `${array.shape} ${array.about.slice(1).join(", ")}`;
}

// A sentence is a list of plain texts and of terms [quantity, kind, caption].
function write(sentence) {
  const equation = $("equation");
  let words = "";
  equation.replaceChildren(...sentence.map((part) => {
    if (typeof part === "string") {
      words += part;
      return make("span", "operator", part);
    }
    const [q, kind, caption] = part;
    words += spoken(q);
    const term = make("span", `term ${kind}`, figure(q));
    const shape = typeof q === "string" ? "" : arrays[q].shape;
    const lines = [caption, shape].filter(Boolean).join("\n");
    if (lines) term.dataset.caption = lines;
    return term;
  }));
  equation.classList.toggle("with-arrays", equation.querySelector(".matrix, .about") !== null);
  return words;
}

const CHAIN = "The chain rule: upstream gradient times local gradient.";
function tell() {
  if (at === 0) return ["Nothing is computed yet", "The inputs are known. The forward pass computes the value of every node; the backward pass then the gradient of every node.", ["Press → for the first step."], ""];
  const s = steps[at - 1];
  const target = label(s.node);
  if (s.inputs) {
    const { rule, value } = nodes[s.node];
    const sentence = [`${target} = `];
    if (s.sum !== undefined) sentence.push([s.sum, "is-plain", rule], " = ");
    else if (s.sign) sentence.push(input(s.inputs[0]), ` ${s.sign} `, input(s.inputs[1]), " = ");
    else if (s.inputs.length === 1 && rule.includes(`(${label(s.inputs[0])}`)) {
      const place = rule.indexOf(`(${label(s.inputs[0])}`) + 1;
      sentence.push(rule.slice(0, place), input(s.inputs[0]), `${rule.slice(place + label(s.inputs[0]).length)} = `);
    } else sentence.push(`${rule} with `, ...s.inputs.flatMap((n, i) => (i ? [", ", input(n)] : [input(n)])), " gives ");
    sentence.push([value, "is-value is-new", target]);
    return ["Forward pass", `${target} is computed: ${target} = ${rule}`, sentence, ""];
  }
  if (s.seed) return ["Backward pass", `The backward pass starts at the result: how much does ${target} change with ${target} itself?`, [`${target}.grad: `, [s.total, "is-gradient is-new", `∂${target} / ∂${target}`]], ""];
  const x = label(s.to);
  const what = `${target} = ${nodes[s.node].rule} passes its gradient on to ${x}`;
  const before = s.before === undefined ? ["0", "is-gradient", "so far"] : [s.before, "is-gradient", "so far"];
  const sentence = [`${x}.grad: `, before, " + "];
  if (s.local !== undefined) {
    const local = s.rule === s.local ? "local gradient" : `local gradient\n${s.rule}`;
    const sum = s.summed ? "sum(" : "(";
    sentence.push(sum, [s.local, "is-local", local], " × ", [s.upstream, "is-gradient", `upstream\n${target}.grad`], ")");
  } else if (s.factors) {
    const [[a, p], [b, q]] = s.factors;
    sentence.push("(", [p, a.endsWith(".grad") ? "is-gradient" : "is-local", a], " @ ", [q, b.endsWith(".grad") ? "is-gradient" : "is-local", b], ")");
  } else sentence.push([s.arrives, "is-gradient", `${s.rule}\nwith g = ${target}.grad`]);
  sentence.push(" = ", [s.total, "is-gradient is-new", `${x}.grad now`]);
  const notes = [];
  if (s.before !== undefined) notes.push(`${x} is used more than once: the gradients that arrive add up.`);
  else if (s.local !== undefined) notes.push(CHAIN);
  if (s.summed) notes.push(`${x} was broadcast, so its gradient is summed to its shape ${s.summed}.`);
  return ["Backward pass", what, sentence, notes.join(" ")];
}
const input = (n) => [nodes[n].value, nodes[n].fixed ? "is-plain" : "is-value", label(n)];

// ---- showing a step

function mark(element, name) {
  if (!element) return;
  element.classList.add(name);
  marked.push([element, name]);
}
function markStep() {
  for (const [element, name] of marked) element.classList.remove(name);
  marked = [];
  if (at === 0) return;
  const s = steps[at - 1];
  const name = s.inputs ? "now-value" : "now-gradient";
  const n = s.inputs || s.seed ? s.node : s.to;
  mark(parts[n].box, name);
  mark(parts[n].row, name);
  if (overview) mark($(`map-n${map[n]}`), name);
  if (s.inputs) s.inputs.forEach((_, i) => mark($(`n${s.node}in${i}`), name));
  else if (!s.seed) {
    mark($(`n${s.node}in${s.at}`), name);
    mark(parts[s.node].box, "from");
  }
  if (!s.seed) for (const element of parts[s.node].others) mark(element, name);
}
function show(position, quietly) {
  position = Math.min(Math.max(position, 0), LAST);
  if (position === at) return;
  at = position;
  nodes.forEach((node, n) => {
    const part = parts[n], known = isKnown(n);
    if (known !== part.known) {
      part.known = known;
      part.value.textContent = known ? brief(node.value) : "";
      if (part.box) for (const each of [part.box, ...part.others]) each.classList.toggle("pending", !known);
    }
    if (node.fixed) return;
    const total = gradient(n);
    const text = total === null ? "–" : brief(total);
    if (text !== part.shown) {
      part.shown = text;
      part.grad.textContent = text;
      if (part.svgGrad) part.svgGrad.textContent = `∂ ${text}`;
    }
  });
  markStep();
  const [pass, what, sentence, note] = tell();
  $("heading").textContent = at === 0 ? pass : `Step ${at} of ${LAST} · ${pass}`;
  $("what").textContent = what;
  $("note").textContent = note;
  const words = write(sentence);
  const root = document.documentElement.classList;
  root.toggle("in-forward", at > 0 && at <= turn);
  root.toggle("in-backward", at > turn);
  $("slider").value = at;
  $("slider").setAttribute("aria-valuetext", at === 0 ? "start" : `step ${at} of ${LAST}, ${pass.toLowerCase()}: ${words}`);
  for (const id of ["first", "back"]) $(id).disabled = at === 0;
  for (const id of ["next", "last"]) $(id).disabled = at === LAST;
  if (!quietly) $("live").textContent = at === 0 ? what : `${what}. ${words}`;
  follow();
}

// ---- keeping what happens in sight, without moving the page

function follow() {
  const s = at ? steps[at - 1] : null;
  const n = s ? (s.inputs || s.seed ? s.node : s.to) : 0;
  reveal(document.querySelector(".table"), [parts[n].row], false);
  if ($("stage").classList.contains("zoomed")) {
    const active = marked.map(([element]) => element).filter((element) => element instanceof SVGElement);
    reveal($("stage"), [parts[n].box, ...active], true);
  }
}
function reveal(frame, elements, sideways) {
  const view = frame.getBoundingClientRect();
  let areas = elements.filter(Boolean).map((element) => element.getBoundingClientRect());
  if (!areas.length) return;
  const reach = Math.max(...areas.map((a) => a.right)) - Math.min(...areas.map((a) => a.left));
  if (reach > view.width) areas = areas.slice(0, 1); // both ends do not fit
  const top = Math.min(...areas.map((a) => a.top)), bottom = Math.max(...areas.map((a) => a.bottom));
  const left = Math.min(...areas.map((a) => a.left)), right = Math.max(...areas.map((a) => a.right));
  const down = top < view.top + 40 || bottom > view.bottom - 10 ? (top + bottom - view.top - view.bottom) / 2 : 0;
  const across = sideways && (left < view.left + 20 || right > view.right - 20) ? (left + right - view.left - view.right) / 2 : 0;
  const far = Math.abs(down) + Math.abs(across) > 1200;
  if (down || across) frame.scrollBy({ top: down, left: across, behavior: far || timer || still.matches ? "auto" : "smooth" });
}
const READABLE = 0.6; // a graph that would be drawn smaller than this is shown in part, following the step
function fit(whole) {
  const natural = graph.viewBox.baseVal.width;
  graph.style.width = whole ? "" : `${natural}px`;
  graph.style.maxWidth = whole ? `${1.5 * natural}px` : "";
  graph.style.maxHeight = whole && !$("zoom").hidden ? "85vh" : "";
  $("stage").classList.toggle("zoomed", !whole);
  $("zoom").setAttribute("aria-pressed", String(whole));
  follow();
}
function arrange() {
  if (!graph) return;
  const { width, height } = graph.viewBox.baseVal;
  document.documentElement.classList.toggle("beside", width < 1.2 * height || width < 620);
  graph.style.maxWidth = `${1.5 * width}px`;
  const small = $("stage").clientWidth / width < READABLE;
  $("zoom").hidden = !small;
  fit(!small || $("zoom").dataset.whole === "yes");
}

// ---- moving

const nodeOf = (position) => (position < 1 ? -1 : steps[position - 1].node + (position > turn ? nodes.length : 0));
function nextNode() {
  let position = at + 1;
  while (position < LAST && nodeOf(position) === nodeOf(at)) position += 1;
  return position;
}
function previousNode() {
  let position = at - 1;
  while (position > 1 && nodeOf(position - 1) === nodeOf(position)) position -= 1;
  return position;
}
function visit(n, event) {
  pause();
  const places = visits[n];
  if (!places.length) return;
  const here = places.indexOf(at);
  const samePass = places.find((position) => position > turn === at > turn);
  show(here < 0 ? samePass || places[0] : places[(here + 1) % places.length]);
  if (event.detail && event.currentTarget.blur) event.currentTarget.blur();
}
function pause() {
  if (!timer) return;
  clearInterval(timer);
  timer = 0;
  playing(false);
  $("live").textContent = `${$("heading").textContent}. ${$("what").textContent}`;
}
function playing(on) {
  document.documentElement.classList.toggle("playing", on);
  $("play").setAttribute("aria-label", on ? "Pause" : "Play");
  $("play").title = on ? "Pause (Space)" : "Play (Space)";
}
function play() {
  if (timer) return pause();
  if (at === LAST) show(0, true);
  timer = setInterval(() => {
    if (at + 1 >= LAST) {
      show(LAST, true);
      pause();
    } else show(at + 1, true);
  }, 1200 / Number($("speed").value));
  playing(true);
  show(at + 1, true);
}
const moves = {
  first: () => show(0),
  back: () => show(at - 1),
  next: () => show(at + 1),
  last: () => show(LAST),
  forward: () => show(1),
  backward: () => show(turn + 1),
};
for (const [id, move] of Object.entries(moves)) {
  $(id).addEventListener("click", (event) => {
    pause();
    move();
    if (event.detail) event.currentTarget.blur(); // so that the space bar plays after a click
  });
}
$("play").addEventListener("click", (event) => {
  play();
  if (event.detail) event.currentTarget.blur();
});
$("speed").addEventListener("change", () => {
  if (timer) {
    pause();
    play();
  }
});
$("slider").addEventListener("input", () => {
  pause();
  show(Number($("slider").value));
});
if (graph) {
  $("zoom").addEventListener("click", () => {
    const whole = $("zoom").dataset.whole !== "yes";
    $("zoom").dataset.whole = whole ? "yes" : "no";
    fit(whole);
  });
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
  if (event.key === " " && event.target.closest("button, summary")) return;
  const keys = {
    ArrowRight: () => show(event.shiftKey ? nextNode() : at + 1),
    ArrowLeft: () => show(event.shiftKey ? previousNode() : at - 1),
    Home: moves.first,
    End: moves.last,
    f: moves.forward,
    b: moves.backward,
  };
  if (event.target.id === "slider") {
    keys.ArrowUp = keys.ArrowRight;
    keys.ArrowDown = keys.ArrowLeft;
  }
  if (event.key === " ") play();
  else if (keys[event.key]) {
    pause();
    keys[event.key]();
  } else return;
  event.preventDefault();
});

arrange();
addEventListener("resize", arrange);
show(start);
