// Connects the page of a stepper, in its frame, with the kernel and with the notebook's theme (embedding.js is the
// page's side).
//
// The front end calls `initialize` when it makes the model: the notebook's own frames are found by their name. It
// calls `render` where the widget itself is shown, which makes a frame. A message counts only if it comes from the
// window of such a frame; the page is sandboxed and can do nothing else.

function theme() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark"; // JupyterLab, Notebook
  if (vscodeThemeKind) return vscodeThemeKind.endsWith("light") ? "light" : "dark"; // VS Code
  const root = document.documentElement;
  if (root.getAttribute("theme") === "dark") return "dark"; // Colab
  return ["light", "dark"].find((name) => [root, document.body].some((e) => e.classList.contains(name))) || ""; // marimo
}

function connect(model, frames) {
  let speaker = null; // the frame whose numbers are being taken; while it is dragged, they would come back too late
  const tell = (frame) => frame.contentWindow?.postMessage({ chainrule: frame.name, theme: theme(), given: model.get("given") }, "*");
  const tellAll = () => frames().forEach((frame) => frame === speaker || tell(frame));
  const listen = ({ source, data }) => {
    if (!data || !data.chainrule) return;
    const frame = frames().find((frame) => frame.contentWindow === source);
    if (!frame || frame.name !== data.chainrule) return;
    if (!data.given) return tell(frame); // it has just opened
    speaker = frame;
    model.set("given", data.given);
    speaker = null;
    model.save_changes();
  };
  const watcher = new MutationObserver(tellAll);
  for (const element of [document.documentElement, document.body])
    watcher.observe(element, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind", "theme", "class"] });
  addEventListener("message", listen);
  model.on("change:given", tellAll);
  tellAll();
  return () => {
    watcher.disconnect();
    removeEventListener("message", listen);
    model.off("change:given", tellAll);
  };
}

function initialize({ model }) {
  return connect(model, () => [...document.querySelectorAll(`iframe[name="${model.get("name")}"]`)]);
}

function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = model.get("title");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.style.cssText = `display:block;width:100%;height:${model.get("tall")}px;border:0;background:Canvas`;
  frame.name = `${model.get("name")}-view`; // not one of those that `initialize` finds
  frame.srcdoc = model.get("html").replace("<html", `<html data-theme="${theme()}"`);
  el.append(frame);
  return connect(model, () => [frame]);
}

export default { initialize, render };
