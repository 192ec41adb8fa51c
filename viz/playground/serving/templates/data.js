// The column of the data: which points, how many, how noisy; points of one's own.
import { el, select, slider } from "./dom.js";

const NAMES = { circles: "Circles", rings: "Rings", xor: "Exclusive or", gaussians: "Gaussians", spirals: "Spirals", moons: "Moons", plane: "Plane", bumps: "Bumps" };
const LARGEST = 5_000_000;

export function dataColumn(app) {
  const { controls, thumbnails, kinds } = app.hello;
  const choices = el("div", { class: "choices", role: "group", "aria-label": "Data set" });
  const buttons = new Map();
  for (const name of Object.keys(thumbnails)) {
    const canvas = el("canvas", { width: 96, height: 96, "aria-hidden": "true" });
    const button = el("button", { type: "button", "data-name": name, "aria-pressed": "false", onclick: () => app.set({ data: name }) }, canvas, el("span", {}, NAMES[name] ?? name));
    buttons.set(name, [button, canvas]);
    choices.append(button);
  }
  const sliders = {};
  const made = ["share", "noise", "samples", "batch"].map((name) => {
    const [field, set] = slider(controls[name].label, controls[name], controls[name].unit ?? "", (value) => app.set({ [name]: value }));
    field.querySelector("input").dataset.name = name;
    sliders[name] = [set, field];
    return field;
  });
  const seed = el("input", { type: "number", min: 0, max: 4294967295, step: 1, "data-name": "data_seed", onchange: () => app.set({ data_seed: Number(seed.value) }) });
  const regenerate = el("button", { type: "button", class: "wide", onclick: () => app.set({ data_seed: (app.scene.settings.data_seed + 1) % 4294967296 }) }, "Regenerate");
  const drawing = el("button", { type: "button", class: "wide", "aria-pressed": "false", onclick: () => app.drawPoints() }, "Draw points");
  const file = el("input", { type: "file", accept: ".csv,.tsv,.txt,text/csv,text/plain", class: "hidden-input", id: `file-${Math.random().toString(36).slice(2)}`, onchange: () => open(file.files[0]) });
  const said = el("p", { class: "small", role: "status" });

  async function open(given) {
    if (!given) return;
    if (given.size > LARGEST) app.complain(`${given.name} has ${(given.size / 1e6).toFixed(0)} MB; ${LARGEST / 1e6} MB are the limit here. Take some of its lines: 2,000 points are shown at most.`);
    else app.send({ type: "table", text: await given.text() });
    file.value = "";
  }
  const firstOf = (kind) => Object.keys(kinds).find((name) => kinds[name] === kind);
  const [problemField, problem] = select("Problem", ["classification", "regression"], "", (value) => app.set({ data: firstOf(value) }), { "data-name": "problem" });
  const element = el("section", { class: "column data", "aria-label": "Data" }, el("h2", {}, "Data"),
    problemField, choices, ...made,
    el("label", { class: "field" }, el("span", {}, "Seed of the data"), seed), regenerate,
    el("h3", {}, "Your own"), drawing, file, el("label", { class: "wide button", for: file.id }, "Open a CSV"), said);

  function thumbnail(canvas, points) {
    const context = canvas.getContext("2d"), size = canvas.width;
    context.clearRect(0, 0, size, size);
    for (const [x, y, t] of points) {
      context.fillStyle = app.colours.css(t);
      context.beginPath();
      context.arc(((x + 6.5) / 13) * size, ((6.5 - y) / 13) * size, 3, 0, 7);
      context.fill();
    }
  }
  return {
    element,
    say(text) { said.textContent = text; },
    theme() { for (const [name, [, canvas]] of buttons) thumbnail(canvas, thumbnails[name]); },
    scene({ settings, problem: kind }) {
      problem.value = kind;
      for (const [name, [button]] of buttons) {
        button.setAttribute("aria-pressed", String(settings.data === name));
        button.hidden = kinds[name] !== kind;
      }
      for (const [name, [set]] of Object.entries(sliders)) set(settings[name]);
      const own = settings.data === "own";
      for (const name of ["noise", "samples"]) sliders[name][1].hidden = own;
      regenerate.hidden = own;
      if (!own) said.textContent = "";
      if (document.activeElement !== seed) seed.value = settings.data_seed;
    },
    drawing(on) { drawing.setAttribute("aria-pressed", String(on)); },
  };
}
