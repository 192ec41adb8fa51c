// The playground in a notebook: the same page; messages go through the widget, pages about the inside stand in the frame.
import { start } from "./playground.js";

function themeOfNotebook() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark"; // JupyterLab, Notebook
  if (vscodeThemeKind) return vscodeThemeKind.endsWith("light") ? "light" : "dark"; // VS Code
  return document.documentElement.getAttribute("theme") === "dark" ? "dark" : "light"; // Colab
}

export default {
  render({ model, el: place }) {
    const root = document.createElement("div");
    root.className = "chainrule-playground";
    root.dataset.theme = themeOfNotebook();
    place.append(root);
    const transport = { onMessage: () => {}, onState: () => {}, again: () => {}, send: (message) => model.send(message) };
    const receive = (message, buffers) => {
      const bytes = buffers?.[0];
      transport.onMessage(message, bytes ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Int8Array());
    };
    model.on("msg:custom", receive);
    const { repaint } = root.playground = start(root, transport, {
      showPage: (frame, answer) => { frame.srcdoc = answer.page; },
      onAddress: () => {},
      whenMoved: () => {},
      link: (app) => `playground("${app.latest?.address ?? ""}")`,
      linkTitle: "Copies the call that gives this state",
    });
    const watch = new MutationObserver(() => { root.dataset.theme = themeOfNotebook(); repaint(); });
    watch.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
    model.send({ type: "hello" });
    model.send({ type: "seen" });
    return () => { watch.disconnect(); model.off("msg:custom", receive); };
  },
};
