// The beginning: as many modules are open as can be read in the window, or as many as were asked for.

function openReadable(depth) {
  for (;;) {
    const found = closedNow(), outer = Math.min(...found.map((part) => around(part).length));
    const next = found.filter((part) => around(part).length === outer && (depth === null || outer < depth));
    if (!next.length) return;
    for (const part of next) open.add(part);
    refresh();
    if (depth !== null || (fitting(whole()) >= LEGIBLE && boxes() <= 60)) continue;
    for (const part of next) open.delete(part);
    return refresh();
  }
}

async function begin() {
  const { depth, start, ...data } = await unpack();
  down = data.down;
  arrange(0);
  show(0);
  world.append(drawn[0].group);
  openReadable(depth);
  overview(true);
  choose([...levels[0].nodes.keys()].reverse().find((id) => partOf(id) >= 0), false, false);
  pin(0);
  if (start) reveal(start);
  showMap();
  performance.mark("ready");
  root.dataset.ready = "";
}

const onClick = (id, act) => document.getElementById(id).addEventListener("click", act);
onClick("smaller", () => zoomMiddle(0.8));
onClick("larger", () => zoomMiddle(1.25));
onClick("fit", fit);
onClick("open", openMore);
onClick("close", closeAll);
new ResizeObserver(() => { measure(); if (arranged[0]) { set(camera.x, camera.y, camera.k); showMap(); } }).observe(stage);
measure();
begin();
