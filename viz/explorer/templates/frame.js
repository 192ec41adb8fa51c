// In a notebook, beside the frame of the page: tells it whether the notebook is light or dark. The page asks once.
(() => {
  const theme = () => {
    const { jpThemeLight, vscodeThemeKind } = document.body.dataset, root = document.documentElement;
    if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark"; // JupyterLab, Notebook
    if (vscodeThemeKind) return vscodeThemeKind.endsWith("light") ? "light" : "dark"; // VS Code
    return root.getAttribute("theme") === "dark" ? "dark" : ""; // Colab
  };
  const frames = () => document.getElementsByName("FRAME");
  const tell = () => frames().forEach((frame) => frame.contentWindow?.postMessage({ chainrule: "FRAME", theme: theme() }, "*"));
  addEventListener("message", ({ data }) => data && data.chainrule === "FRAME" && tell());
  new MutationObserver(tell).observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  tell();
})();
