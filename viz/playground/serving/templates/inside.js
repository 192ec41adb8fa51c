// Look inside: the derivation of a gradient, the graph of the batch, one sample step by step, the layers, the surface
// of the loss, and the training as a program. Each is asked for when it is opened, of the state that is shown.
import { el, grouped, keep, number, svg } from "./dom.js";
import { nameOf, parts } from "./network.js";

const TABS = [["derivation", "A gradient"], ["graph", "This batch"], ["sample", "One sample"], ["layers", "Layers"], ["surface", "Loss surface"], ["script", "Program"]];

export function inside(app) {
  const tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Look inside" });
  const panel = el("div", { class: "panel", role: "tabpanel", id: `panel-${Math.random().toString(36).slice(2)}`, tabindex: "0" });
  const stale = el("p", { class: "small stale", role: "status", hidden: true }, el("span", {}), " ", el("button", { type: "button", onclick: () => ask(chosen) }, "Show the present state"));
  const element = el("section", { class: "inside", "aria-label": "Look inside" },
    el("h2", {}, "Look inside"), el("p", { class: "small" }, "Stops the training, and shows how the engine computes this very state."), tabs, stale, panel);
  let chosen = null, frame = null, asked = 0, place = null, sample = 0, taken = null;

  for (const [name, text] of TABS) {
    const tab = el("button", { type: "button", role: "tab", id: `${panel.id}-${name}`, "aria-selected": "false", "aria-controls": panel.id, tabindex: name === "derivation" ? 0 : -1, "data-tab": name, onclick: () => ask(name) }, text);
    tabs.append(tab);
  }
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...tabs.children], next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    next.focus();
    next.click();
  });

  function ask(name) {
    chosen = name;
    for (const tab of tabs.children) {
      const on = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `${panel.id}-${name}`);
    if (name === "layers") { taken = null; stale.hidden = true; return layers(); }
    app.send({ type: "pause" });
    panel.replaceChildren(el("p", { class: "small" }, "Computing …"));
    const question = { type: "ask", what: name, id: ++asked };
    if (name === "derivation") {
      place ??= { k: 1, i: 0, j: 0 };
      Object.assign(question, { name: nameOf(frame, place.k, place.i === null ? ".bias" : ".weight"), index: place.i === null ? [place.j] : [place.i, place.j], sample });
    }
    if (name === "sample") question.sample = app.sample;
    app.send(question);
  }

  const SHOW = { derivation, graph: pageOf("The graph of this batch's loss: click a layer to open it"), sample: pageOf("Both passes of one sample through the present network, step by step"), surface, script };
  function pageOf(title) {
    return (answer) => {
      const shown = el("iframe", { title, sandbox: "allow-scripts", class: `page ${answer.what}` });
      const said = answer.what === "graph" ? el("p", { class: "small" }, "The graph of the next batch's loss, with values and gradients. Click a layer to open it.")
        : el("p", { class: "small" }, `Training point ${answer.sample + 1}: x₁ = ${number(answer.x1)}, x₂ = ${number(answer.x2)}, target ${number(answer.target)}. Click another point in the picture of the output to step through it. Every number can be changed here.`);
      panel.replaceChildren(said, shown);
      app.showPage(shown, answer);
    };
  }

  function derivation(answer) {
    const { rows, steps } = answer, table = el("table", {}), bias = place.i === null;
    const heads = ["sample", "x₁", "x₂", "target", bias ? "factor" : "input of the weight", "∂L/∂z of its unit", "product"];
    table.append(el("caption", {}, `The gradient is the sum over the samples of the batch: ${bias ? "1" : "input of the weight"} × ∂L/∂z`), el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)))));
    const body = el("tbody", {});
    rows.forEach((row, i) => {
      const pick = el("button", { type: "button", "aria-pressed": String(i === sample), "aria-label": `Derive sample ${i + 1}`, onclick: () => { sample = i; ask("derivation"); } }, `${i + 1}`);
      body.append(el("tr", { class: i === sample ? "chosen" : "" }, el("td", {}, pick), ...[row.x1, row.x2, row.target].map((x) => el("td", {}, number(x))), el("td", { class: "value" }, number(row.input)), el("td", { class: "gradient" }, number(row.upstream)), el("td", { class: "gradient" }, number(row.product))));
    });
    const foot = el("tfoot", {});
    for (const sum of answer.sums) foot.append(el("tr", {}, el("th", { colspan: 6, scope: "row" }, `${sum.title}: `, el("code", {}, sum.formula), sum.note ? el("span", { class: "small" }, ` ${sum.note}`) : null), el("td", { class: "gradient" }, number(sum.value, 4))));
    table.append(body, foot);
    const list = el("ol", { class: "steps" });
    for (const step of steps) list.append(el("li", {}, el("p", {}, step.title), el("code", {}, step.formula), el("code", {}, step.numbers), step.note ? el("p", { class: "small" }, step.note) : null));
    panel.replaceChildren(el("h3", {}, answer.title), el("p", {}, answer.meaning), el("div", { class: "two" },
      el("div", {}, el("h4", {}, `Sample ${sample + 1} of the batch, from the loss back`), list), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The samples of the batch" }, table)));
  }

  function layers() {
    if (!frame || chosen !== "layers") return;
    const { last } = parts(app.scene), most = Math.max(...frame.layers.map(({ flow }) => flow ?? 0)), table = el("table", { class: "layer-table" });
    table.append(el("caption", {}, "The size of the gradients in each layer (root of the mean square), while it trains"), el("thead", {}, el("tr", {}, ...["layer", "gradient", "its size", "units that pass nothing on"].map((text) => el("th", { scope: "col" }, text)))));
    const body = el("tbody", {});
    frame.layers.forEach(({ flow, dead, saturated }, i) => {
      // ten powers of ten below the largest is an empty bar
      const share = flow && most ? Math.max(0, 1 + Math.log10(flow / most) / 10) : 0, bar = el("i", { class: "bar" });
      bar.style.width = `${(100 * share).toFixed(1)}%`;
      const said = [dead.length ? `${dead.length} dead: ${dead.map((j) => j + 1).join(", ")}` : "", saturated !== null ? `${(100 * saturated).toFixed(0)} % of the outputs are saturated` : ""].filter(Boolean).join("; ");
      body.append(el("tr", {}, el("th", { scope: "row" }, i + 1 === last ? "output" : `${i + 1}`), el("td", { class: "gradient" }, number(flow)), el("td", { class: "bar-cell" }, bar), el("td", {}, said || "none")));
    });
    table.append(body);
    panel.replaceChildren(table, el("p", { class: "small" }, "The bars are logarithmic: a tenth of the width is a factor of 10. Gradients that shrink from layer to layer on the way back are vanishing gradients."));
  }

  function surface(answer) {
    const canvas = el("canvas", { class: "surface", role: "img", "aria-label": `The training loss around the present weights, from ${number(answer.lowest)} to ${number(answer.highest)}` });
    const n = answer.b.length, m = answer.a.length;
    canvas.width = m; canvas.height = n;
    const context = canvas.getContext("2d"), image = context.createImageData(m, n);
    const finite = answer.loss.flat().filter((x) => x !== null).sort((a, b) => a - b);
    const levels = Array.from({ length: 12 }, (_, i) => finite[Math.floor((i / 12) * (finite.length - 1))]);
    const style = getComputedStyle(app.root), [from, to] = ["--surface-low", "--surface-high"].map((name) => style.getPropertyValue(name).trim().split(/\s+/).map(Number));
    answer.loss.forEach((row, r) => row.forEach((x, c) => {
      const share = x === null ? 1 : levels.filter((level) => level <= x).length / levels.length, at = 4 * ((n - 1 - r) * m + c);
      for (let i = 0; i < 3; i++) image.data[at + i] = from[i] + (to[i] - from[i]) * share;
      image.data[at + 3] = 255;
    }));
    context.putImageData(image, 0, 0);
    const [a0, a1, b0, b1] = [answer.a[0], answer.a.at(-1), answer.b[0], answer.b.at(-1)];
    const at = ([x, y]) => [((x - a0) / (a1 - a0)) * 100, 100 - ((y - b0) / (b1 - b0)) * 100];
    const over = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", class: "over", "aria-hidden": "true" });
    if (answer.path) over.append(svg("polyline", { class: "path-edge", points: answer.path.map((p) => at(p).join(",")).join(" ") }), svg("polyline", { class: "path", points: answer.path.map((p) => at(p).join(",")).join(" ") }));
    const dot = (p, name) => { const mark = el("i", { class: name, "aria-hidden": "true" }); const [x, y] = at(p); mark.style.left = `${x}%`; mark.style.top = `${y}%`; return mark; };
    const box = el("div", { class: "surface-box" }, canvas, over, ...(answer.path ? [dot(answer.path[0], "start")] : []), dot([0, 0], "here"));
    const words = answer.path ? `The plane is the one in which the weights have moved most; it holds ${(100 * answer.explained).toFixed(0)} % of their way. The circle is the start, the star the present.` : "The plane is spanned by two random directions; the star is the present. After three epochs it shows the path.";
    panel.replaceChildren(el("h3", {}, "The training loss around the present weights"), box, el("p", { class: "small" }, `Light is low: from ${number(answer.lowest)} to ${number(answer.highest)}. ${words}`));
  }

  function script(answer) {
    const say = el("span", { class: "small", role: "status" });
    panel.replaceChildren(el("p", { class: "small" }, "This program builds the same data and network, trains them for the same steps, and prints the same numbers."),
      el("div", { class: "buttons" },
        el("button", { type: "button", onclick: async () => { await navigator.clipboard.writeText(answer.text); say.textContent = "copied"; } }, "Copy"),
        el("button", { type: "button", "data-name": "keep-script", onclick: () => keep("playground.py", answer.text, "text/x-python") }, "Keep as playground.py"),
        el("button", { type: "button", "data-name": "keep-notebook", onclick: () => keep("playground.ipynb", answer.notebook, "application/json") }, "Keep as a notebook"), say),
      el("pre", { tabindex: "0", role: "region", "aria-label": "Program" }, el("code", {}, answer.text)));
  }

  return {
    element, ask,
    derive(given) { place = { ...given }; sample = 0; ask("derivation"); element.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" }); },
    answer(message) {
      if (message.id !== asked || message.what !== chosen) return;
      SHOW[message.what](message);
      taken = message.at;
      stale.hidden = true;
    },
    error(message) { if (message.id === asked) panel.replaceChildren(el("p", { class: "small" }, message.message)); },
    scene() { place = null; sample = 0; if (chosen && chosen !== "layers") stale.hidden = false, stale.firstChild.textContent = "This was another training."; },
    frame(given) {
      frame = given;
      if (chosen === "layers") layers();
      else if (taken !== null && chosen) {
        stale.hidden = taken === frame.steps;
        stale.firstChild.textContent = `This is the state after ${grouped(taken)} batches; the network has seen ${grouped(frame.steps)}.`;
      }
    },
  };
}
