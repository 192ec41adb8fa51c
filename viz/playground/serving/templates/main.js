// The page of the server: the playground in the whole window, with its state in the address.
import { connect } from "./socket.js";
import { start } from "./playground.js";

const root = document.getElementById("playground");
root.playground = start(root, connect(new URL("socket", location.href), () => location.hash), {
  // a page about the inside is at an address of its own, with a policy of its own
  showPage: (frame, answer) => { frame.src = new URL(answer.url, location.href.split("#")[0]).href; },
  onAddress: (address) => {
    if (location.hash.replace(/^#/, "") !== address) history.replaceState(null, "", address ? `#${address}` : location.pathname);
  },
  whenMoved: (go) => addEventListener("hashchange", () => go(location.hash)),
});
