// Opening and closing modules, and moving from box to box with the keys.

const said = document.getElementById("said");
const MANY = 1500; // boxes; "Open more" stops there
let current = ""; // the box that has the keys

function target(id) {
  const box = elementOf(id);
  return box?.hasAttribute("tabindex") ? box : null;
}
function choose(id, focus = true, tell = true) {
  const before = target(current), now = target(id);
  before?.setAttribute("tabindex", "-1");
  current = id;
  now?.setAttribute("tabindex", "0");
  if (focus) now?.focus({ preventScroll: true });
  for (const line of graph.querySelectorAll(".lit")) line.classList.remove("lit");
  const level = inPicture.get(id);
  if (level && focus) for (const { line } of drawn[level.part].edges) if (line.dataset.ends.split(" ").includes(id)) line.classList.add("lit");
  if (tell) pin(id);
}

function update(part) {
  for (const each of rearrange(part)) if (open.has(each)) show(each);
  show(0);
  showMap();
  set(camera.x, camera.y, camera.k);
}

function toggle(part, say = true) {
  if (!opens(part) || part <= 0) return;
  const id = `n${part}`, before = place(id);
  if (open.has(part)) {
    open.delete(part);
    for (const each of [...open]) if (around(each).includes(part)) open.delete(each);
  } else open.add(part);
  if (open.has(part)) { arrange(part); show(part); }
  update(part);
  const after = place(id), { x, y, k } = camera;
  // what was clicked stays where it is on the screen
  set(x + k * (before.x - after.x), y + k * (before.y - after.y), k);
  choose(id, document.activeElement !== search, beside.matches || !panel.classList.contains("empty"));
  keepInView(id);
  if (say) said.textContent = open.has(part) ? `${shortName(part)} is open: ${[...levels[part].nodes.keys()].filter((id) => partOf(id) >= 0).length} boxes` : `${shortName(part)} is closed`;
}

function keepInView(id) {
  measure();
  const rect = place(id), { x, y, k } = camera, { w, h } = size();
  if (k * rect.x + x < 0 || k * rect.y + y < 0 || k * (rect.x + rect.w) + x > w || k * (rect.y + rect.h) + y > h) bring(rect);
}

// opens what is around a part, and goes there
function reveal(part) {
  let outermost = -1;
  for (const each of around(part)) if (!open.has(each)) { open.add(each); arrange(each); if (outermost < 0) outermost = each; }
  for (const each of [...around(part)].reverse()) { arrange(each); show(each); }
  if (outermost >= 0) update(outermost);
  choose(`n${part}`);
  measure();
  bring(place(`n${part}`), 80);
}

const boxes = () => visible().reduce((sum, part) => sum + levels[part].nodes.size, 0);
const closedNow = () => visible().flatMap((part) => [...levels[part].nodes.keys()]).map(partOf).filter((part) => opens(part) && !open.has(part) && parts[part].kind !== "leaves");
function refresh() {
  const inward = visible().sort((a, b) => depthOf(b) - depthOf(a)); // the innermost first
  for (const part of inward) arrange(part);
  for (const part of inward) show(part);
  showMap();
  set(camera.x, camera.y, camera.k);
}
function openMore() {
  const found = closedNow(), depth = Math.min(...found.map((part) => around(part).length));
  const next = [];
  let count = boxes();
  for (const part of found.filter((part) => around(part).length === depth)) {
    count += levels[part].nodes.size;
    if (count <= MANY) next.push(part);
  }
  said.textContent = !found.length ? "All modules are open" : next.length ? `${next.length} more open` : "More would not be readable; open modules one by one";
  for (const part of next) open.add(part);
  refresh();
  if (next.length) overview();
}
function closeAll() {
  open.clear();
  open.add(0);
  refresh();
  fit();
  if (!target(current)) choose([...levels[0].nodes.keys()].find(target), false);
  said.textContent = "All modules are closed";
}

plane.addEventListener("click", (event) => {
  const box = boxAt(event.target);
  if (!box) return;
  act(idOf(box));
});
function act(id) {
  const part = partOf(id), leads = inPicture.get(id)?.leads[id];
  if (opens(part)) return toggle(part);
  choose(id);
  if (leads?.length === 1) reveal(leads[0]);
  else keepInView(id);
}

// the nearest box in a direction, seen from the middle of the current one; steps to the side count more
function neighbour(dx, dy) {
  const from = place(current);
  if (!from) return null;
  const middle = ({ x, y, w, h }, id) => open.has(partOf(id)) && partOf(id) > 0 ? [x + Math.min(w / 2, 60), y + TITLE / 2] : [x + w / 2, y + h / 2];
  const [cx, cy] = middle(from, current);
  let best = null, least = Infinity;
  for (const part of visible()) {
    const [ox, oy] = origin(part);
    for (const [id, box] of arranged[part].boxes) {
      if (id === current || !target(id)) continue;
      const [x, y] = middle({ ...box, x: ox + box.x, y: oy + box.y }, id), along = (x - cx) * dx + (y - cy) * dy, aside = Math.abs((x - cx) * dy) + Math.abs((y - cy) * dx);
      if (along > 1 && along + 2 * aside < least) [best, least] = [id, along + 2 * aside];
    }
  }
  return best;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target, arrow = ARROWS[event.key];
  if (at.closest?.("input, .numbers, summary")) return;
  const act_ = {
    "+": () => zoomMiddle(1.25), "=": () => zoomMiddle(1.25), "-": () => zoomMiddle(0.8), "0": fit, o: openMore, c: closeAll,
    "/": () => search.focus(), Escape: leave,
  }[event.key];
  if (arrow && (event.shiftKey || at.closest?.("#map"))) move(-arrow[0] * 0.25 * size().w, -arrow[1] * 0.25 * size().h);
  else if (arrow && boxAt(at)) {
    const id = neighbour(...arrow);
    if (id) { choose(id); bring(place(id)); }
  } else if ((event.key === "Enter" || event.key === " ") && boxAt(at)) act(idOf(boxAt(at)));
  else if (act_) act_();
  else return;
  event.preventDefault();
});
function leave() {
  const level = inPicture.get(current), inner = open.has(partOf(current)) ? partOf(current) : level?.part;
  if (inner > 0) toggle(inner);
  else pin(0);
}
