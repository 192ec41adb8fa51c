// What is in sight: the graph is never smaller than its text can be read, so a large one is shown in part and follows
// the steps. Nodes of one step that are too far apart for the window are brought together for that step.

const stage = $("stage"), panel = document.querySelector(".step");
const embedded = document.documentElement.classList.contains("embedded");
const MARGIN = 12, LARGEST = 1.5, IN_NOTEBOOK = 560, LEAST = 200, LEGEND = 40, MAP_IN_NOTEBOOK = 130;
let tallest = 0; // of the sentences since the window has its size
let zoomed = false; // whether a part is shown
let moved = []; // what undoes the moves of this step, in order

// ---- the size of the graph

function arrange() {
  if (!graph) return;
  const { width, height } = graph.viewBox.baseVal;
  document.documentElement.classList.toggle("beside", width < 1.2 * height || width < 620);
  const top = stage.getBoundingClientRect().top + scrollY;
  const room = embedded ? IN_NOTEBOOK : Math.max(LEAST, innerHeight - top - (innerWidth < 700 ? MARGIN : LEGEND));
  const scale = Math.min(stage.clientWidth / width, room / height, LARGEST);
  const whole = $("zoom").dataset.whole === "yes";
  zoomed = scale < 1 && !whole;
  graph.style.width = `${width * (zoomed ? 1 : scale)}px`;
  stage.style.height = zoomed ? `${Math.min(height + 18, room)}px` : "";
  stage.classList.toggle("zoomed", zoomed);
  graph.classList.toggle("tiny", !zoomed && scale < 1); // its texts could not be read
  $("zoom").hidden = scale >= 1;
  $("zoom").setAttribute("aria-pressed", String(whole));
  if (overview) {
    const box = overview.viewBox.baseVal, frame = overview.parentNode;
    const scale = Math.min(1.3, (frame.clientWidth - 4) / box.width, (embedded ? MAP_IN_NOTEBOOK : 0.17 * innerHeight) / box.height);
    overview.style.width = `${box.width * Math.max(1.1, scale)}px`; // its smallest text has 10 points
  }
}
function resized() {
  tallest = 0;
  panel.style.minHeight = "";
  arrange();
  keepHeight();
  follow(at);
}
// The panel of the sentence does not shrink again, so that the graph does not jump from step to step.
function keepHeight() {
  const height = Math.min(panel.offsetHeight, innerHeight * 0.45);
  if (height <= tallest || embedded) return;
  tallest = height;
  panel.style.minHeight = `${height}px`;
  arrange();
}

// ---- following the step

const layer = graph && parts[0].box ? parts[0].box.parentNode : null;
const areas = new Map();
function area(element) { // in the coordinates of the drawing
  if (!areas.has(element)) {
    const { x, y, width, height } = element.getBBox();
    const found = { left: x - 3, top: y - 3, right: x + width + 3, bottom: y + height + 3 };
    if (!width) return found; // in a frame that is not laid out yet
    areas.set(element, found);
  }
  return areas.get(element);
}
function around(list) {
  return {
    left: Math.min(...list.map((a) => a.left)), top: Math.min(...list.map((a) => a.top)),
    right: Math.max(...list.map((a) => a.right)), bottom: Math.max(...list.map((a) => a.bottom)),
  };
}
function view() { // the part of the drawing that is in sight
  const frame = stage.getBoundingClientRect(), to = layer.getScreenCTM();
  const left = (frame.left + stage.clientLeft - to.e) / to.a, top = (frame.top + stage.clientTop - to.f) / to.d;
  return { left, top, right: left + stage.clientWidth / to.a, bottom: top + stage.clientHeight / to.d, scale: to.a };
}
const inside = (a, b, by) => a.left >= b.left + by && a.right <= b.right - by && a.top >= b.top + by && a.bottom <= b.bottom - by;
const meet = (a, b) => a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
const fits = (a, b) => a.right - a.left <= b.right - b.left - 2 * MARGIN && a.bottom - a.top <= b.bottom - b.top - 2 * MARGIN;

// Scrolls so that the point x, y of the drawing is the centre of what is in sight.
function centre(x, y) {
  const now = view();
  stage.scrollLeft += (x - (now.left + now.right) / 2) * now.scale;
  stage.scrollTop += (y - (now.top + now.bottom) / 2) * now.scale;
}
function bringIntoView(element) {
  if (!zoomed || !layer.contains(element)) return;
  const a = area(element);
  if (!inside(a, view(), 4)) centre((a.left + a.right) / 2, (a.top + a.bottom) / 2);
}

function follow(position) {
  for (const undo of moved.reverse()) undo();
  moved = [];
  const s = position ? steps[position - 1] : null;
  const n = s ? targetOf(s) : 0;
  scrollFrame(document.querySelector(".table"), parts[n].row, false);
  if (overview) {
    const box = $(`map-n${map[n]}`);
    if (box) scrollFrame(overview.parentNode, box, true);
  }
  if (!zoomed || !layer) return;
  const core = [parts[s ? s.node : 0].box, s && !s.seed && $(`n${s.node}op`)].filter(Boolean);
  const others = [];
  if (s && !s.seed) {
    const ends = s.inputs ? s.inputs.map((x, i) => [x, i]) : [[s.to, s.at]];
    const seen = new Set([s.node]);
    for (const [x, i] of ends.slice(0, 4)) if (!seen.has(x) && seen.add(x)) others.push({ box: parts[x].box, edge: $(`n${s.node}in${i}`) });
  }
  const all = around([...core, ...others.map((each) => each.box)].map(area));
  if (fits(all, view())) {
    if (!inside(all, view(), 4)) centre((all.left + all.right) / 2, (all.top + all.bottom) / 2);
    return;
  }
  const middle = around(core.map(area));
  const { left, right } = view();
  const room = right - left;
  centre(middle.right + MARGIN + 8 - (room < 700 ? room / 2 : room * 0.3), (middle.top + middle.bottom) / 2);
  const taken = [middle], now = view();
  const far = others.filter(({ box }) => !inside(area(box), now, 2) || meet(area(box), middle));
  if (!far.length) return;
  veil(now);
  for (const [element] of marked) if (layer.contains(element)) onTop(element); // edges before nodes
  for (const element of core) onTop(element);
  for (const { box } of others) {
    onTop(box);
    if (!far.some((each) => each.box === box)) taken.push(area(box));
  }
  for (const each of far) bring(each, middle, taken);
}

