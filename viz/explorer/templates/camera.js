// The camera: which part of the world is in the window. Wheel and pinch zoom, dragging moves.
//
// In a frame, as in a notebook, the wheel scrolls what is around it until the picture is clicked.

const [stage, plane, lens] = ["stage", "plane", "lens"].map((id) => document.getElementById(id)), root = document.documentElement;
const camera = { x: 0, y: 0, k: 1 }; // a point of the world is at k * point + (x, y) of the stage
const CLOSEST = 4, LEGIBLE = 9 / 12; // scales: the largest, and the one at which texts of 12 px have 9
const still = matchMedia("(prefers-reduced-motion: reduce)");
let frameAsked = false, flight = 0;

let window_ = { w: 1, h: 1 }, foot = 0; // the legend is at the foot
const size = () => window_;
function measure() {
  window_ = { w: stage.clientWidth, h: stage.clientHeight };
  foot = document.getElementById("legend").offsetHeight;
}
const whole = () => ({ x: 0, y: 0, w: arranged[0].w, h: arranged[0].h });
function fitting({ w, h }, margin = 24) {
  const window = size();
  return Math.min((window.w - 2 * margin) / w, (window.h - foot - 2 * margin) / h);
}

function set(x, y, k) {
  const least = Math.min(fitting(whole()) / 2, 1), window = size(), all = whole();
  k = Math.min(Math.max(k, least), CLOSEST);
  camera.k = k;
  // some of the picture stays in the window
  camera.x = Math.min(Math.max(x, 60 - all.w * k), window.w - 60);
  camera.y = Math.min(Math.max(y, 60 - all.h * k), window.h - 60);
  if (frameAsked) return;
  frameAsked = true;
  requestAnimationFrame(paint);
}

function paint() {
  frameAsked = false;
  const { x, y, k } = camera, { w, h } = size();
  lens.style.transform = `translate(${x}px, ${y}px) scale(${k})`; // of the svg itself, it would lay out all texts anew
  graph.classList.toggle("tiny", 12 * k < 3.5);
  for (const part of visible()) {
    const [left, top] = origin(part), at = arranged[part];
    const out = k * (left + at.w) + x < 0 || k * left + x > w || k * (top + at.h) + y < 0 || k * top + y > h;
    drawn[part].group.classList.toggle("gone", out);
  }
  showView();
}

function zoomAt(x, y, factor) {
  cancelAnimationFrame(flight);
  const least = Math.min(fitting(whole()) / 2, 1);
  const k = Math.min(Math.max(camera.k * factor, least), CLOSEST), by = k / camera.k;
  set(x - (x - camera.x) * by, y - (y - camera.y) * by, k);
}
const zoomMiddle = (factor) => zoomAt(size().w / 2, size().h / 2, factor);
function move(dx, dy) {
  cancelAnimationFrame(flight);
  set(camera.x + dx, camera.y + dy, camera.k);
}

// moves there in a quarter of a second
function fly(x, y, k) {
  cancelAnimationFrame(flight);
  if (still.matches) return set(x, y, k);
  const from = { ...camera }, start = performance.now(), { w, h } = size();
  // the middle of the window moves on a line, and the scale by equal factors
  const middle = (c) => [(w / 2 - c.x) / c.k, (h / 2 - c.y) / c.k], [a, b] = [middle(from), middle({ x, y, k })];
  const step = (now) => {
    const t = Math.min((now - start) / 250, 1), s = t * (2 - t), scale = from.k * (k / from.k) ** s;
    const [mx, my] = [a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s];
    set(w / 2 - mx * scale, h / 2 - my * scale, scale);
    if (t < 1) flight = requestAnimationFrame(step);
  };
  flight = requestAnimationFrame(step);
}

function fit() {
  const all = whole(), k = Math.min(fitting(all), 1.5), { w, h } = size();
  fly((w - all.w * k) / 2, (h - foot - all.h * k) / 2, k);
}

// the whole picture if it can be read, otherwise the middle of its beginning
let down = false; // whether the picture runs from top to bottom
function overview(now = false) {
  const all = whole(), k = Math.min(Math.max(fitting(all), LEGIBLE), 1.5), { w, h } = size();
  const start = (length, window, along) => (along && length * k > window - 16 ? 12 : (window - length * k) / 2);
  (now ? set : fly)(start(all.w, w, !down), start(all.h, h - foot, down), k);
}

// brings a rectangle of the world into the window, at a scale at which it can be read
function bring(rect, margin = 40) {
  const { w, h } = size(), k = Math.min(Math.max(camera.k, LEGIBLE), Math.max(fitting(rect, margin), LEGIBLE));
  const inside = (at, length, window, now) => {
    if (length * k > window - 2 * margin) return margin - at * k; // its beginning
    return Math.min(Math.max(now, margin - at * k), window - margin - (at + length) * k);
  };
  const same = k === camera.k;
  fly(inside(rect.x, rect.w, w, same ? camera.x : (w - rect.w * k) / 2 - rect.x * k), inside(rect.y, rect.h, h, same ? camera.y : (h - rect.h * k) / 2 - rect.y * k), k);
}

// ---------------------------------------------------------------------- wheel, mouse, fingers

const embedded = parent !== window;
root.classList.toggle("embedded", embedded);
const used = () => !embedded || (document.hasFocus() && stage.contains(document.activeElement));

stage.addEventListener("wheel", (event) => {
  if (event.target.closest("#map")) return;
  if (!used() && !event.ctrlKey) return;
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1, { left, top } = stage.getBoundingClientRect();
  if (event.shiftKey) return move(-(event.deltaX || event.deltaY) * unit, 0);
  zoomAt(event.clientX - left, event.clientY - top, Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0015)));
}, { passive: false });

const fingers = new Map();
let dragged = false;
plane.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  if (!fingers.size) dragged = false;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, from: [event.clientX, event.clientY] });
});
addEventListener("pointermove", (event) => {
  const finger = fingers.get(event.pointerId);
  if (!finger) return;
  const [dx, dy] = [event.clientX - finger.x, event.clientY - finger.y];
  if (!dragged && Math.hypot(event.clientX - finger.from[0], event.clientY - finger.from[1]) < 5) return;
  if (!dragged) {
    dragged = true;
    stage.classList.add("dragging");
    plane.setPointerCapture?.(event.pointerId);
  }
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const { left, top } = stage.getBoundingClientRect(), span = (x, y) => Math.hypot(x - other.x, y - other.y);
    zoomAt((event.clientX + other.x) / 2 - left, (event.clientY + other.y) / 2 - top, span(event.clientX, event.clientY) / Math.max(span(finger.x, finger.y), 1));
    move(dx / 2, dy / 2);
  } else move(dx, dy);
  [finger.x, finger.y] = [event.clientX, event.clientY];
});
for (const end of ["pointerup", "pointercancel"])
  addEventListener(end, (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (!stage.contains(document.activeElement)) target(current)?.focus({ preventScroll: true });
    if (!fingers.size) stage.classList.remove("dragging");
  });
// after a drag no box is clicked
plane.addEventListener("click", (event) => { if (dragged) event.stopPropagation(); dragged = false; }, true);
