// The graph and the table: which numbers they show at a position, and which nodes and edges take part in the step.

const graph = $("graph"), overview = $("map");
const MANY = 150; // nodes, from which on it matters how long a change takes
let marked = []; // what the step has marked: [element, class]

function mark(element, name) {
  if (!element) return;
  element.classList.add(name);
  marked.push([element, name]);
}
function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

const parts = nodes.map((node, n) => {
  const jump = make("button", "jump", node.label);
  jump.addEventListener("click", (event) => visit(n, event));
  const value = make("td", "value"), grad = make("td", "grad");
  const row = make("tr", node.fixed ? "fixed" : "", make("th", "", jump), value, grad, make("td", "rule", node.rule || node.kind));
  row.firstChild.scope = "row";
  const box = $(`n${n}`);
  return {
    row, value, grad, box, key: "",
    svgValue: box && box.querySelector(".value"),
    svgGrad: box && box.querySelector(".grad"),
    svgCount: box && box.querySelector(".count"),
    others: box && node.rule ? [$(`n${n}op`), $(`n${n}out`)].filter(Boolean) : [],
  };
});
// While numbers change many times a second, only what is in sight is written, and the rest soon after.
let hurried = false, sight = null;
const rowsInSight = new Set();
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) rowsInSight[isIntersecting ? "add" : "delete"](Number(target.dataset.node));
}, { root: document.querySelector(".table") });
const boxInSight = (n) => Boolean(parts[n].box) && meet(area(parts[n].box), sight);
const inSight = (n) => rowsInSight.has(n) || boxInSight(n);
function hurry(on) {
  hurried = on && nodes.length > MANY;
  if (hurried) sight = layer ? view() : null;
}
document.querySelector(".table").classList.toggle("many", nodes.length > MANY); // laid out faster
$("rows").append(...parts.map((part) => part.row));
if (program && nodes.length > MANY) parts.forEach(({ row }, n) => {
  row.dataset.node = n;
  watch.observe(row);
});

// of each backward step the edge that the gradient passes
const edges = steps.map((s, i) => {
  const group = s.inputs || s.seed ? null : $(`n${s.node}in${s.at}`);
  if (!group) return null;
  const local = group.querySelector(".local"), arrival = group.querySelector(".arrived");
  const first = steps[i - 1].node !== s.node || Boolean(steps[i - 1].seed); // of the steps of this node
  return { group, local, arrival, rule: local && local.textContent, first, out: $(`n${s.node}out`), key: "" };
});

function showNumbers(state, position) {
  const backward = position > turn, born = births(state);
  nodes.forEach((node, n) => {
    if (hurried && !inSight(n)) return;
    const part = parts[n], known = isKnown(n, position), value = brief(state, state.values[n]);
    const { count, of, figure, mark, bad } = account(state, n, position);
    const bornValue = known && born.value === n, bornGradient = born.gradient >= 0 && born.gradient < position && targetOf(steps[born.gradient]) === n;
    const key = [known, value, count, figure, backward, bornValue, bornGradient].join("|");
    if (key === part.key) return;
    part.key = key;
    part.value.replaceChildren(known ? value : "", ...(bornValue ? [make("span", "tag", `first ${kindOfBad(value)}`)] : []));
    if (!node.fixed) {
      part.grad.classList.toggle("part", mark === "part");
      part.grad.replaceChildren(make("span", "figure", figure), make("span", "after", AFTER[mark]));
      if (bornGradient) part.grad.append(make("span", "tag", `first ${kindOfBad(figure)}`));
      if (of > 1 && backward) part.grad.append(make("span", "list", ledger(state, n, position)));
    }
    if (!part.box) return;
    for (const each of [part.box, ...part.others]) each.classList.toggle("pending", !known);
    for (const each of ["none", "part", "whole", "flat"]) part.box.classList.toggle(each, !node.fixed && mark === each);
    part.box.classList.toggle("bad-value", known && isBad(state, state.values[n]));
    part.box.classList.toggle("bad-gradient", bad);
    write(part.svgValue, value);
    write(part.svgGrad, `∂ ${figure}${AFTER[mark]}`);
    write(part.svgCount, backward ? `${count} of ${of} arrived` : `used ${of} times`);
    badge(part.box, bornValue || bornGradient ? `first ${kindOfBad(bornValue ? value : figure)}` : "");
    part.words = inWords(node, known ? value : "not computed yet", count, of, figure, mark);
    nameBox(part);
  });
}
// The name of a box for a screen reader begins with what is seen in it, so that it can be said to choose the box.
function nameBox({ box, words }) {
  const hidden = box.classList.contains("pending") ? box.querySelector(".value") : null;
  const seen = [...box.querySelectorAll("text")].filter((text) => text !== hidden).map((text) => text.textContent).filter(Boolean);
  box.setAttribute("aria-label", `${seen.join(" ")} ${words}`);
}
function inWords(node, value, count, of, figure, mark) {
  const name = node.rule ? `${node.label} = ${node.rule}` : `${node.label}, ${node.kind}`;
  const rest = { none: "no gradient yet", part: `gradient ${figure} so far, ${count} of ${of} arrived`, whole: `gradient ${figure}`, flat: "gradient 0, flat" };
  return node.fixed ? `${name}, value ${value}` : `${name}, value ${value}, ${rest[mark]}`;
}
let highest; // the top of the drawing, above which there is no room
function badge(box, text) {
  let note = box.querySelector(".badge");
  if (!note && !text) return;
  if (!note) {
    const { x, y, height } = box.getBBox();
    highest ??= Math.min(...graphNodes.filter(Boolean).map((each) => each.getBBox().y));
    note = makeSvg("text", { class: "badge", x: x + 2, y: y - highest < 14 ? y + height + 13 : y - 5, "font-size": 11 });
    box.insertBefore(note, box.querySelector("title")).after(" ");
  }
  note.textContent = text;
}

