// Moving through the steps: buttons, the slider, keys, a click on a node, and playing.

let timer = 0;

function show(position, quietly) {
  position = Math.min(Math.max(position, 0), LAST);
  if (position !== at) render(shown, position, quietly);
}
const nodeOf = (position) => (position < 1 ? -1 : steps[position - 1].node + (position > turn ? nodes.length : 0));
function nextNode() {
  let position = at + 1;
  while (position < LAST && nodeOf(position) === nodeOf(at)) position += 1;
  return position;
}
function previousNode() {
  let position = at - 1;
  while (position > 1 && nodeOf(position - 1) === nodeOf(position)) position -= 1;
  return position;
}
function visit(n, event) {
  pause();
  const places = visits[n];
  if (event.detail && event.currentTarget.blur) event.currentTarget.blur(); // so that the space bar plays after a click
  if (!places.length) return;
  const here = places.indexOf(at);
  const samePass = places.find((position) => position > turn === at > turn);
  show(here < 0 ? samePass || places[0] : places[(here + 1) % places.length]);
}
function pause() {
  if (!timer) return;
  clearInterval(timer);
  timer = 0;
  playing(false);
  $("live").textContent = `${$("heading").textContent}. ${$("what").textContent}`;
}
function playing(on) {
  document.documentElement.classList.toggle("playing", on);
  $("play").setAttribute("aria-label", on ? "Pause" : "Play");
  $("play").title = on ? "Pause (Space)" : "Play (Space)";
}
function play() {
  if (timer) return pause();
  if (at === LAST) show(0, true);
  timer = setInterval(() => {
    if (at + 1 >= LAST) {
      show(LAST, true);
      pause();
    } else show(at + 1, true);
  }, 1200 / Number($("speed").value));
  playing(true);
  show(at + 1, true);
}
const moves = {
  first: () => show(0),
  back: () => show(at - 1),
  next: () => show(at + 1),
  last: () => show(LAST),
  forward: () => show(1),
  backward: () => show(turn + 1),
};
for (const [id, move] of Object.entries(moves)) {
  $(id).addEventListener("click", (event) => {
    pause();
    move();
    if (event.detail) event.currentTarget.blur();
  });
}
$("play").addEventListener("click", (event) => {
  play();
  if (event.detail) event.currentTarget.blur();
});
$("speed").addEventListener("change", () => {
  if (timer) {
    pause();
    play();
  }
});
$("slider").addEventListener("input", () => {
  pause();
  show(Number($("slider").value));
});
$("zoom").addEventListener("click", () => {
  $("zoom").dataset.whole = $("zoom").dataset.whole === "yes" ? "no" : "yes";
  resized();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, textarea, input:not(#slider)")) return;
  if (event.key === " " && event.target.closest("button, summary")) return;
  const keys = {
    ArrowRight: () => show(event.shiftKey ? nextNode() : at + 1),
    ArrowLeft: () => show(event.shiftKey ? previousNode() : at - 1),
    Home: moves.first,
    End: moves.last,
    f: moves.forward,
    b: moves.backward,
  };
  if (event.target.id === "slider") {
    keys.ArrowUp = keys.ArrowRight;
    keys.ArrowDown = keys.ArrowLeft;
  }
  if (event.key === " ") play();
  else if (keys[event.key]) {
    pause();
    keys[event.key]();
  } else return;
  event.preventDefault();
});

function showControls(position, pass, said) {
  const root = document.documentElement.classList;
  root.toggle("in-forward", position > 0 && position <= turn);
  root.toggle("in-backward", position > turn);
  $("slider").value = position;
  $("slider").setAttribute("aria-valuetext", position === 0 ? "start" : `step ${position} of ${LAST}, ${pass.toLowerCase()}: ${said}`);
  for (const id of ["first", "back"]) $(id).disabled = position === 0;
  for (const id of ["next", "last"]) $(id).disabled = position === LAST;
}
