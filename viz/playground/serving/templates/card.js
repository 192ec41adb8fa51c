// The card of a weight or a bias: its value, which can be changed, and its gradient, which can be derived.
import { el, number } from "./dom.js";
import { nameOf, parts } from "./network.js";

export function card(app) {
  const title = el("h3", {}), value = el("input", { type: "number", step: "any", "aria-label": "Value" }), slope = el("output", {});
  const derive = el("button", { type: "button", class: "wide", onclick: () => app.derive(place) }, "Derive this gradient");
  const close = el("button", { type: "button", class: "small-round", "aria-label": "Close", onclick: () => hide(true) }, "×");
  const element = el("div", { class: "card", role: "dialog", "aria-label": "A number of the network", hidden: true }, close, title,
    el("label", {}, "Value ", value), el("p", {}, "Gradient of the next batch's loss ", slope), derive);
  let place = null, anchor = null, frame = null;

  const kind = () => (place.i === null ? ".bias" : ".weight");
  const index = () => (place.i === null ? [place.j] : [place.i, place.j]);
  const pick = (of) => index().reduce((x, i) => x?.[i], of[nameOf(frame, place.k, kind())]);
  value.addEventListener("change", () => {
    const given = Number(value.value);
    if (value.value !== "" && Number.isFinite(given)) app.send({ type: "change", name: nameOf(frame, place.k, kind()), index: index(), value: given });
  });
  element.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); hide(true); } });

  function hide(refocus) {
    if (element.hidden) return;
    element.hidden = true;
    if (refocus) anchor?.focus();
  }
  function fill() {
    if (!place || !frame || element.hidden) return;
    const now = pick(frame.weights);
    if (now === undefined) return hide(false);
    if (document.activeElement !== value) value.value = Number(now.toPrecision(6));
    slope.textContent = number(pick(frame.gradients), 4);
  }
  return {
    element, hide,
    get place() { return place; },
    name: () => [nameOf(frame, place.k, kind()), index()],
    open(given, at, scene) {
      [place, anchor] = [given, at];
      const { title: called } = parts(scene);
      title.textContent = given.i === null ? `Bias of ${called(given.k, given.j)}` : `Weight from ${called(given.k - 1, given.i)} to ${called(given.k, given.j)}`;
      element.hidden = false;
      fill();
      const box = app.root.getBoundingClientRect(), near = at.getBoundingClientRect(), wide = element.offsetWidth;
      const left = Math.min(box.width - wide - 8, Math.max(8, near.left + near.width / 2 - box.left - wide / 2));
      element.style.left = `${left}px`;
      element.style.top = `${Math.max(8, near.top + Math.min(near.height, 60) / 2 - box.top + 14)}px`;
      value.focus();
      value.select();
    },
    frame(given) { frame = given; fill(); },
  };
}
