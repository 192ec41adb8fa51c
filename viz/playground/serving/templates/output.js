// The output over the plane with the data on it, the losses and their curves; beside them those of a kept run.
import { el, number, svg } from "./dom.js";

export function outputColumn(app) {
  const plane = planeOf(app, "The output over the plane");
  const kept = planeOf(app, "The output of the kept run");
  const caption = el("p", { class: "caption" });
  const train = el("output", { "aria-label": "Training loss" }), test = el("output", { "aria-label": "Test loss" });
  const shares = el("p", { class: "small shares" });
  const curves = curvesOf();
  const toggle = (label, name, onchange) => {
    const input = el("input", { type: "checkbox", "data-name": name, onchange: () => onchange(input.checked) });
    return el("label", { class: "check" }, input, label);
  };
  const scale = el("div", { class: "scale" }, el("span", {}), el("i", { "aria-hidden": "true" }), el("span", {}));
  const classes = el("div", { class: "classes", role: "group", "aria-label": "Class of the points that you draw", hidden: true });
  for (const [c, text] of [[0, "class 0"], [1, "class 1"]]) classes.append(el("button", { type: "button", "aria-pressed": String(c === 1), onclick: () => pick(c) }, text));
  classes.append(el("button", { type: "button", onclick: () => app.setPoints([]) }, "Clear"), el("button", { type: "button", onclick: () => app.drawPoints(false) }, "Done"));
  let chosen = 1;
  const pick = (c) => { chosen = c; [...classes.children].slice(0, 2).forEach((button, i) => button.setAttribute("aria-pressed", String(i === c))); };
  const beside = el("div", { class: "beside", hidden: true }, el("h2", {}, "Kept run"), kept.element, el("p", { class: "losses" }), el("p", { class: "small differs" }));
  const element = el("section", { class: "column output", "aria-label": "Output" }, el("div", {}, el("h2", {}, "Output"),
    el("div", { class: "losses" }, el("div", {}, "Training loss ", train), el("div", { class: "test" }, "Test loss ", test)), curves.element, shares,
    caption, plane.element, scale, classes,
    toggle("Show test data", "show-test", (on) => { app.showTest = on; points(); }), toggle("Only the sign of the output", "discrete", (on) => { app.discrete = on; again(); })), beside);
  let scene = null, frame = null, pictures = null;

  function points() {
    if (!scene) return;
    for (const each of [plane, kept]) each.points(app.drawn ?? scene.train, app.drawn ? [] : app.showTest ? scene.test : [], scene.problem === "regression" ? scaleOf() : 1);
  }
  const scaleOf = () => Math.max(...scene.train.map(([, , y]) => Math.abs(y)), 1e-9);
  function again() { if (frame) show(frame, pictures); }

  plane.element.addEventListener("click", (event) => {
    const box = plane.element.getBoundingClientRect(), reach = scene.reach;
    const x = ((event.clientX - box.left) / box.width) * 2 * reach - reach, y = reach - ((event.clientY - box.top) / box.height) * 2 * reach;
    if (app.drawn) app.setPoints([...app.drawn, [x, y, event.shiftKey ? 1 - chosen : chosen]]);
    else app.chooseSample(nearest(scene.train, x, y));
  });
  // the keyboard's way: arrow keys move a cross, Enter puts a point there
  const cross = { x: 0, y: 0 };
  plane.element.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (move) { cross.x = Math.max(-6, Math.min(6, cross.x + move[0] * 0.5)); cross.y = Math.max(-6, Math.min(6, cross.y + move[1] * 0.5)); plane.cross(cross); }
    else if (event.key === "Enter" || event.key === " ") app.drawn ? app.setPoints([...app.drawn, [cross.x, cross.y, chosen]]) : app.chooseSample(nearest(scene.train, cross.x, cross.y));
    else return;
    event.preventDefault();
  });
  plane.element.addEventListener("blur", () => plane.cross(null));

  function show(given, blob) {
    [frame, pictures] = [given, blob];
    const { small, large } = scene, count = frame.scales.length * small * small;
    plane.picture(blob.subarray(count, count + large * large), large, app.discrete && frame.shown.layer === scene.settings.layers.length + 1);
    if (frame.kept) {
      kept.picture(blob.subarray(count + large * large, count + 2 * large * large), large, app.discrete);
      beside.querySelector(".losses").textContent = `Training loss ${number(frame.kept.loss)}, test loss ${number(frame.kept.testLoss)}${frame.kept.accuracy === null ? "" : `; right: ${(100 * frame.kept.accuracy).toFixed(1)} % and ${(100 * frame.kept.testAccuracy).toFixed(1)} %`}`;
    }
    train.textContent = number(frame.loss);
    test.textContent = number(frame.testLoss);
    shares.textContent = frame.accuracy === null ? "" : `Right: ${(100 * frame.accuracy).toFixed(1)} % of the training points, ${(100 * frame.testAccuracy).toFixed(1)} % of the test points`;
    curves.show(frame.curve, frame.kept?.curve ?? null);
    const end = frame.shown.scale, output = frame.shown.layer === scene.settings.layers.length + 1;
    const words = output && scene.problem === "classification" ? ["class 0", "class 1"] : [number(-end), number(end)];
    [scale.firstChild.textContent, scale.lastChild.textContent] = words;
    caption.textContent = app.drawn ? "Click to add a point; with the shift key, one of the other class." : output ? "The colour is what the network says; the points are the data." : app.nameOf(frame.shown.layer, frame.shown.unit);
  }
  return {
    element, points, mark: plane.mark,
    scene(given) {
      scene = given;
      beside.hidden = !scene.kept;
      if (scene.kept) {
        const texts = Object.entries(scene.kept.differs).map(([name, [a, b]]) => `${app.hello.controls[name].label}: ${short(a)} here, ${short(b)} in the other`);
        beside.querySelector(".differs").textContent = texts.length ? texts.join("; ") : "The same settings as the other: change one, and compare.";
      }
      plane.mark(null);
      points();
    },
    frame: show,
    drawing(on) { classes.hidden = !on; plane.element.classList.toggle("drawing", on); points(); again(); },
  };
}

