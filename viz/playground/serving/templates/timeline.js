// The epochs that were kept: look back at any of them, and go on from there.
import { el, grouped } from "./dom.js";

export function timeline(app) {
  const input = el("input", { type: "range", min: 0, max: 1, value: 1, step: 1, "data-name": "timeline", oninput: () => {
    const at = Number(input.value);
    app.send({ type: "look", epoch: at >= moments.length ? null : moments[at] });
  } });
  const text = el("output", {});
  const back = el("button", { type: "button", hidden: true, onclick: () => app.send({ type: "look", epoch: null }) }, "Back to the present");
  const go = el("button", { type: "button", hidden: true, onclick: () => app.send({ type: "continue" }) }, "Go on from here");
  let moments = [];
  return {
    element: el("div", { class: "timeline" }, el("label", {}, el("span", {}, "Look back "), text, input), go, back),
    frame(frame) {
      moments = frame.moments;
      input.max = moments.length;
      if (!frame.looking) input.value = moments.length;
      text.textContent = frame.looking ? `at epoch ${grouped(frame.epoch)}` : "";
      input.setAttribute("aria-valuetext", frame.looking ? `epoch ${frame.epoch}` : "the present");
      back.hidden = go.hidden = !frame.looking;
    },
  };
}
