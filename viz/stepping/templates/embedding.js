// A page in the frame of a notebook, with the notebook's theme and the kernel's numbers (widget.js is the other side).
//
// The page asks its frame's owner once, if the frame has a name. It sends nothing more until it gets an answer, which
// a page elsewhere never does. Messages are { chainrule: the frame's name, theme, given }, where `given` has the
// numbers at leaves that are not as recorded, as texts, which unlike JSON can be infinite or NaN, by the leaves' nodes.

const owner = window.name.startsWith("chainrule-") && parent !== window ? parent : null;
let answered = false, told = "{}"; // what the owner knows

const asText = (x) => (Object.is(x, -0) ? "-0" : String(x));
const givenByNode = () => Object.fromEntries([...nameOf].filter(([, name]) => Object.hasOwn(given, name)).map(([n, name]) => [n, asText(given[name])]));
function tellOwner() {
  if (!answered) return;
  const numbers = givenByNode();
  if (JSON.stringify(numbers) === told) return;
  told = JSON.stringify(numbers);
  owner.postMessage({ chainrule: window.name, given: numbers }, "*");
}
function take(numbers) {
  if (!program || JSON.stringify(numbers) === told) return;
  const known = [...nameOf].map(([n, name]) => [name, parsed(String(numbers[n] ?? ""))]).filter(([, x]) => x !== null);
  change(Object.fromEntries(known), {});
  told = JSON.stringify(givenByNode());
}
addEventListener("message", ({ source, data }) => {
  if (!owner || source !== owner || !data || data.chainrule !== window.name) return;
  answered = true;
  document.documentElement.dataset.theme = data.theme === "dark" || data.theme === "light" ? data.theme : "";
  take(data.given || {});
});
if (owner) owner.postMessage({ chainrule: window.name }, "*");
