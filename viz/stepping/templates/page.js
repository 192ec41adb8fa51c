// The page at a position: everything that is shown is made here, from a state and nothing else.

let shown = state; // the numbers that are shown
let at = -1; // how many steps have been taken

function render(state, position, quietly) {
  shown = state;
  at = position;
  const hidden = isHidden(state, position); // its number is asked for: what is known is as before the step
  showNumbers(state, hidden ? position - 1 : position);
  showEdges(state, hidden ? position - 1 : position);
  showPast();
  markStep(position);
  showCode(position);
  const { pass, what, sentence, note } = hidden ? question(state, position) : tell(state, position);
  const said = words(state, sentence);
  $("heading").textContent = position === 0 ? pass : `Step ${position} of ${LAST} · ${pass}`;
  $("what").textContent = what;
  $("equation").replaceChildren(...terms(state, sentence));
  $("equation").classList.toggle("with-arrays", $("equation").querySelector(".matrix, .about") !== null);
  $("note").textContent = note;
  showControls(position, pass, said);
  showQuiz(position, hidden);
  if (hidden && timer) {
    pause();
    quietly = false;
  }
  if (!quietly) $("live").textContent = heard(position, hidden, what, said);
  keepHeight();
  offerFocus(graphNodes, parts[position ? targetOf(steps[position - 1]) : 0].box);
  follow(position);
}

$("slider").max = LAST;
$("slider").style.setProperty("--turn", `${(100 * turn) / LAST}%`);
addEventListener("resize", resized);
arrange();
render(state, Math.min(start, LAST));