function showEdges(state, position) {
  edges.forEach((edge, i) => {
    if (!edge || (hurried && !boxInSight(steps[i].node) && !boxInSight(steps[i].to))) return;
    const { local, arrives } = state.steps[i];
    const known = isKnown(steps[i].node, position), travelled = i < position;
    const key = [known, travelled, local, arrives].join("|");
    if (key === edge.key) return;
    edge.key = key;
    edge.group.classList.toggle("travelled", travelled);
    if (edge.first && edge.out) edge.out.classList.toggle("travelled", travelled);
    write(edge.local, !known ? "" : local === undefined ? edge.rule : `× ${brief(state, local)}`);
    write(edge.arrival, travelled ? `← ${brief(state, arrives)}` : "");
  });
}

function markStep(position) {
  for (const [element, name] of marked) element.classList.remove(name);
  marked = [];
  if (position === 0) return;
  const s = steps[position - 1], n = targetOf(s);
  const name = s.inputs ? "now-value" : "now-gradient";
  mark(parts[n].box, name);
  mark(parts[n].row, name);
  if (overview) mark($(`map-n${map[n]}`), name);
  if (s.inputs) {
    s.inputs.forEach((x, i) => {
      mark($(`n${s.node}in${i}`), name);
      mark(parts[x].box, "giver");
    });
  } else if (!s.seed) {
    mark($(`n${s.node}in${s.at}`), name);
    mark(parts[s.node].box, "from");
  }
  if (!s.seed) for (const element of parts[s.node].others) mark(element, name);
}

// ---- the keyboard: Tab leads to one node, the one of the step; arrows up and down to the others

function reachable(elements, names, act) {
  elements.forEach((element, i) => {
    if (!element) return;
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", i === 0 ? "0" : "-1");
    if (names) element.setAttribute("aria-label", names[i]);
    for (const text of element.querySelectorAll("text")) text.after(" "); // so that they are read as words of their own
    element.addEventListener("click", (event) => act(i, event));
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") act(i, event);
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const way = event.key === "ArrowDown" ? 1 : -1;
        let next = i + way;
        while (elements[next] === null) next += way;
        if (!elements[next]) return;
        element.setAttribute("tabindex", "-1");
        elements[next].setAttribute("tabindex", "0");
        elements[next].focus({ preventScroll: true });
        bringIntoView(elements[next]);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  });
}
function offerFocus(elements, chosen) { // unless the reader is among them
  if (elements.includes(document.activeElement)) return;
  for (const element of elements) if (element) element.setAttribute("tabindex", element === chosen ? "0" : "-1");
}

const graphNodes = parts.map((part) => part.box);
if (graph) {
  graph.setAttribute("role", "group");
  graph.setAttribute("aria-label", `Graph of ${nodes.length} nodes; the table below says the same in words`);
  reachable(graphNodes, null, visit);
  nodes.forEach((node, n) => {
    if (parts[n].box) parts[n].box.append(makeSvg("title", {}, node.rule ? `${node.label} = ${node.rule}` : node.label));
  });
  const tip = (id, size) => makeSvg("marker", { id, viewBox: "0 0 12 12", refX: 1, refY: 6, markerUnits: "userSpaceOnUse", markerWidth: size, markerHeight: size, orient: "auto" }, makeSvg("path", { d: "M1 6L11 1V11Z" }));
  graph.prepend(makeSvg("defs", {}, tip("tip-now", 15), tip("tip-travelled", 10)));
  for (const key of document.querySelectorAll("[data-kind]")) key.hidden = !graph.querySelector(`.${key.dataset.kind}`);
}

// the map: a box leads to its first step in this pass
const boxVisits = [];
visits.forEach((places, n) => (boxVisits[map[n]] ||= []).push(...places));
const mapBoxes = overview ? boxVisits.map((places, box) => (places.length ? $(`map-n${box}`) : null)) : [];
if (overview) {
  overview.setAttribute("role", "group");
  overview.setAttribute("aria-label", "Map of the whole graph, folded, with the step marked");
  for (const places of boxVisits) places?.sort((a, b) => a - b);
  const name = (box) => [...box.querySelectorAll("text")].map((text) => text.textContent.trim()).join(" ") || "box";
  reachable(mapBoxes, mapBoxes.map((box) => box && `To ${name(box)}`), (box, event) => {
    pause();
    show(boxVisits[box].find((place) => place > turn === at > turn) || boxVisits[box][0]);
    if (event.detail) event.currentTarget.blur();
  });
}
