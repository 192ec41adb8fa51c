// The sentence of a step: so far + (local gradient × upstream gradient) = now.
// A sentence is a list of plain texts, of terms [quantity, kind, caption], and of lists that stay on one line.

const CHAIN = "The chain rule: upstream gradient times local gradient.";

function tell(state, position) {
  if (position === 0) {
    return {
      pass: "Nothing is computed yet",
      what: "The inputs are known. The forward pass computes the value of every node; the backward pass then the gradient of every node.",
      sentence: ["Press → for the first step."],
      note: "",
    };
  }
  const s = steps[position - 1];
  if (s.inputs) return tellForward(state, s);
  return s.seed ? tellStart(state, s, position) : tellBackward(state, s, position);
}

function tellForward(state, s) {
  const target = label(s.node), { rule } = nodes[s.node], value = state.values[s.node];
  const input = (n) => [state.values[n], nodes[n].fixed ? "is-plain" : "is-value", nodes[n].number ? "" : label(n)];
  const sentence = [`${target} = `];
  if (s.sum !== undefined) sentence.push([filled(state, s.sum), "is-plain", rule], " = ");
  else if (s.sign) sentence.push(input(s.inputs[0]), ` ${s.sign} `, input(s.inputs[1]), " = ");
  else if (s.inputs.length === 1 && rule.includes(`(${label(s.inputs[0])}`)) {
    const place = rule.indexOf(`(${label(s.inputs[0])}`) + 1;
    sentence.push(rule.slice(0, place), input(s.inputs[0]), `${rule.slice(place + label(s.inputs[0]).length)} = `);
  } else if (s.inputs.length > 6) sentence.push(`${rule} = `);
  else sentence.push(`${rule} with `, ...s.inputs.flatMap((n, i) => (i ? [", ", input(n)] : [input(n)])), " gives ");
  sentence.push([value, "is-value is-new", target]);
  let note = "";
  if (births(state).value === s.node) note = `The first ${kindOfBad(brief(state, value))} of the forward pass is born here: every input is finite.`;
  return { pass: "Forward pass", what: `${target} is computed: ${target} = ${rule}`, sentence, note };
}

// A rule with numbers in place of its markers; a negative number after a sign is in brackets, an exponent is raised.
const filled = (state, parts) => filledWith(parts, (n) => brief(state, state.values[n]));
function filledWith(parts, textOf) {
  let text = "";
  parts.forEach((part, i) => {
    const figure = typeof part === "string" ? part : textOf(part);
    const after = parts[i + 1];
    const inside = text === "" ? after === undefined || !/^[\^⁻⁰¹²³⁴-⁹]/.test(after) : /[(,] ?$/.test(text);
    text += typeof part !== "string" && figure.startsWith("−") && !inside && !text.endsWith("^") ? `(${figure})` : figure;
  });
  const raised = { "−": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  return text.replace(/\^(−?\d{1,3})(?![\w.])/g, (_, digits) => [...digits].map((c) => raised[c]).join(""));
}

function tellStart(state, s, position) {
  const target = label(s.node), { total } = state.steps[position - 1];
  const asked = total === "1";
  return {
    pass: "Backward pass",
    what: asked
      ? `The backward pass starts at the result: how much does ${target} change with ${target} itself?`
      : `The backward pass starts at the result, with the gradient of ${target} that was given.`,
    sentence: [`${target}.grad: `, [total, "is-gradient is-new", asked ? `∂${target} / ∂${target}` : "given"]],
    note: asked ? `If ${target} grows by h, ${target} grows by h, and h / h = 1: every backward pass starts from this 1.` : "",
  };
}

function tellBackward(state, s, position) {
  const numbers = state.steps[position - 1];
  const target = label(s.node), x = label(s.to);
  const first = arrivals[s.to][0] === position - 1;
  const before = [first ? "0" : numbers.before, "is-gradient", "so far"];
  const group = [before, " + "];
  if (numbers.local !== undefined) {
    const caption = s.rule === numbers.local ? "local gradient" : `local gradient\n${s.rule}`;
    group.push(s.summed ? "sum(" : "(", [numbers.local, "is-local", caption], " × ", [numbers.upstream, "is-gradient", `upstream\n${target}.grad`], ")");
  } else if (numbers.factors) {
    const [[a, p], [b, q]] = numbers.factors;
    group.push("(", [p, a.endsWith(".grad") ? "is-gradient" : "is-local", a], " @ ", [q, b.endsWith(".grad") ? "is-gradient" : "is-local", b], ")");
  } else group.push([numbers.arrives, "is-gradient", `${s.rule}\nwith g = ${target}.grad`]);
  const sentence = [`${x}.grad: `, group, " ", ["= ", [numbers.total, "is-gradient is-new", `${x}.grad now`]]];
  const notes = [];
  if (births(state).gradient === position - 1) notes.push(`The first ${kindOfBad(brief(state, numbers.total))} of the backward pass is born here.`);
  if (arrivals[s.to].length > 1) notes.push(`${x} is used ${arrivals[s.to].length} times, and what arrives adds up. ${ledger(state, s.to, position)}`);
  else if (numbers.local !== undefined) notes.push(CHAIN);
  if (s.summed) notes.push(`${x} was broadcast, so its gradient is summed to its shape ${s.summed}.`);
  return { pass: "Backward pass", what: `${target} = ${nodes[s.node].rule} passes its gradient on to ${x}`, sentence, note: notes.join(" ") };
}

// ---- a sentence as elements, and as words

const isGroup = (part) => part.some(Array.isArray);

function terms(state, sentence) {
  return sentence.map((part) => {
    if (typeof part === "string") return make("span", "operator", part);
    if (isGroup(part)) return make("span", "group", ...terms(state, part));
    const [q, kind, caption] = part;
    const term = make("span", `term ${kind}`, figure(state, q));
    const shape = typeof q === "string" ? "" : state.arrays[q].shape;
    const lines = [caption, shape].filter(Boolean).join("\n");
    if (lines) term.dataset.caption = lines;
    return term;
  });
}
function words(state, sentence) {
  return sentence.map((part) => (typeof part === "string" ? part : isGroup(part) ? words(state, part) : spoken(state, part[0]))).join("");
}
function spoken(state, q) {
  if (typeof q === "string") return q;
  const array = state.arrays[q];
  return array.rows ? `[${array.rows.map((row) => row.join(", ")).join("; ")}]` : `${array.shape} ${array.about.slice(1).join(", ")}`;
}
function figure(state, q) {
  if (typeof q === "string") return q;
  const array = state.arrays[q];
  if (array.rows) {
    const grid = make("span", "matrix", ...array.rows.flat().map((text) => make("span", "", text)));
    grid.style.gridTemplateColumns = `repeat(${array.rows[0].length}, auto)`;
    return grid;
  }
  const lines = make("span", "lines", ...array.about.map((text) => make("span", "", text)));
  return array.heat ? make("span", "about", heat(array.heat), lines) : make("span", "about", lines);
}
function heat(rows) {
  const picture = makeSvg("svg", { class: "heat", viewBox: `0 0 ${rows[0].length} ${rows.length}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  // -8 to 8, 0 for 0: above 0 the whole cell is filled, below 0 its lower half
  rows.forEach((row, y) => row.forEach((shade, x) => {
    if (shade === null) return;
    const below = shade < 0;
    picture.append(makeSvg("rect", { x, y: below ? y + 0.5 : y, width: 1, height: below ? 0.5 : 1, fill: "currentColor", "fill-opacity": Math.abs(shade) / 8 }));
  }));
  return picture;
}
