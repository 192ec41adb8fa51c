// Live leaves: with another number at a leaf both passes are computed anew, and the page shows them as it shows those
// that were recorded. `program` is what Tape.source("javascript") printed; it is null where a page is not live.

const { leaves, descends } = recorded.live;
const names = program ? Object.keys(program.run().values) : []; // of the nodes, in their order
const nameOf = new Map(program ? Object.keys(program.leaves).map((name, k) => [leaves[k], name]) : []);
let given = {}; // the numbers at the leaves that are not as recorded
let now = program && computedWith(given); // both passes with them
let past = null; // the passes that are compared with those of now, until they are dismissed
let losses = []; // the result before the first step of gradient descent, and after each
const changed = new Set(descends); // the leaves that gradient descent changes

function computedWith(numbers) {
  const { values, gradients, locals } = program.run(numbers);
  return { values: Object.values(values), gradients, passed: program.steps(locals) };
}
const gradientOf = (n, passes = now) => passes.gradients[names[n]];
const result = (passes = now) => passes.values[steps[turn].node];

// The numbers of now in the form of `state`: texts, each written when it is first asked for.
class Numbers {
  constructor(passes) {
    this.arrays = state.arrays;
    this.values = passes.values.map(written);
    this.steps = steps.map((s, i) => (s.inputs || s.seed ? state.steps[i] : new Contribution(passes.passed[i - turn - 1])));
  }
}
class Contribution {
  constructor(numbers) {
    this.numbers = numbers;
  }
  get(key) {
    const x = this.numbers[key];
    return x === undefined ? undefined : written(x);
  }
  get local() { return this.get("local"); }
  get upstream() { return this.get("upstream"); }
  get arrives() { return this.get("contribution"); }
  get before() { return this.get("before"); }
  get total() { return this.get("total"); }
}

// The rules in which numbers stand that the reader may have changed.
const writtenRules = { nodes: nodes.map((node) => node.rule), steps: steps.map((s) => s.rule), labels: nodes.map((node) => node.label) };
function rewriteRules(asRecorded) {
  if (!program) return;
  const name = (n) => (nodes[n].number ? written(now.values[n]) : label(n));
  const text = (parts) => filledWith(parts, name);
  for (const n of leaves) if (nodes[n].number) {
    nodes[n].label = asRecorded ? writtenRules.labels[n] : written(now.values[n]);
    write(parts[n].row.querySelector(".jump"), nodes[n].label);
  }
  for (const [n, rule] of Object.entries(recorded.live.rules)) {
    nodes[n].rule = asRecorded ? writtenRules.nodes[n] : text(rule);
    write(parts[n].row.querySelector(".rule"), nodes[n].rule);
  }
  for (const [i, rule] of Object.entries(recorded.live.locals)) steps[i].rule = asRecorded ? writtenRules.steps[i] : text(rule);
}

// ---- changing numbers

let waiting = 0; // for the next frame, in which all changes since the last one are shown
let settling = 0; // until nothing has changed for a while
function change(numbers, before = given) {
  past ||= now;
  given = { ...before, ...numbers };
  for (const name of Object.keys(given)) if (Object.is(given[name], program.leaves[name])) delete given[name];
  now = computedWith(given);
  waiting ||= requestAnimationFrame(refresh);
}
const setLeaf = (n, x) => change({ [nameOf.get(n)]: x });
function refresh() {
  waiting = 0;
  hurry(true);
  showNow();
  if (!hurried) return;
  clearTimeout(settling);
  settling = setTimeout(() => {
    hurry(false);
    showNow();
  }, 250);
}
function showNow() {
  const asRecorded = Object.keys(given).length === 0;
  rewriteRules(asRecorded);
  if (at === 0) at = LAST; // where everything is seen that changes
  render(asRecorded ? state : new Numbers(now), at, true);
  for (const [n, { field, grad }] of items) {
    if (document.activeElement !== field) field.value = written(now.values[n]);
    if (grad) write(grad, `∂ ${written(gradientOf(n))}`);
  }
  $("reset").disabled = asRecorded && losses.length === 0;
  $("forget").hidden = past === null;
  tellOwner();
}

// ---- what changed, and by how much

