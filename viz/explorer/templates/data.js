// The graph of the page: levels, which are the pictures inside modules, and parts, which are boxes and modules.
//
// It is compressed, so that a notebook with many drawings stays small. `parts[5]` is what is known of part 5, whose box
// is "n5"; part 0 is the whole graph. `levels[5]` is the picture inside part 5.

const parts = [], levels = [], inPicture = new Map(); // the last: for each box of a picture, the level that it is in

async function unpack() {
  const text = atob(document.getElementById("data").textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());
  parts[0] = { label: "the graph", within: -1, opens: true, kind: "graph", inputs: [], uses: [], facts: [] };
  for (const [i, label, kind, within, opens, facts, inputs, uses, value, gradient] of data.parts)
    parts[i] = { label, kind, within, opens, facts, inputs, uses, value, gradient };
  for (const { part, nodes, edges, leads } of data.levels) {
    const level = (levels[part] = { part, nodes: new Map(), edges, leads });
    for (const [id, x, y, w, h, inside] of nodes) {
      level.nodes.set(id, { id, x, y, w, h, inside });
      inPicture.set(id, level);
    }
  }
  return data;
}

const partOf = (id) => (/^n\d+$/.test(id) ? Number(id.slice(1)) : -1); // of a box; -1 for a mark or an operation
const opens = (i) => i >= 0 && Boolean(levels[i]); // whether it can be opened
function around(i) {
  const chain = []; // the modules around a part, the outermost first
  for (let at = parts[i].within; at > 0; at = parts[at].within) chain.unshift(at);
  return chain;
}
const depthOf = (i) => (i > 0 ? around(i).length + 1 : 0);

// in a notebook, its theme (frame.js is the other side)
if (window.name.startsWith("chainrule-") && parent !== window) {
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !data || data.chainrule !== window.name) return;
    document.documentElement.dataset.theme = data.theme === "dark" || data.theme === "light" ? data.theme : "";
    if (arranged[0]) { showMap(); shown = -1; showPanel(pinned); }
  });
  parent.postMessage({ chainrule: window.name }, "*");
}
