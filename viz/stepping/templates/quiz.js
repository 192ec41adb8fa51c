// Predict, then reveal: with the switch on, the new number of a step is hidden until the reader has answered, and the
// answer is explained. A number that is hidden is shown as it was before its step, everywhere; the sentence has ? in its
// place. Steps on arrays are not asked.

let predicting = Boolean(recorded.quiz);
let askedAt = -1; // the position for which the field is made ready
const answers = new Map(); // of each position: how many tries, right at the first, done, what was said, of which state

const signOnly = () => $("ask-for").value === "sign";
const changes = (state, position) => { // the quantity that is new
  const s = steps[position - 1];
  return s.inputs ? state.values[s.node] : state.steps[position - 1].total;
};
const nameOfNew = (position) => (steps[position - 1].inputs ? label(steps[position - 1].node) : `${label(steps[position - 1].to)}.grad`);

// Why a step is not asked; "" where it is.
function whyNot(state, position) {
  const s = steps[position - 1];
  const passes = $("ask-forward").checked ? "both passes" : "the backward pass";
  if (!s || (s.inputs && !$("ask-forward").checked)) return `Predict is on: the numbers of ${passes} are asked for.`;
  if (s.seed) return "Where the backward pass starts is not asked.";
  const isNumber = typeof changes(state, position) === "string" && (s.inputs || state.steps[position - 1].local !== undefined);
  if (!isNumber) return "This step is not asked: it is on arrays, and only single numbers are asked for.";
  return signOnly() && changes(state, position) === "NaN" ? "This step is not asked: NaN has no sign." : "";
}
const isAsked = (state, position) => predicting && position > 0 && whyNot(state, position) === "";
const isHidden = (state, position) => isAsked(state, position) && !answers.get(position)?.done && !onPaper();

// What is told of a step whose number is hidden. After a wrong answer the factors are shown, for they explain it.
function question(state, position) {
  const told = tell(state, position), s = steps[position - 1];
  const helped = s.inputs || answers.get(position)?.tries > 0;
  const hide = (part) => {
    if (typeof part === "string") return part;
    if (isGroup(part)) return part.map(hide);
    const [, kind, caption] = part;
    return helped && !kind.includes("is-new") ? part : ["?", kind, caption];
  };
  return { ...told, sentence: told.sentence.map(hide), note: "" };
}

// ---- an answer is checked

// Within 1 %, or where terms cancel each other, within what rounding them for the page can change.
function near(a, x, scale = 0) {
  if (!Number.isFinite(a) || !Number.isFinite(x)) return Object.is(a, x);
  return Math.abs(a - x) <= Math.max(0.01 * Math.abs(x), 0.001 * scale);
}

// The numbers of a step, as they are shown.
function numbersOf(state, position) {
  const s = steps[position - 1];
  const read = (q) => (typeof q === "string" ? parsed(q) : null);
  if (s.inputs) return { now: read(state.values[s.node]) };
  const { local, upstream, arrives, total } = state.steps[position - 1];
  const first = arrivals[s.to][0] === position - 1;
  const before = first ? 0 : read(state.steps[position - 1].before);
  return { now: read(total), before, local: read(local), upstream: read(upstream), arrives: read(arrives), value: read(state.values[s.to]) };
}
function isRight({ now, before, local, upstream, arrives }, a) {
  const scale = Math.max(Math.abs(before ?? 0), Math.abs(arrives ?? 0));
  if (near(a, now, Number.isFinite(scale) ? scale : 0)) return true;
  if (!Number.isFinite(local) || !Number.isFinite(upstream)) return false; // arrays, or a forward step
  const calculated = before + local * upstream; // from the digits on the page, which may be few
  return (calculated === 0 || Math.sign(calculated) === Math.sign(now)) && near(a, calculated);
}
function isRightSign({ now, before, arrives }, sign) {
  const scale = Math.max(Math.abs(before ?? 0), Math.abs(arrives ?? 0));
  return sign === Math.sign(now) || (sign === 0 && Math.abs(now) <= 1e-9 * scale);
}