const differs = (a, b) => a !== undefined && !Object.is(a, b);
let measured = false;
function showPast() {
  const old = predicting ? null : past; // old numbers would give new ones away
  if (!program || (old === null && !measured)) return;
  if (!measured) for (const { box } of parts) if (box) area(box); // all at once: after a change each would be a layout
  measured = true;
  nodes.forEach((node, n) => {
    if (hurried && !inSight(n)) return;
    const part = parts[n], value = old && old.values[n], grad = old && gradientOf(n, old);
    const newValue = old !== null && differs(value, now.values[n]), newGrad = old !== null && differs(grad, gradientOf(n));
    ghost(part.value, newValue, value, now.values[n]);
    if (!node.fixed) ghost(part.grad, newGrad && arrived(n, at) === arrivals[n].length, grad, gradientOf(n));
    if (!part.box) return;
    ghostInGraph(part, newValue, value);
    squeeze(part);
    nameBox(part);
  });
}
function ghost(cell, show, was, is) {
  let note = cell.querySelector(".ghost");
  if (!show) return note && note.remove();
  if (!note) cell.append((note = make("span", "ghost")));
  write(note, `was ${written(was)}, ${signed(is - was)}`);
}
function ghostInGraph(part, show, was) {
  part.box.classList.toggle("changed", show);
  let note = part.ghost;
  if (!show) {
    if (note) note.remove();
    part.ghost = null;
    return;
  }
  if (!note) {
    const { left, top, right } = area(part.box);
    part.ghost = note = makeSvg("text", { class: "ghost", "text-anchor": "middle", x: (left + right) / 2, y: top });
    part.box.insertBefore(note, part.box.querySelector("title")).after(" ");
  }
  write(note, `was ${written(was)}`);
}

// A text that is wider than its box is drawn narrower. Its width is estimated: to measure it would take most of the time.
const DIGIT = 7.2;
function squeeze(part) {
  const { left, right } = area(part.box), room = right - left - 18;
  for (const text of [part.svgValue, part.svgGrad]) {
    if (!text) continue;
    const wide = room > 0 && text.textContent.length * DIGIT > room;
    if (wide === text.hasAttribute("textLength")) continue;
    if (wide) text.setAttribute("textLength", room);
    else text.removeAttribute("textLength");
    text.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

// ---- leaves as fields: typing, arrow keys, dragging

// How far an arrow key moves a number: about a tenth of it, as a power of ten.
const stride = (x) => 10 ** Math.floor(Math.log10(Math.max(Math.abs(Number.isFinite(x) ? x : 1), 0.5)) - 0.5);
const rounded = (x, unit) => Number((Math.round(x / unit) * unit).toPrecision(12));
const items = new Map(); // of the node of each leaf: its field
const usedIn = (n) => make("span", "used-in", `in ${label((steps.find((s) => s.inputs && s.inputs.includes(n)) || steps[turn]).node)}`);

function makeItem(n) {
  const field = make("input", "field");
  Object.assign(field, { type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false, value: written(now.values[n]) });
  field.setAttribute("aria-label", `value of ${label(n)}`);
  field.addEventListener("focus", () => {
    field.value = String(now.values[n]); // to the last digit
    field.select();
  });
  field.addEventListener("input", () => {
    const x = parsed(field.value);
    field.setAttribute("aria-invalid", String(x === null));
    if (x !== null && !Object.is(x, now.values[n])) setLeaf(n, x);
  });
  field.addEventListener("blur", () => {
    field.removeAttribute("aria-invalid");
    field.value = written(now.values[n]);
  });
  field.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter" || event.key === "Escape") field.blur();
    if (!way) return;
    const unit = stride(now.values[n]) * (event.shiftKey ? 10 : 1);
    setLeaf(n, rounded(now.values[n] + way * unit, unit / 100));
    field.value = String(now.values[n]);
    event.preventDefault();
  });
  const handle = make("span", "handle", "↔");
  handle.setAttribute("aria-hidden", "true");
  handle.title = "Drag to the left or right";
  dragging(handle, n, true);
  const item = make("div", "item", make("label", "leaf-name", nodes[n].number ? usedIn(n) : label(n), field), handle);
  let grad = null;
  if (gradientOf(n) !== undefined) {
    grad = make("span", "grad", `∂ ${written(gradientOf(n))}`);
    const nudge = make("button", "nudge", "nudge");
    nudge.title = "Add a small number, and compare what it changes with the gradient";
    nudge.setAttribute("aria-label", `nudge ${label(n)}`);
    nudge.addEventListener("click", () => nudged(n));
    const moves = make("input", "moves");
    Object.assign(moves, { type: "checkbox", checked: changed.has(n), title: "Gradient descent changes it" });
    moves.setAttribute("aria-label", `gradient descent changes ${label(n)}`);
    moves.addEventListener("change", () => (moves.checked ? changed.add(n) : changed.delete(n)));
    item.append(grad, nudge, moves);
  }
  items.set(n, { field, grad });
  if (parts[n].box) {
    parts[n].box.classList.add("leaf");
    dragging(parts[n].box, n, false);
  }
  return item;
}

