// The network: inputs, hidden units and the output, each with its picture; lines as thick as weights, dashed below 0.
import { el, number, svg } from "./dom.js";

const WEIGHT = 5; // pixels of a line for a weight of 1
const TEXTS = { "x1": "x₁", "x2": "x₂", "x1^2": "x₁²", "x2^2": "x₂²", "x1x2": "x₁x₂", "sin(x1)": "sin x₁", "sin(x2)": "sin x₂" };
export const inputText = (name) => TEXTS[name] ?? name;

// the places of things in the arrays of a frame: layer 0 has the inputs, and weights of layer k lead to its units
export function parts(scene) {
  const { inputs, layers } = scene.settings, widths = [inputs.length, ...layers, 1];
  const title = (k, j) => k === 0 ? `input ${inputText(inputs[j])}` : k === widths.length - 1 ? "the output" : `unit ${j + 1} of layer ${k}`;
  return { widths, last: widths.length - 1, title };
}
export const nameOf = (frame, k, kind) => Object.keys(frame.weights).filter((name) => name.endsWith(kind))[k - 1];

export function networkColumn(app) {
  const lines = svg("svg", { class: "lines", role: "group", "aria-label": "Weights: arrow keys move between them, Enter opens one" });
  const columns = el("div", { class: "columns" });
  const area = el("div", { class: "area", tabindex: "-1" }, lines, columns);
  const layersText = el("span", { class: "layers-text" });
  const fewer = el("button", { type: "button", class: "small-round", "aria-label": "Remove the last hidden layer", onclick: () => resize(-1) }, "−");
  const more = el("button", { type: "button", class: "small-round", "aria-label": "Add a hidden layer", onclick: () => resize(1) }, "+");
  const sample = (kind, text) => el("span", {}, svg("svg", { viewBox: "0 0 34 10", "aria-hidden": "true" }, svg("path", { class: `line ${kind}`, d: "M0 5h34", "stroke-width": 3 })), ` ${text}`);
  const legend = el("p", { class: "small legend-lines" }, sample("above", "positive weight"), sample("below", "negative weight"), "The thicker, the larger. Click a line or a unit to change it, and to see its gradient derived.");
  const element = el("section", { class: "column network", "aria-label": "Network" },
    el("div", { class: "heads" }, el("h2", {}, "Network"), el("div", { class: "depth", role: "group", "aria-label": "Hidden layers" }, fewer, more, layersText)),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Network, to scroll" }, area), legend);
  let tiles = [], flows = [], links = [], scene = null, frame = null, current = null, shape = "";

  function resize(by) {
    const { layers, activations } = scene.settings, most = app.hello.most;
    const next = by > 0 ? [...layers, layers.at(-1) ?? 4] : layers.slice(0, -1);
    if (next.length <= most.layers) app.set({ layers: next, activations: by > 0 ? [...activations, activations.at(-1) ?? "tanh"] : activations.slice(0, -1) });
  }
  function units(k, by) {
    const layers = [...scene.settings.layers];
    layers[k - 1] = Math.min(app.hello.most.units, Math.max(1, layers[k - 1] + by));
    app.set({ layers });
  }

  // ------------------------------------------------------------------ built anew when the shape changes
  function build() {
    const { widths, last, title } = parts(scene), { inputs, layers, activations } = scene.settings;
    const all = app.hello.controls.inputs.choices;
    tiles = widths.map(() => []);
    columns.replaceChildren();
    flows = [];
    const flow = () => flows[flows.push(el("p", { class: "flow", title: "the size of the gradients of the layer's weights" })) - 1];
    const tile = (k, j, text, attributes = {}) => {
      const canvas = el("canvas", { width: 32, height: 32, "aria-hidden": "true" });
      const button = el("button", { type: "button", class: "unit", ...attributes }, canvas);
      if (j !== null) {
        button.addEventListener("pointerenter", () => app.show(k, j));
        button.addEventListener("pointerleave", () => app.show(null));
        button.addEventListener("focus", () => app.show(k, j));
        button.addEventListener("blur", () => app.show(null));
        tiles[k][j] = { button, canvas };
      }
      return el("div", { class: "row" }, text === null ? null : el("span", { class: "name" }, text), button);
    };
    const first = el("div", { class: "layer inputs" }, el("h3", {}, "Inputs"), el("div", { class: "layer-controls" }), el("p", { class: "flow" }));
    for (const name of all) {
      const j = inputs.indexOf(name), on = j >= 0;
      const row = tile(0, on ? j : null, inputText(name), {
        "aria-pressed": String(on), "aria-label": `Input ${inputText(name)}`, "data-input": name,
        onclick: () => {
          const next = all.filter((each) => (each === name ? !on : inputs.includes(each)));
          if (next.length) app.set({ inputs: next }); else app.complain("A network needs one input at least.");
        },
      });
      if (!on) app.paintInput(row.querySelector("canvas"), all.indexOf(name));
      row.classList.toggle("off", !on);
      first.append(row);
    }
    columns.append(first);
    layers.forEach((n, i) => {
      const k = i + 1;
      const activation = el("select", { "aria-label": `Activation of layer ${k}`, "data-layer": k, onchange: () => app.set({ activations: activations.map((each, l) => (l === i ? activation.value : each)) }) },
        ...app.hello.controls.activations.choices.map((name) => el("option", { value: name }, name)));
      activation.value = activations[i];
      const column = el("div", { class: "layer" }, el("h3", {}, `Layer ${k}`),
        el("div", { class: "layer-controls" },
          el("button", { type: "button", class: "small-round", "aria-label": `Remove a unit of layer ${k}`, onclick: () => units(k, -1) }, "−"),
          el("span", {}, `${n}`), el("button", { type: "button", class: "small-round", "aria-label": `Add a unit to layer ${k}`, onclick: () => units(k, 1) }, "+")), activation, flow());
      for (let j = 0; j < n; j++) column.append(tile(k, j, null, { "aria-label": `Unit ${j + 1} of layer ${k}`, onclick: (event) => app.open({ k, i: null, j }, event.currentTarget) }));
      columns.append(column);
    });
    const end = el("div", { class: "layer" }, el("h3", {}, "Output"), el("div", { class: "layer-controls" }), flow());
    end.append(tile(last, 0, null, { "aria-label": "The output", onclick: (event) => app.open({ k: last, i: null, j: 0 }, event.currentTarget) }));
    columns.append(end);

    lines.replaceChildren();
    links = [];
    for (let k = 1; k <= last; k++)
      for (let j = 0; j < widths[k]; j++)
        for (let i = 0; i < widths[k - 1]; i++) {
          const path = svg("path", { class: "line" }), wide = svg("path", { class: "hit", tabindex: links.length ? -1 : 0, role: "button" });
          const link = { k, i, j, path, wide, from: title(k - 1, i), to: title(k, j) };
          wide.addEventListener("click", () => { focus(link); app.open({ k, i, j }, wide); });
          wide.addEventListener("keydown", (event) => key(event, link));
          wide.addEventListener("focus", () => { tell(link); path.classList.add("active"); });
          wide.addEventListener("blur", () => { app.tip(null); path.classList.remove("active"); });
          wide.addEventListener("pointerenter", () => { tell(link); path.classList.add("active"); });
          wide.addEventListener("pointerleave", () => { app.tip(null); path.classList.remove("active"); });
          lines.append(path, wide);
          links.push(link);
        }
    current = links[0];
    layersText.textContent = `${layers.length} hidden layer${layers.length === 1 ? "" : "s"}`;
    fewer.disabled = !layers.length;
    more.disabled = layers.length >= app.hello.most.layers;
    requestAnimationFrame(place);
  }

  function place() {
    const box = area.getBoundingClientRect();
    lines.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    for (const link of links) {
      const a = tiles[link.k - 1][link.i].button.getBoundingClientRect(), b = tiles[link.k][link.j].button.getBoundingClientRect();
      const spread = (b.height - 10) / Math.max(1, tiles[link.k - 1].length);
      const [x, y, to] = [a.right - box.left, a.top + a.height / 2 - box.top, b.left - box.left];
      const end = b.top - box.top + 5 + spread * (link.i + 0.5), middle = (x + to) / 2;
      const d = `M${x} ${y}C${middle} ${y} ${middle} ${end} ${to} ${end}`;
      link.path.setAttribute("d", d);
      link.wide.setAttribute("d", d);
    }
  }

  // ------------------------------------------------------------------ keys and texts
  const values = ({ k, i, j }) => [frame.weights, frame.gradients].map((of) => of[nameOf(frame, k, ".weight")]?.[i]?.[j]);
  function tell(link) {
    if (!frame) return;
    const [w, g] = values(link);
    app.tip(`${link.from} → ${link.to}: weight ${number(w)}, gradient ${number(g)}`, link.wide);
  }
  function focus(link) {
    current?.wide.setAttribute("tabindex", "-1");
    current = link;
    link.wide.setAttribute("tabindex", "0");
  }
  function key(event, link) {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); app.open({ k: link.k, i: link.i, j: link.j }, link.wide); return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], layer = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step && !layer) return;
    event.preventDefault();
    const at = links.indexOf(link);
    const next = step ? links[(at + step + links.length) % links.length] : links.find((each) => each.k === link.k + layer);
    if (next) { focus(next); next.wide.focus(); }
  }

  new ResizeObserver(() => place()).observe(area);
  return {
    element,
    scene(given) {
      scene = given;
      const { inputs, layers, activations } = scene.settings, now = JSON.stringify([inputs, layers, activations]);
      if (now !== shape) { shape = now; frame = null; build(); }
    },
    theme() { if (scene) { const { inputs } = scene.settings; for (const button of columns.querySelectorAll(".off .unit")) if (!inputs.includes(button.dataset.input)) app.paintInput(button.firstChild, app.hello.controls.inputs.choices.indexOf(button.dataset.input)); } },
    frame(given, pictures) {
      frame = given;
      const { small } = scene, { last } = parts(scene);
      let at = 0;
      for (const layer of tiles) for (const { canvas } of layer) app.colours.paint(canvas, pictures.subarray(at, (at += small * small)), small, app.discrete && canvas === tiles[last][0].canvas);
      for (const link of links) {
        const [w, g] = values(link), size = Math.min(14, Math.abs(w) * WEIGHT);
        link.path.setAttribute("stroke-width", (0.6 + size).toFixed(2));
        link.path.setAttribute("class", `line ${w < 0 ? "below" : "above"}${link.path.classList.contains("active") ? " active" : ""}`);
        link.wide.setAttribute("aria-label", `Weight from ${link.from} to ${link.to}: ${number(w)}, gradient ${number(g)}`);
      }
      for (let k = 1; k < tiles.length; k++) {
        const { flow, dead: silent } = frame.layers[k - 1], dead = new Set(silent), biases = frame.weights[nameOf(frame, k, ".bias")];
        flows[k - 1].textContent = `∂ ${number(flow, 2)}${dead.size ? `, ${dead.size} dead` : ""}`;
        tiles[k].forEach(({ button }, j) => {
          button.classList.toggle("dead", dead.has(j));
          button.title = `bias ${number(biases[j])}${dead.has(j) ? "; dead: 0 at all training points, so its weights get no gradient" : ""}`;
          button.style.setProperty("--bias", app.colours.css(biases[j]));
        });
      }
      if (document.activeElement?.classList.contains("hit")) { const link = links.find(({ wide }) => wide === document.activeElement); if (link) tell(link); }
    },
  };
}
