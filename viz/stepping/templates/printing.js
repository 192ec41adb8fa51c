// On paper there is no stepping: the page is printed after the last step, with all steps as a list.

const WIDEST = 1800; // of a graph that can be read on paper
let before = -1; // the position to come back to
const onPaper = () => before >= 0;
document.documentElement.classList.toggle("unprintable", !graph || graph.viewBox.baseVal.width > WIDEST);

function toPaper() {
  if (onPaper()) return;
  before = at;
  const lines = steps.map((s, i) => {
    const { sentence, what, note } = tell(shown, i + 1);
    return make("li", s.inputs ? "forward" : "backward", make("span", "what", what), make("span", "said", words(shown, sentence)), ...(note && note !== CHAIN ? [make("span", "note", note)] : []));
  });
  $("printed").replaceChildren(...lines);
  render(shown, LAST, true);
}
function fromPaper() {
  if (!onPaper()) return;
  const position = before;
  before = -1;
  $("printed").replaceChildren();
  render(shown, position, true);
}
addEventListener("beforeprint", toPaper);
addEventListener("afterprint", fromPaper);
matchMedia("print").addEventListener("change", (event) => (event.matches ? toPaper() : fromPaper()));
