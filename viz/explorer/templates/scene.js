// The picture: one group for each open level, in it the boxes and edges where `room.js` puts them.
//
// The levels are drawn when they are first opened. Those outside the window are not drawn, and where texts would be too
// small to be read, neither are they.

const SVG = "http://www.w3.org/2000/svg";
const graph = document.getElementById("graph"), world = document.getElementById("world");
const drawn = []; // for each level that was opened: { group, boxes, edges, frames }

function element(name, attributes = {}, parent = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}
// a colour of the style sheet as canvases take it
const probe = document.getElementById("probe");
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
const round = (x) => Math.round(x * 10) / 10;

function describe(id) {
  const part = parts[partOf(id)];
  if (!part) return levels[inPicture.get(id).part].leads[id]?.length ? inPicture.get(id).nodes.get(id).text : "operation";
  const kind = opens(partOf(id)) ? ", module" : ["module", "run", "leaves"].includes(part.kind) ? ", closed" : "";
  return [part.label + kind, ...part.facts.slice(1)].join(", ");
}

function draw(part) {
  const level = levels[part], group = element("g", { class: "level" });
  const lines = element("g", { class: "edges" }, group), shapes = element("g", {}, group);
  const edges = level.edges.map(([tail, head, , , width, dashed, label]) => {
    const line = element("g", { class: dashed ? "edge dashed" : "edge" }, lines);
    line.dataset.ends = `${tail} ${head}`.replace(/op\b/g, "");
    const path = element("path", width > 1 ? { "stroke-width": width } : {}, line);
    return { line, path, tip: element("path", { class: "tip" }, line), label: label.map(([, , text]) => (element("text", {}, line).textContent = text, line.lastChild)) };
  });
  const boxes = new Map();
  for (const { id, inside } of level.nodes.values()) {
    const box = element("g", { id, class: "box" }, shapes), part = parts[partOf(id)], leads = level.leads[id];
    box.innerHTML = inside;
    level.nodes.get(id).text = box.textContent.replace(/\s+/g, " ").trim();
    if (part) box.classList.add(part.kind);
    if (part || leads) {
      box.setAttribute("role", "button");
      box.setAttribute("tabindex", "-1");
      box.setAttribute("aria-label", describe(id));
      if (opens(partOf(id))) box.setAttribute("aria-expanded", "false"), box.classList.add("opens");
    }
    if (leads) {
      box.classList.add("mark");
      const { w, h } = level.nodes.get(id);
      element("rect", { class: "hit", width: w, height: h, rx: 4 }, box);
    }
    boxes.set(id, box);
  }
  drawn[part] = { group, boxes, edges, frames: new Map(), shapes };
}

// the frame around an open module; its title closes it
function frame(within, id) {
  const part = partOf(id), { shapes, frames } = drawn[within];
  const group = element("g", { class: around(part).length % 2 ? "frame odd" : "frame" }, shapes);
  const ground = element("rect", { rx: 8, class: "ground" }, group);
  const title = element("g", { class: "title", role: "button", tabindex: "-1", "aria-expanded": "true", "aria-label": `${parts[part].label}, open module` }, group);
  title.dataset.id = id;
  const bar = element("rect", { rx: 8, height: TITLE - 4, class: "bar" }, title);
  element("path", { d: `M10 ${TITLE / 2 - 1}h8`, class: "minus" }, title);
  element("text", { x: 25, y: TITLE / 2 + 3 }, title).textContent = parts[part].label;
  const made = { group, ground, bar, title };
  frames.set(id, made);
  return made;
}

// moves what a level holds to where it is now
function show(part) {
  if (!drawn[part]) draw(part);
  const { boxes, edges, frames } = drawn[part], at = arranged[part];
  for (const [id, box] of boxes) {
    const { x, y, w, h } = at.boxes.get(id), inside = partOf(id), isOpen = open.has(inside);
    box.classList.toggle("gone", isOpen);
    if (!isOpen) box.setAttribute("transform", `translate(${round(x)} ${round(y)})`);
    const around = frames.get(id) || (isOpen && frame(part, id));
    if (!around) continue;
    around.group.classList.toggle("gone", !isOpen);
    if (!isOpen) continue;
    around.group.setAttribute("transform", `translate(${round(x)} ${round(y)})`);
    for (const [key, value] of [["width", w], ["height", h]]) around.ground.setAttribute(key, round(value));
    around.bar.setAttribute("width", round(w));
    const level = drawn[inside].group;
    if (level.parentNode !== around.group) around.group.append(level);
    level.setAttribute("transform", `translate(${round((w - arranged[inside].w) / 2)} ${TITLE})`);
  }
  edges.forEach(({ path, tip, label }, i) => {
    const { points, tip: [x, y], label: texts } = at.edges[i], p = points.map(([x, y]) => `${round(x)} ${round(y)}`), [ex, ey] = points[points.length - 1];
    path.setAttribute("d", `M${p[0]}C${p.slice(1).join(" ")}`);
    const dx = 0.35 * (x - ex), dy = 0.35 * (y - ey);
    tip.setAttribute("d", `M${round(x)} ${round(y)}L${round(ex - dy)} ${round(ey + dx)}L${round(ex + dy)} ${round(ey - dx)}z`);
    label.forEach((text, j) => { text.setAttribute("x", round(texts[j][0])); text.setAttribute("y", round(texts[j][1])); });
  });
}

const visible = () => [...open].filter((part) => around(part).every((each) => open.has(each)));
const elementOf = (id) => (open.has(partOf(id)) && partOf(id) > 0 ? drawn[parts[partOf(id)].within]?.frames.get(id)?.title : document.getElementById(id));
