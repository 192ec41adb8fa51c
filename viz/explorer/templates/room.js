// Room for open modules: where the boxes of a level are when some of them are replaced by the pictures inside them.
//
// Graphviz has laid out each level with all its modules closed. When one opens, the plane of the level is stretched
// where its box is, in both directions, until the picture inside fits; everything beside it moves away and keeps its
// order. Two open modules above each other share their room. Boxes are moved and not stretched, and edges follow.

const TITLE = 26, PAD = 10; // of the frame around an open module

const open = new Set([0]);
const arranged = []; // for each open part: { w, h, boxes, edges }

// a function that stretches a line so that each span { from, to, need } gets its need
function stretched(spans) {
  const wider = spans.filter(({ from, to, need }) => need > to - from);
  if (!wider.length) return (x) => x;
  const marks = [...new Set(wider.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const extra = marks.map((mark) => Math.max(0, ...wider.filter(({ from, to }) => from <= mark && mark < to).map(({ from, to, need }) => need / (to - from) - 1)));
  const before = [0];
  marks.forEach((mark, i) => (before[i + 1] = before[i] + (i + 1 < marks.length ? extra[i] * (marks[i + 1] - mark) : 0)));
  return (x) => {
    let i = -1;
    while (i + 1 < marks.length && marks[i + 1] <= x) i++;
    return i < 0 ? x : x + before[i] + (i + 1 < marks.length ? extra[i] * (x - marks[i]) : 0);
  };
}

// left, top, right and bottom of a level as Graphviz laid it out; its curves become numbers
function bounds(level) {
  if (level.bounds) return level.bounds;
  level.edges = level.edges.map(([tail, head, curve, tip, ...rest]) => [tail, head, curve.match(/-?[\d.]+(?:e-?\d+)?/g).map(Number), tip.split(",").map(Number), ...rest]);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const add = (x, y) => { left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y); };
  for (const { x, y, w, h } of level.nodes.values()) add(x, y), add(x + w, y + h);
  for (const [, , curve, , , , label] of level.edges) {
    for (let i = 0; i < curve.length; i += 2) add(curve[i], curve[i + 1]);
    for (const [x, y, text] of label) add(x - 3 * text.length, y - 10), add(x + 3 * text.length, y + 3);
  }
  return (level.bounds = [left, top, right, bottom]);
}

function arrange(part) {
  const level = levels[part], [left, top, right, bottom] = bounds(level);
  const frames = new Map();
  for (const [id, box] of level.nodes) {
    const inside = open.has(partOf(id)) && arranged[partOf(id)];
    if (inside) frames.set(id, { w: Math.max(inside.w + 2 * PAD, box.w, titleWidth(parts[partOf(id)].label)), h: inside.h + TITLE + PAD });
  }
  const spans = (at, size) => [...frames].map(([id, frame]) => ({ from: level.nodes.get(id)[at], to: level.nodes.get(id)[at] + level.nodes.get(id)[size], need: frame[size] }));
  const fx = stretched(spans("x", "w")), fy = stretched(spans("y", "h"));
  const x0 = fx(left), y0 = fy(top);
  const boxes = new Map();
  for (const [id, { x, y, w, h }] of level.nodes) {
    const frame = frames.get(id) || { w, h };
    boxes.set(id, { x: (fx(x) + fx(x + w) - frame.w) / 2 - x0, y: (fy(y) + fy(y + h) - frame.h) / 2 - y0, w: frame.w, h: frame.h });
  }
  const plane = (x, y) => [fx(x) - x0, fy(y) - y0];
  // how far an end of an edge moves: what is at the border of a box stays there, also when the box becomes a frame
  function shift(id, x, y) {
    const was = level.nodes.get(id), is = boxes.get(id);
    if (!frames.has(id)) return [is.x - was.x, is.y - was.y];
    const along = (at, start, length, now, room) => (at < start + 9 ? now - at : at > start + length - 9 ? now + room - at : now + ((at - start) / length) * room - at);
    return [along(x, was.x, was.w, is.x, is.w), along(y, was.y, was.h, is.y, is.h)];
  }
  const edges = level.edges.map(([tail, head, curve, tip, , , label]) => {
    const points = [], n = curve.length / 2, first = shift(tail, curve[0], curve[1]), last = shift(head, ...tip);
    for (let i = 0; i < n; i++) {
      const [x, y] = [curve[2 * i], curve[2 * i + 1]], by = i < 2 ? first : i >= n - 2 ? last : null;
      points.push(by ? [x + by[0], y + by[1]] : plane(x, y));
    }
    return { points, tip: [tip[0] + last[0], tip[1] + last[1]], label: label.map(([x, y, text]) => [...plane(x, y), text]) };
  });
  arranged[part] = { w: fx(right) - x0, h: fy(bottom) - y0, boxes, edges };
}

// after a module opened or closed: it, and what is around it
function rearrange(part) {
  const chain = [...around(part), part].reverse();
  for (const each of chain) if (open.has(each)) arrange(each);
  arrange(0);
  return chain;
}

// where the inside of an open part begins in the world
function origin(part) {
  let [x, y] = [0, 0];
  for (const each of [...around(part), part]) {
    if (each === 0) continue;
    const box = arranged[parts[each].within].boxes.get(`n${each}`);
    x += box.x + (box.w - arranged[each].w) / 2;
    y += box.y + TITLE;
  }
  return [x, y];
}

// the rectangle of a box in the world; undefined if a module around it is closed
function place(id) {
  const level = inPicture.get(id);
  if (!level || !open.has(level.part) || around(level.part || 0).some((each) => !open.has(each))) return undefined;
  const [x, y] = origin(level.part), box = arranged[level.part].boxes.get(id);
  return { x: x + box.x, y: y + box.y, w: box.w, h: box.h };
}

const pen = document.createElement("canvas").getContext("2d");
function titleWidth(text) {
  pen.font = "bold 12px Arial, Arimo, 'Liberation Sans', Helvetica, sans-serif";
  return pen.measureText(text).width + 44;
}
