// The bar above: run, speed, and how the network learns.
import { el, grouped, number, select, svg } from "./dom.js";

const SPEEDS = [["1 epoch/s", "1"], ["5 epochs/s", "5"], ["20 epochs/s", "20"], ["60 epochs/s", "60"], ["fastest", ""]];
const ICONS = {
  play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  reset: "M12 5V2L7 6l5 4V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z",
  step: "M6 5v14l8-7zM16 5h3v14h-3z", epoch: "M4 5v14l7-7zM11 5v14l7-7zM18 5h2v14h-2z",
};
export const icon = (name) => svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, svg("path", { d: ICONS[name] }));

export function toolbar(app) {
  const { controls } = app.hello;
  const button = (name, label, action, style = "") =>
    el("button", { type: "button", class: `round ${style}`, "aria-label": label, title: label, onclick: action }, icon(name));
  const play = button("play", "Play", () => app.toggle(), "play");
  const epoch = el("output", { class: "epoch", "aria-label": "Epoch" }), batch = el("span", { class: "batch" });
  const [speedField, speed] = select("Speed", SPEEDS, "20", (value) => app.send({ type: "speed", value: value ? Number(value) : null }), { "data-name": "speed" });
  const run = el("div", { class: "run", role: "group", "aria-label": "Run" },
    button("reset", "Start again from the first weights", () => app.send({ type: "reset" })), play,
    button("step", "Train on one batch", () => app.send({ type: "step" })),
    button("epoch", "Train for one epoch", () => app.send({ type: "epoch" })),
    el("div", { class: "count" }, el("span", { class: "small" }, "Epoch"), epoch, batch));

  const fields = {}, made = [];
  const add = (name, options, onchange) => {
    const [field, input] = select(controls[name].label, options, "", onchange ?? ((value) => app.set({ [name]: value })), { "data-name": name });
    fields[name] = input;
    made.push(field);
  };
  add("rate", controls.rate.choices.map((x) => [number(x), x]), (value) => app.rate(Number(value)));
  add("activations", [...controls.activations.choices, ["several", "several"]], (value) => value !== "several" && app.set({ activations: [value] }));
  add("optimizer", controls.optimizer.choices);
  add("schedule", controls.schedule.choices);
  add("penalty", controls.penalty.choices, (value) => app.set({ penalty: value, ...(value !== "none" && app.scene.settings.strength === 0 ? { strength: 0.001 } : {}) }));
  add("strength", controls.strength.choices.map((x) => [number(x), x]));
  const element = el("div", { class: "toolbar", role: "group", "aria-label": "Training" }, run, speedField, ...made);

  // a value that is not in the list, as of an address, is added to it
  function put(input, value, text) {
    const wanted = String(value);
    if (![...input.options].some((option) => option.value === wanted)) input.append(el("option", { value: wanted }, text ?? wanted));
    if (input.value !== wanted) input.value = wanted;
  }
  return {
    element,
    scene({ settings }) {
      for (const name of ["optimizer", "schedule", "penalty", "strength"]) put(fields[name], settings[name], typeof settings[name] === "number" ? number(settings[name]) : undefined);
      const all = new Set(settings.activations);
      put(fields.activations, all.size > 1 ? "several" : [...all][0] ?? "tanh");
      fields.activations.disabled = settings.layers.length === 0;
      fields.strength.disabled = settings.penalty === "none";
    },
    frame(frame) {
      put(fields.rate, frame.chosenRate, number(frame.chosenRate));
      fields.rate.title = frame.rate === frame.chosenRate ? "" : `now ${number(frame.rate)}, by the schedule`;
      const names = frame.playing ? ["pause", "Pause"] : ["play", "Play"];
      if (play.dataset.now !== names[0]) {
        play.dataset.now = names[0];
        play.replaceChildren(icon(names[0]));
        play.setAttribute("aria-label", names[1]);
        play.title = names[1];
      }
      epoch.textContent = grouped(frame.epoch);
      batch.textContent = frame.hurry ? `going to batch ${grouped(frame.hurry)} …` : `batch ${frame.batch} of ${frame.perEpoch}`;
      put(speed, frame.speed ?? "", `${number(frame.speed)} epochs/s`);
    },
  };
}
