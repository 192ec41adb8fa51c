// The page: it draws what the engine sends and asks for what the reader wants. It computes nothing of the training.
import { card } from "./card.js";
import { Colours } from "./colours.js";
import { dataColumn } from "./data.js";
import { el } from "./dom.js";
import { inside } from "./inside.js";
import { lessons } from "./lessons.js";
import { networkColumn, parts } from "./network.js";
import { outputColumn } from "./output.js";
import { timeline } from "./timeline.js";
import { toolbar } from "./toolbar.js";

// `host` has what differs between the server's page and a notebook: showPage, onAddress, whenMoved
export function start(root, transport, host) {
  const app = { root, hello: null, scene: null, latest: null, colours: new Colours(root), drawn: null, showTest: false, discrete: false, sample: 0, inputs: null };
  const tip = el("div", { class: "tip", hidden: true });
  const trouble = el("div", { class: "trouble", role: "alert" });
  const state = el("div", { class: "state", role: "status" });
  let views = [], output = null, data = null, look = null, opened = null, waiting = null;

  Object.assign(app, {
    send: (message) => transport.send(message),
    showPage: host.showPage,
    set(settings) {
      // the lists of points of one's own are long, and are sent only where they are what is trained on
      app.send({ type: "set", settings });
    },
    rate(value) {
      if (app.latest && app.latest.steps > 0) app.send({ type: "change", name: "rate", index: [], value });
      else app.set({ rate: value });
    },
    toggle() { app.send({ type: app.latest?.playing ? "pause" : "play" }); },
    show(layer, unit = null) { app.send({ type: "show", layer, unit }); },
    open(place, at) { app.tip(null); opened.open(place, at, app.scene); },
    derive(place) { opened.hide(false); look.derive(place); },
    nameOf(layer, unit) { const text = parts(app.scene).title(layer, unit); return text[0].toUpperCase() + text.slice(1); },
    paintInput(canvas, i) { const { small } = app.hello; app.colours.paint(canvas, app.inputs.subarray(i * small * small, (i + 1) * small * small), small); },
    complain(text) { trouble.replaceChildren(el("p", {}, text), el("button", { type: "button", class: "small-round", "aria-label": "Close the message", onclick: () => trouble.replaceChildren() }, "×")); },
    tip(text, at) {
      tip.hidden = text === null;
      if (text === null) return;
      tip.textContent = text;
      const box = root.getBoundingClientRect(), near = at.getBoundingClientRect();
      tip.style.left = `${Math.min(box.width - tip.offsetWidth - 8, Math.max(8, near.left + near.width / 2 - box.left - tip.offsetWidth / 2))}px`;
      tip.style.top = `${near.top + near.height / 2 - box.top + 12}px`;
    },
    drawPoints(on = app.drawn === null) {
      app.drawn = on ? (app.scene.settings.data === "own" ? app.scene.settings.points.map((row) => [...row]) : []) : null;
      if (on) app.send({ type: "pause" });
      data.drawing(on);
      output.drawing(on);
    },
    setPoints(points) {
      app.drawn = points;
      output.points();
      if (points.length >= 4 && new Set(points.map((row) => row[2])).size > 1) app.set({ data: "own", points });
    },
    chooseSample(i) {
      app.sample = i;
      output.mark(app.scene.train[i]);
      look.ask("sample");
    },
  });

  function build(hello, pictures) {
    app.hello = hello;
    app.inputs = pictures;
    [data, output, look, opened] = [dataColumn(app), outputColumn(app), inside(app), card(app)];
    const bar = toolbar(app), net = networkColumn(app), course = timeline(app), taught = lessons(app);
    const keepButton = el("button", { type: "button", "aria-pressed": "false", title: "Keep this run, start again, and see both", onclick: () => app.send({ type: app.scene.kept ? "drop" : "keep" }) }, "Compare");
    const linkSaid = el("span", { class: "small", role: "status" });
    const link = el("button", { type: "button", title: host.linkTitle ?? "The address holds the whole state", onclick: async () => { await navigator.clipboard.writeText(host.link?.(app) ?? location.href); linkSaid.textContent = "copied"; setTimeout(() => { linkSaid.textContent = ""; }, 2000); } }, "Copy link");
    const settings = more(app);
    root.replaceChildren(
      el("header", {}, el("h1", {}, "Train a small network. ", el("em", {}, "Stop. Look inside.")), el("div", { class: "buttons" }, taught.element, keepButton, link, linkSaid)),
      trouble, state, taught.told,
      el("main", {}, bar.element, el("div", { class: "board" }, data.element, el("div", { class: "middle" }, net.element, course.element, settings.element), output.element), look.element),
      opened.element, tip);
    views = [bar, data, net, output, course, look, settings, opened, { scene: ({ kept }) => { keepButton.setAttribute("aria-pressed", String(Boolean(kept))); keepButton.textContent = kept ? "End the comparison" : "Compare"; } }];
    data.theme();
    root.dataset.ready = "";
  }

  const each = (what, ...given) => { for (const view of views) view[what]?.(...given); };
  const RECEIVE = {
    hello: build,
    scene(scene) {
      app.scene = scene;
      app.latest = null;
      if (waiting) { waiting = null; app.send({ type: "seen" }); } // it was of the training before
      app.sample = Math.min(app.sample, scene.train.length - 1);
      if (app.drawn && scene.settings.data !== "own") app.drawPoints(false);
      opened.hide(false);
      app.tip(null);
      each("scene", scene);
    },
    frame(frame, pictures) {
      // drawn when the screen is, and only the latest; the engine makes the next one when this one is drawn
      waiting = [frame, pictures];
      requestAnimationFrame(() => {
        if (!waiting) return;
        const [now, bytes] = waiting;
        waiting = null;
        app.latest = now;
        app.bytes = bytes;
        each("frame", now, bytes);
        if (!now.hurry) host.onAddress(now.address, now.playing);
        root.dataset.steps = now.steps;
        app.send({ type: "seen" });
      });
    },
    answer: (message) => look.answer(message),
    said: (message) => data.say(message.message),
    error(message) { if (message.about === "ask") look.error(message); else app.complain(message.message); },
  };
  transport.onMessage = (message, pictures) => RECEIVE[message.type]?.(message, pictures);
  transport.onState = (now, reason) => {
    const texts = { open: "", waiting: "The connection is lost; trying again …", lost: "The playground has ended. Start it again in the terminal, and open its new address.", full: reason };
    const text = texts[now] ?? "";
    state.replaceChildren(...(text ? [el("p", {}, text)] : []));
    if (now === "lost") state.append(el("button", { type: "button", onclick: () => transport.again() }, "Try again"));
    if (now === "open") setTimeout(() => app.send({ type: "seen" }));
  };
  host.whenMoved((address) => {
    if (address.replace(/^#/, "") !== app.latest?.address) app.send({ type: "open", address });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  function repaint() {
    app.colours.read();
    if (!app.hello) return;
    each("theme");
    output.points();
    if (app.latest) each("frame", app.latest, app.bytes);
  }
  return { app, repaint };
}

// further settings of the network
function more(app) {
  const { controls } = app.hello, fields = {};
  const initial = el("select", { "data-name": "initial", onchange: () => app.set({ initial: initial.value }) }, ...controls.initial.choices.map((name) => el("option", { value: name }, name)));
  const dropout = el("select", { "data-name": "dropout", onchange: () => app.set({ dropout: Number(dropout.value) }) }, ...[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8].map((p) => el("option", { value: p }, String(p))));
  const seed = el("input", { type: "number", min: 0, max: 4294967295, step: 1, "data-name": "seed", onchange: () => app.set({ seed: Number(seed.value) }) });
  fields.initial = initial;
  fields.dropout = dropout;
  const element = el("div", { class: "more" },
    el("label", { class: "field" }, el("span", {}, controls.initial.label), initial), el("label", { class: "field" }, el("span", {}, controls.dropout.label), dropout),
    el("label", { class: "field" }, el("span", {}, controls.seed.label), seed),
    el("button", { type: "button", onclick: () => app.set({ seed: (app.scene.settings.seed + 1) % 4294967296 }) }, "Other weights"));
  return {
    element,
    scene({ settings }) {
      initial.value = settings.initial;
      if (![...dropout.options].some((option) => Number(option.value) === settings.dropout)) dropout.append(el("option", { value: settings.dropout }, String(settings.dropout)));
      dropout.value = String(settings.dropout);
      if (document.activeElement !== seed) seed.value = settings.seed;
    },
  };
}