// The mistake that leads to an answer, where it is a common one.
function mistake(position, numbers, a) {
  const { now, before, local, upstream, arrives, value } = numbers, s = steps[position - 1];
  if (s.inputs) return now !== 0 && near(a, -now) ? "The size is right, the sign is wrong." : "";
  const x = label(s.to), y = label(s.node);
  const is = (number) => number !== null && near(a, number);
  if (before !== 0 && is(arrives)) return "That is only what arrives in this step. It is added to the gradient so far.";
  if (before !== 0 && is(before)) return "That is the gradient so far. What arrives in this step is added to it.";
  if (is(upstream)) return `That is the upstream gradient, ${y}.grad. It is multiplied by the local gradient${before !== 0 ? ", and added to the gradient so far" : ""}.`;
  if (is(before + upstream)) return `The upstream gradient, ${y}.grad, is multiplied by the local gradient before it is added.`;
  if (is(local) || is(before + local)) return "That is with the local gradient only. It is multiplied by the upstream gradient.";
  if (now !== 0 && is(-now)) return "The size is right, the sign is wrong.";
  if (before !== 0 && is(before - arrives)) return "What arrives has the other sign.";
  if (is(value)) return `That is the value of ${x}. Its gradient is asked for.`;
  if (is(before + local + upstream)) return "The local and the upstream gradient are multiplied, not added.";
  return "";
}
function signMistake(position, { before, local, upstream, arrives }, sign) {
  if (!Number.isFinite(local) || !Number.isFinite(upstream)) return "";
  const size = (x) => (x < 0 ? "negative" : x > 0 ? "positive" : "0");
  if (before !== 0 && sign === Math.sign(arrives)) return `That is the sign of what arrives in this step. The gradient so far is ${size(before)}, and larger.`;
  if (before !== 0 && sign === Math.sign(before)) return `That is the sign of the gradient so far. What arrives is ${size(arrives)}, and ${arrives === -before ? "as large" : "larger"}.`;
  if (local === 0 || upstream === 0) return "One of the factors is 0, so nothing arrives.";
  if (sign === 0) return "Neither factor is 0, so something arrives.";
  return local < 0 && upstream < 0 ? "Both factors are negative: their product is positive." : local < 0
    ? "The local gradient is negative: it reverses the sign of the upstream gradient."
    : "The local gradient is positive: the sign of the upstream gradient stays.";
}

function judge(right, why, text) {
  const record = answers.get(at) || { tries: 0, first: right };
  record.tries += 1;
  record.done = right;
  record.state = shown;
  record.said = right
    ? `✓ Right${record.tries === 1 ? " at the first try" : ""}.`
    : `✗ Not ${text}. ${why}${why ? " " : ""}Try again, or choose Show me.`;
  answers.set(at, record);
  render(shown, at);
}
function check() {
  const field = $("answer"), a = parsed(field.value);
  field.setAttribute("aria-invalid", String(a === null));
  if (a === null) {
    $("verdict").textContent = $("live").textContent = "Write a number, such as −0.5 or 2e-3.";
    field.focus();
    return;
  }
  const numbers = numbersOf(shown, at);
  judge(isRight(numbers, a), mistake(at, numbers, a), withMinus(field.value.trim()));
  if (field.readOnly) return;
  field.focus();
  field.select();
}
function checkSign(sign) {
  const numbers = numbersOf(shown, at);
  judge(isRightSign(numbers, sign), signMistake(at, numbers, sign), ["negative", "0", "positive"][sign + 1]);
}
function reveal() {
  answers.set(at, { tries: 0, ...answers.get(at), done: true, state: shown, said: answers.get(at) ? "Shown after a wrong answer." : "Shown; it does not count." });
  render(shown, at);
}
function again() {
  answers.clear();
  askedAt = -1;
  const first = steps.findIndex((_, i) => isAsked(shown, i + 1)) + 1;
  render(shown, first || at);
  focusField();
}

// ---- what is shown of it

const counted = () => [...answers].filter(([, record]) => record.tries > 0);
function scoreInWords() {
  const asked = counted(), right = asked.filter(([, record]) => record.first).length;
  return asked.length ? `${right} of ${asked.length} right at the first try` : "";
}
function summary() {
  const missed = counted().filter(([, record]) => !record.first).map(([position]) => position).sort((a, b) => a - b);
  const list = missed.slice(0, 6).map((position) => `${nameOfNew(position)} in step ${position}`);
  const rest = missed.length > 6 ? ` and ${missed.length - 6} more` : "";
  return `The pass is complete: ${scoreInWords()}.${missed.length ? ` Look again at ${list.join(", ")}${rest}.` : ""}`;
}
const isOver = (position, hidden) => predicting && position === LAST && !hidden && counted().length > 0;
// What was said of the answer at a position, unless the numbers are others now.
const saidAt = (position) => (answers.get(position)?.state === shown ? answers.get(position).said || "" : "");