// Dims what does not take part; a class that did it would cost a large graph 60 ms in each step.
function veil({ left, top, right, bottom }) {
  const sheet = makeSvg("rect", { class: "veil", x: left - 5, y: top - 5, width: right - left + 10, height: bottom - top + 10 });
  layer.append(sheet);
  moved.push(() => sheet.remove());
}

// Moves a box that is out of sight beside the node of the step, on the side where it is, with its edge.
function bring({ box, edge }, middle, taken) {
  const a = area(box), now = view();
  const width = a.right - a.left, height = a.bottom - a.top;
  const texts = edge ? [...edge.querySelectorAll("text")] : [];
  const wide = Math.max(0, ...texts.map((text) => text.getBBox().width)); // beside the box there is room for them
  const within = (x, low, high) => Math.max(low, Math.min(x, high));
  const x = (wanted) => within(wanted, now.left + MARGIN, now.right - MARGIN - width);
  const y = (wanted) => within(wanted, now.top + MARGIN + 14, now.bottom - MARGIN - height);
  const above = [x(middle.left - width - 20), middle.top - 26 - height], below = [x(middle.left - width - 20), middle.bottom + 42];
  const spread = [0, height + 20, -height - 20, 2 * height + 40, -2 * height - 40];
  const places = [
    ...[Math.max(96, wide + 34), Math.max(60, wide + 20)].flatMap((gap) => spread.map((down) => [middle.left - gap - width, y(a.top) + down])),
    ...(a.top < middle.top ? [above, below] : [below, above]),
    ...spread.map((down) => [middle.left - 26 - width, y(a.top) + down]),
    [middle.right + 20, y(a.top)],
  ];
  const placed = (place) => ({ left: place[0], top: place[1], right: place[0] + width, bottom: place[1] + height });
  const withNote = (place) => ({ ...placed(place), top: place[1] - 14 });
  const free = (place) => inside(withNote(place), now, 4) && !taken.some((b) => meet(placed(place), b));
  const place = places.find(free) || [x(middle.left - width), y(a.top)];
  const target = placed(place);
  taken.push(target);
  const across = target.left - a.left, down = target.top - a.top;
  box.setAttribute("transform", `translate(${across} ${down})`);
  box.classList.add("moved");
  const arrows = ["↖", "↑", "↗", "←", "·", "→", "↙", "↓", "↘"];
  const way = arrows[3 * (1 + Math.sign(Math.round(-down / 40))) + 1 + Math.sign(Math.round(-across / 40))];
  const note = makeSvg("text", { class: "note", x: target.left + 3, y: target.top - 2, "font-size": 11 }, `${way} moved here`);
  layer.append(note);
  moved.push(() => {
    box.removeAttribute("transform");
    box.classList.remove("moved");
    note.remove();
  });
  const path = edge && edge.querySelector("path");
  if (!path) return;
  const d = path.getAttribute("d"), end = path.getPointAtLength(path.getTotalLength());
  const side = target.right < end.x;
  const startX = side ? target.right : target.left + 0.85 * width;
  const startY = side ? (target.top + target.bottom) / 2 : target.top > end.y ? target.top : target.bottom;
  const bend = side ? Math.max(20, (end.x - startX) / 2) : 0;
  path.setAttribute("d", `M${startX},${startY}C${startX + bend},${side ? startY : (startY + end.y) / 2} ${end.x - 30},${end.y} ${end.x},${end.y}`);
  moved.push(() => path.setAttribute("d", d));
  const between = side && end.x - startX > wide + 12; // is there room for the texts beside the arrow
  const line = between ? (startY + end.y) / 2 - 4 : (middle.top - target.bottom < 26 ? middle : target).bottom + 11;
  const left = (target.bottom > line && target.top < line + 14 ? target.right : Math.max(startX, end.x)) + 8;
  texts.forEach((text, i) => {
    const { x, y } = text.attributes, was = [x.value, y.value];
    x.value = between ? (startX + end.x - text.getBBox().width) / 2 : left;
    y.value = line + (between ? 16 : 12) * i;
    moved.push(() => ([x.value, y.value] = was));
  });
}
function onTop(element) {
  if (!element) return;
  const next = element.nextSibling, focused = document.activeElement === element;
  layer.append(element);
  if (focused) element.focus({ preventScroll: true });
  moved.push(() => {
    const focused = document.activeElement === element;
    layer.insertBefore(element, next);
    if (focused) element.focus({ preventScroll: true });
  });
}
function scrollFrame(frame, element, sideways) {
  const outer = frame.getBoundingClientRect(), inner = element.getBoundingClientRect();
  if (inner.top < outer.top + 30 || inner.bottom > outer.bottom - 10) frame.scrollTop += (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
  if (sideways && (inner.left < outer.left + 10 || inner.right > outer.right - 10)) frame.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
}
