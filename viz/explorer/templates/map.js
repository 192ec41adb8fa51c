// The map: the whole world in a corner, and in it the window, which can be dragged.

const map = document.getElementById("map"), chart = map.querySelector("canvas"), view = document.getElementById("view");
const NARROWEST = 36; // of a very long picture
let [mapX, mapY] = [1, 1]; // scales

function showMap() {
  const { w, h } = whole(), dense = devicePixelRatio || 1, room = getComputedStyle(map);
  const scale = Math.min(parseFloat(room.maxWidth) / w, parseFloat(room.maxHeight) / h);
  [mapX, mapY] = [Math.max(scale, NARROWEST / w), Math.max(scale, NARROWEST / h)];
  [chart.width, chart.height] = [Math.ceil(w * mapX * dense), Math.ceil(h * mapY * dense)];
  map.style.width = `${w * mapX}px`;
  map.style.height = `${h * mapY}px`;
  const paint = chart.getContext("2d");
  const [cluster, frame, text, outline] = ["cluster", "frame", "text", "outline"].map(colour);
  paint.scale(mapX * dense, mapY * dense);
  paint.lineWidth = 1 / Math.max(mapX, mapY);
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
      paint.fillRect(x + box.x, y + box.y, Math.max(box.w, 1 / mapX), Math.max(box.h, 1 / mapY));
    }
  }
  showView();
}

function showView() {
  const { w, h } = size(), { x, y, k } = camera, limit = (at, most) => Math.min(Math.max(at, 0), most);
  const all = whole(), [left, top] = [limit(-x / k, all.w), limit(-y / k, all.h)];
  const [right, bottom] = [limit((w - x) / k, all.w), limit((h - y) / k, all.h)];
  map.classList.toggle("gone", (right - left) * (bottom - top) > 0.98 * all.w * all.h); // all is in the window
  view.style.transform = `translate(${left * mapX}px, ${top * mapY}px)`;
  view.style.width = `${(right - left) * mapX}px`;
  view.style.height = `${(bottom - top) * mapY}px`;
}

function moveTo(event) {
  const { left, top } = map.getBoundingClientRect(), { w, h } = size();
  const [x, y] = [(event.clientX - left) / mapX, (event.clientY - top) / mapY];
  cancelAnimationFrame(flight);
  set(w / 2 - x * camera.k, h / 2 - y * camera.k, camera.k);
}
map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); moveTo(event); });
map.addEventListener("pointermove", (event) => { if (map.hasPointerCapture(event.pointerId)) moveTo(event); });
