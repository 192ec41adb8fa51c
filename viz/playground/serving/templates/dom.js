// Small helpers: elements, numbers as text, files to keep.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// a number with so many significant digits, with the mathematician's minus
export function number(x, digits = 3) {
  if (x === null || x === undefined) return "not finite";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1e5 || size < 1e-4 ? x.toExponential(digits - 1) : String(Number(x.toPrecision(digits)));
  return text.replaceAll("-", "−").replace("e+", "e");
}

export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

export function select(label, options, value, onchange, attributes = {}) {
  const chosen = el("select", { ...attributes, onchange: () => onchange(chosen.value) });
  for (const option of options) {
    const [text, given] = Array.isArray(option) ? option : [option, option];
    chosen.append(el("option", { value: given }, String(text)));
  }
  chosen.value = value;
  return [el("label", { class: "field" }, el("span", {}, label), chosen), chosen];
}

export function slider(label, control, unit, onchange) {
  const shown = el("output");
  const input = el("input", { type: "range", min: control.least, max: control.most, step: control.step });
  const say = () => { shown.textContent = `${input.value}${unit}`; input.setAttribute("aria-valuetext", shown.textContent); };
  input.addEventListener("input", say);
  input.addEventListener("change", () => onchange(Number(input.value)));
  const set = (value) => { if (document.activeElement !== input || Number(input.value) !== value) input.value = value; say(); };
  return [el("label", { class: "slider" }, el("span", {}, label, " ", shown), input), set];
}

export function keep(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