// What a screen reader says of a step whose number is asked for, or was.
function heard(position, hidden, what, said) {
  const name = position && predicting && isAsked(shown, position) ? nameOfNew(position) : "";
  if (!name) return position === 0 ? what : `${what}. ${said}`;
  const verdict = saidAt(position);
  if (!hidden) return `${verdict} ${said}${isOver(position, hidden) ? ` ${summary()}` : ""}`.trim();
  const ask = signOnly() ? `Which sign has ${name} after this step? Press minus, 0 or plus.` : `What is ${name} after this step? Type the number, then Enter.`;
  return verdict ? `${verdict} ${said}` : `${what}. ${ask}`;
}

function showQuiz(position, hidden) {
  const asked = isAsked(shown, position), field = $("answer"), focused = $("quiz").contains(document.activeElement);
  document.documentElement.classList.toggle("predicting", predicting);
  $("predict").setAttribute("aria-checked", String(predicting));
  $("quiz").hidden = !predicting;
  if (!predicting) return;
  if (askedAt !== position || (hidden && field.readOnly)) {
    field.value = "";
    field.removeAttribute("aria-invalid");
  }
  askedAt = position;
  field.readOnly = !hidden;
  $("typed").hidden = !asked || signOnly();
  $("signs").hidden = !hidden || !signOnly();
  if (asked) for (const each of document.querySelectorAll("#quiz .asked")) write(each, `${signOnly() ? "Sign of " : ""}${nameOfNew(position)} =`);
  $("check").hidden = hidden ? signOnly() : position === LAST;
  write($("check"), hidden ? "Check" : "Next");
  $("reveal").hidden = !hidden;
  const verdict = saidAt(position);
  write($("verdict"), asked ? verdict || (hidden ? (signOnly() ? "Press −, 0 or +." : "The numbers are in the graph and the table.") : "") : whyNot(shown, position));
  $("verdict").className = verdict.startsWith("✓") ? "right" : verdict.startsWith("✗") ? "wrong" : "";
  write($("score"), scoreInWords());
  $("over").hidden = !isOver(position, hidden);
  if (!$("over").hidden) write($("summary"), summary());
  if (focused && !document.activeElement.checkVisibility()) (hidden ? focusField() : $(position === LAST ? "again" : "check").focus());
}
function focusField() {
  if (!isHidden(shown, at)) return;
  (signOnly() ? $("signs").querySelector("button") : $("answer")).focus({ preventScroll: true });
}
function onward() {
  pause();
  show(at + 1);
  focusField();
}
function setPredicting(on) {
  predicting = on;
  askedAt = -1;
  tallest = 0; // the panel may be lower again
  panel.style.minHeight = "";
  render(shown, at);
}

$("predict").addEventListener("click", (event) => {
  setPredicting(!predicting);
  if (event.detail) event.currentTarget.blur();
});
$("check").addEventListener("click", () => (isHidden(shown, at) ? check() : onward()));
$("reveal").addEventListener("click", reveal);
$("again").addEventListener("click", again);
for (const button of document.querySelectorAll("#signs button")) button.addEventListener("click", () => checkSign(Number(button.dataset.sign)));
for (const id of ["ask-for", "ask-forward"]) $(id).addEventListener("change", () => render(shown, at));
$("answer").addEventListener("keydown", (event) => {
  const done = $("answer").readOnly;
  if (event.key === "Enter") done ? onward() : check();
  else if (event.key === "Escape") $("answer").blur();
  else if (event.key === "ArrowRight" && (done || !$("answer").value)) onward();
  else if (event.key === "ArrowLeft" && (done || !$("answer").value)) show(at - 1);
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, textarea, input:not(#slider)")) return;
  if (event.key === "p") return setPredicting(!predicting);
  if (!predicting) return;
  const hidden = isHidden(shown, at), sign = { "-": -1, "−": -1, 0: 0, "+": 1, "=": 1 }[event.key];
  if (event.key === "Enter" && !event.target.closest("button, summary, [role=button]")) hidden ? focusField() : onward();
  else if (hidden && signOnly() && sign !== undefined) checkSign(sign);
  else if (hidden && !signOnly() && /^[\d.,+−-]$/.test(event.key)) return focusField(); // where the character goes
  else return;
  event.preventDefault();
});
