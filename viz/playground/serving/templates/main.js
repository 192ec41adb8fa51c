// The page of the server: the playground in the whole window, with its state in the address.
import { connect } from "./socket.js";
import { start } from "./playground.js";

const root = document.getElementById("playground");
let written = 0; // when the address was written; a browser refuses to do it many times a second
root.playground = start(root, connect(new URL("socket", location.href), () => location.hash), {
  // a page about the inside is at an address of its own, with a policy of its own
  showPage: (frame, answer) => { frame.src = new URL(answer.url, location.href.split("#")[0]).href; },
  onAddress: (address, playing) => {
    if (location.hash.replace(/^#/, "") === address || (playing && performance.now() - written < 1000)) return;
    written = performance.now();
    history.replaceState(null, "", address ? `#${address}` : location.pathname);
  },
  whenMoved: (go) => addEventListener("hashchange", () => go(location.hash)),
});