// Moving sideways by a pixel changes the number by a hundredth of its size; with Shift by a tenth of that. A finger
// on the graph scrolls it, so for fingers there are the handles.
function dragging(element, n, byFinger) {
  let start = null, moved = false;
  element.addEventListener("pointerdown", (event) => {
    if (event.button || (event.pointerType === "touch" && !byFinger)) return;
    start = { x: event.clientX, value: Number.isFinite(now.values[n]) ? now.values[n] : 0, unit: stride(now.values[n]) };
    moved = false;
  });
  element.addEventListener("pointermove", (event) => {
    if (!start || !event.buttons) return void (start = null);
    const across = event.clientX - start.x;
    if (!moved && Math.abs(across) < 4) return;
    if (!moved) {
      moved = true;
      pause();
      element.setPointerCapture(event.pointerId);
      document.documentElement.classList.add("dragging");
    }
    setLeaf(n, rounded(start.value + across * start.unit * (event.shiftKey ? 0.01 : 0.1), start.unit / 1000));
  });
  const end = () => {
    start = null;
    document.documentElement.classList.remove("dragging");
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("click", (event) => {
    if (moved) event.stopImmediatePropagation(); // the end of a drag is no visit
    moved = false;
  }, true);
}

// ---- experiments

// The output at x + h and x - h: the mean slope between them.
function nudged(n) {
  const y = label(steps[turn].node), x = now.values[n];
  const there = x + 1e-4 * Math.max(1, Math.abs(x)), h = there - x; // h as a float, what was really added
  const rise = result(computedWith({ ...given, [nameOf.get(n)]: there })) - result();
  $("nudged").textContent = `${label(n)} + ${written(h)} changes ${y} by ${written(rise)}, and ${written(rise)} ÷ ${written(h)} = ${written(rise / h)}. The gradient of ${y} with respect to ${label(n)} is ${written(gradientOf(n))}.`;
}
function descend() {
  const rate = parsed($("rate").value);
  $("rate").setAttribute("aria-invalid", String(rate === null));
  if (rate === null) return;
  if (losses.length === 0) losses.push(result());
  change(Object.fromEntries([...changed].map((n) => [nameOf.get(n), now.values[n] - rate * gradientOf(n)])));
  losses.push(result());
  showCourse();
}
function showCourse() {
  const n = losses.length - 1, curve = $("curve");
  curve.toggleAttribute("hidden", n < 1);
  $("course").textContent = n < 1 ? "" : `${label(steps[turn].node)}: ${written(losses[0])} → ${written(losses[n])} after ${n} step${n > 1 ? "s" : ""}`;
  if (n < 1) return;
  const finite = losses.filter(Number.isFinite), low = Math.min(...finite), range = Math.max(...finite) - low || 1;
  const points = losses.map((y, i) => [4 + (112 * i) / n, 36 - (32 * (y - low)) / range]).filter(([, y]) => Number.isFinite(y));
  curve.querySelector("polyline").setAttribute("points", points.map((point) => point.map((x) => x.toFixed(1))).join(" "));
  const last = points.at(-1) || [4, 36];
  curve.querySelector("circle").setAttribute("cx", last[0]);
  curve.querySelector("circle").setAttribute("cy", last[1]);
}
function reset() {
  given = {};
  past = null;
  losses = [];
  now = computedWith(given);
  $("nudged").textContent = "";
  showCourse();
  refresh();
}
function copy() {
  const area = $("copied");
  area.value = ["{", ...leaves.map((n) => `    ${JSON.stringify(label(n))}: ${python(now.values[n])},`), "}"].join("\n");
  area.rows = Math.min(leaves.length + 2, 12);
  area.hidden = false;
  area.focus();
  area.select();
  const copied = () => { $("live").textContent = "Copied"; };
  if (navigator.clipboard) navigator.clipboard.writeText(area.value).then(copied, () => {});
}

if (program) {
  $("experiment").hidden = false;
  $("leaves").append(...leaves.map(makeItem));
  const panel = $("numbers");
  const openIfThereIsRoom = () => { panel.open = leaves.length <= 12 && innerWidth > 560 && !embedded && innerHeight > 800; };
  openIfThereIsRoom();
  addEventListener("resize", openIfThereIsRoom);
  panel.querySelector("summary").addEventListener("click", () => removeEventListener("resize", openIfThereIsRoom));
  panel.addEventListener("toggle", resized);
  for (const [id, act] of Object.entries({ descend, reset, copy })) $(id).addEventListener("click", act);
  $("descend").disabled = descends.length === 0;
  $("forget").addEventListener("click", () => {
    past = null;
    refresh();
  });
} else $("why").textContent = recorded.live.why;
