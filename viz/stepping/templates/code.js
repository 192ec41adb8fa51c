// The code: the lines of the user's source that made the nodes. In both passes the line of the step is marked, in the
// backward pass that of the operation whose gradient is passed on. Pointing at a line lights the nodes that it made,
// pointing at a node its line, and the keyboard's focus does the same.

const codePane = $("code"), { code } = recorded;
const LISTED = 6; // names of nodes in the tooltip of a line
const codeLines = []; // every line that is shown, by its position in `code.of`
const madeAt = new Map(); // of a line, the nodes that it made
const placesOf = new Map(); // of a line, the positions of the steps in which it is marked
const nodeAt = new Map(); // of a box or a row, its node
const lineOf = (n) => (code ? codeLines[code.of[n]] : undefined);
let markedLine; // the line of the step
let lit = []; // what is lit

function showCode(position) {
  const s = position ? steps[position - 1] : null, line = s ? lineOf(s.node) : undefined;
  const name = s && s.inputs ? "now-value" : "now-gradient";
  if (line === markedLine && (!line || line.classList.contains(name))) return;
  if (markedLine) {
    markedLine.classList.remove("now-value", "now-gradient");
    markedLine.removeAttribute("aria-current");
  }
  markedLine = line;
  $("code-now").textContent = line ? `${line.firstChild.textContent}  ${line.lastChild.textContent.trim()}` : "";
  if (!line) return;
  line.classList.add(name);
  line.setAttribute("aria-current", "true");
  scrollFrame($("source"), line, false);
  offerFocus(linesWithNodes, line);
}

function light(target) {
  for (const element of lit) element.classList.remove("lit");
  lit = [];
  const place = target instanceof Element && target.closest("#source .made, #graph .node, #rows tr");
  if (!place) return;
  const line = madeAt.has(place) ? place : lineOf(nodeAt.get(place));
  if (!line) return;
  const made = place === line ? madeAt.get(line) : [nodeAt.get(place)];
  lit = [line, ...made.flatMap((n) => [parts[n].row, parts[n].box, ...parts[n].others])].filter(Boolean);
  for (const element of lit) element.classList.add("lit");
  if (place !== line) scrollFrame($("source"), line, false);
}

// To the next step of this line in this pass, or else to its first one.
function visitLine(i, event) {
  pause();
  if (event.detail) event.currentTarget.blur();
  const places = placesOf.get(linesWithNodes[i]), samePass = places.filter((position) => position > turn === at > turn);
  show(samePass.find((position) => position > at) || samePass[0] || places[0]);
}

function makeLine(number, text) {
  const line = make("div", "line", make("span", "number", String(number)), make("span", "text", text));
  codeLines.push(line);
  return line;
}
function collect(map, key, item) {
  if (!map.has(key)) map.set(key, []);
  map.get(key).push(item);
}
for (const { name, parts } of code ? code.files : []) {
  $("source").append(make("div", "file", name));
  parts.forEach((part, i) => {
    const gap = [i ? "⋮" : "", part.in ? `in ${part.in}` : ""].filter(Boolean).join(" ");
    if (gap) $("source").append(make("div", "gap", gap));
    $("source").append(...part.lines.map((text, k) => makeLine(part.first + k, text)));
  });
}
nodes.forEach((node, n) => {
  if (lineOf(n)) collect(madeAt, lineOf(n), n);
});
const linesWithNodes = codeLines.filter((line) => madeAt.has(line));

if (code) {
  parts.forEach(({ row, box, others }, n) => {
    for (const element of [row, box, ...(others || [])]) nodeAt.set(element, n);
  });
  steps.forEach((s, i) => {
    if (lineOf(s.node)) collect(placesOf, lineOf(s.node), i + 1);
  });
  reachable(linesWithNodes, linesWithNodes.map((line) => {
    const made = madeAt.get(line), more = made.length - LISTED;
    line.classList.add("made");
    line.title = `makes ${made.slice(0, LISTED).map(label).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    return `line ${line.firstChild.textContent}: ${line.lastChild.textContent.trim()}; ${line.title}`;
  }), visitLine);
  for (const line of linesWithNodes) line.addEventListener("focus", () => scrollFrame($("source"), line, false));
  document.addEventListener("pointerover", (event) => light(event.target));
  document.addEventListener("pointerout", () => light(document.activeElement));
  document.addEventListener("focusin", (event) => light(event.target));
  document.addEventListener("focusout", () => light(null));
  document.documentElement.classList.add("with-code");
  codePane.hidden = false;
  const openIfThereIsRoom = () => { codePane.open = innerWidth > (embedded ? 820 : 560); };
  openIfThereIsRoom();
  addEventListener("resize", openIfThereIsRoom);
  codePane.querySelector("summary").addEventListener("click", () => removeEventListener("resize", openIfThereIsRoom));
  codePane.addEventListener("toggle", resized);
}