// a setting as text; a list of equal parts is one of them
const short = (value) => Array.isArray(value) ? (new Set(value).size === 1 ? String(value[0]) : value.length ? value.join(", ") : "none") : String(value);

function nearest(rows, x, y) {
  let found = 0, least = Infinity;
  rows.forEach(([a, b], i) => { const d = (a - x) ** 2 + (b - y) ** 2; if (d < least) [found, least] = [i, d]; });
  return found;
}

function planeOf(app, label) {
  const heat = el("canvas", { class: "heat", width: 100, height: 100, "aria-hidden": "true" }), dots = el("canvas", { class: "dots", width: 640, height: 640, "aria-hidden": "true" });
  const marks = svg("svg", { class: "marks", viewBox: "-6 -6 12 12", "aria-hidden": "true" });
  const element = el("div", { class: "plane", tabindex: "0", role: "application", "aria-label": `${label}: arrow keys move a cross, Enter chooses a point` }, heat, dots, marks);
  for (const t of [-4, -2, 0, 2, 4]) element.append(tick(t, "x"), tick(t, "y"));
  let marked = null, crossed = null;
  const draw = () => {
    marks.replaceChildren();
    if (marked) marks.append(svg("circle", { cx: marked[0], cy: -marked[1], r: 0.42, class: "marked" }));
    if (crossed) marks.append(svg("path", { class: "cross", d: `M${crossed.x - 0.4} ${-crossed.y}h.8M${crossed.x} ${-crossed.y - 0.4}v.8` }));
  };
  return {
    element,
    mark(row) { marked = row; draw(); },
    cross(at) { crossed = at; draw(); },
    picture(bytes, n, discrete) { app.colours.paint(heat, bytes, n, discrete); },
    points(train, test, scale) {
      const context = dots.getContext("2d"), size = dots.width, at = (v) => ((v + 6) / 12) * size;
      context.clearRect(0, 0, size, size);
      const { backgroundColor: ring, color: dark } = getComputedStyle(element);
      for (const [rows, isTest] of [[train, false], [test, true]])
        for (const [x, y, t] of rows) {
          context.beginPath();
          if (isTest) context.rect(at(x) - 7, at(-y) - 7, 14, 14); else context.arc(at(x), at(-y), 8, 0, 7);
          context.fillStyle = app.colours.css(scale === 1 && (t === 0 || t === 1) ? 2 * t - 1 : t / scale);
          context.fill();
          context.strokeStyle = isTest ? dark : ring;
          context.lineWidth = 2.5;
          context.stroke();
        }
    },
  };
}

function tick(t, axis) {
  const mark = el("span", { class: `tick ${axis}`, "aria-hidden": "true" }, String(t).replace("-", "−"));
  mark.style.setProperty("--at", `${((axis === "x" ? t : -t) + 6) / 0.12}%`);
  return mark;
}

function curvesOf() {
  const lines = { kept: svg("polyline", { class: "curve kept" }), test: svg("polyline", { class: "curve test" }), train: svg("polyline", { class: "curve train" }) };
  const picture = svg("svg", { viewBox: "0 0 300 70", preserveAspectRatio: "none", class: "curves", role: "img", "aria-label": "Losses so far" }, ...Object.values(lines));
  const top = el("span", { class: "top" }), right = el("span", { class: "right" });
  const element = el("div", { class: "curve-box" }, picture, top, right, el("span", { class: "small key" }, "— training  ╌ test"));
  return {
    element,
    show(rows, kept) {
      const shown = [...rows, ...(kept ?? [])], end = Math.max(1, ...shown.map(([epoch]) => epoch));
      // a loss that jumps does not flatten the rest
      const sorted = shown.flatMap(([, a, b]) => [a, b]).filter((x) => x !== null).sort((a, b) => a - b);
      const high = Math.max(1e-9, Math.min(sorted.at(-1) ?? 1, 4 * (sorted[Math.floor(sorted.length / 2)] ?? 1)));
      const line = (of, i) => of.filter((row) => row[i] !== null).map((row) => `${((row[0] / end) * 300).toFixed(1)},${(68 - Math.min(1, row[i] / high) * 66).toFixed(1)}`).join(" ");
      lines.train.setAttribute("points", line(rows, 1));
      lines.test.setAttribute("points", line(rows, 2));
      lines.kept.setAttribute("points", kept ? line(kept, 1) : "");
      top.textContent = number(high, 2);
      right.textContent = `epoch ${Math.round(end)}`;
    },
  };
}
