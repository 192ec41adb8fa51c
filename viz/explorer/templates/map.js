// The map: the whole world in a corner, and in it the window, which can be dragged.

const map = document.getElementById("map"), chart = map.querySelector("canvas"), view = document.getElementById("view");
const NARROWEST = 36; // of a very long picture
let [across, down] = [1, 1]; // scales

function showMap() {
  const { w, h } = whole(), dense = devicePixelRatio || 1, room = getComputedStyle(map);
  const scale = Math.min(parseFloat(room.maxWidth) / w, parseFloat(room.maxHeight) / h);
  [across, down] = [Math.max(scale, NARROWEST / w), Math.max(scale, NARROWEST / h)];
  [chart.width, chart.height] = [Math.ceil(w * across * dense), Math.ceil(h * down * dense)];
  map.style.width = `${w * across}px`;
  map.style.height = `${h * down}px`;
  const paint = chart.getContext("2d");
  const [cluster, frame, text, outline] = ["cluster", "frame", "text", "outline"].map(colour);
  paint.scale(across * dense, down * dense);
  paint.lineWidth = 1 / Math.max(across, down);
  for (const part of visible()) {
    const [x, y] = origin(part);
    if (part) {
      paint.fillStyle = cluster;
      paint.strokeStyle = frame;
      paint.fillRect(x, y, arranged[part].w, arranged[part].h);
      paint.strokeRect(x, y, arranged[part].w, arranged[part].h);
    }
    for (const [id, box] of arranged[part].boxes) {
      if (open.has(partOf(id)) || partOf(id) < 0) continue;
      paint.fillStyle = opens(partOf(id)) ? text : outline;
      paint.fillRect(x + box.x, y + box.y, Math.max(box.w, 1 / across), Math.max(box.h, 1 / down));
    }
  }
  showView();
}

function showView() {
  const { w, h } = size(), { x, y, k } = camera, limit = (at, most) => Math.min(Math.max(at, 0), most);
  const all = whole(), [left, top] = [limit(-x / k, all.w), limit(-y / k, all.h)];
  const [right, bottom] = [limit((w - x) / k, all.w), limit((h - y) / k, all.h)];
  map.classList.toggle("gone", (right - left) * (bottom - top) > 0.98 * all.w * all.h); // all is in the window
  view.style.transform = `translate(${left * across}px, ${top * down}px)`;
  view.style.width = `${(right - left) * across}px`;
  view.style.height = `${(bottom - top) * down}px`;
}

function moveTo(event) {
  const { left, top } = map.getBoundingClientRect(), { w, h } = size();
  const [x, y] = [(event.clientX - left) / across, (event.clientY - top) / down];
  cancelAnimationFrame(flight);
  set(w / 2 - x * camera.k, h / 2 - y * camera.k, camera.k);
}
map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); moveTo(event); });
map.addEventListener("pointermove", (event) => { if (map.hasPointerCapture(event.pointerId)) moveTo(event); });
