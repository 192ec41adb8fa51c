// The panel: all that is known of a box, its arrays as numbers and as heat, and the way to the boxes it is connected with.

const panel = document.getElementById("panel");
const FEW = 24, LEVELS = 5; // links that are shown; shades of a colour
const beside = matchMedia("(min-width: 801px)"); // the panel is beside the picture, not below it
let pinned = 0, shown = -1, waiting = 0;

const html = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const shortName = (i) => parts[i].label.split(":")[0];

// How a number is shaded: how strong, and whether it is negative. 0 is white; NaN and infinity are marked.
function shade(x, largest) {
  if (typeof x === "string") return { strong: LEVELS, negative: false, odd: true };
  return { strong: largest ? Math.ceil((LEVELS * Math.abs(x)) / largest - 1e-9) : 0, negative: x < 0, odd: false };
}
function largestOf(rows) {
  let largest = 0;
  for (const row of rows) for (const x of row) if (typeof x === "number" && Math.abs(x) > largest) largest = Math.abs(x);
  return largest;
}

// a square for each number, negative ones hatched
function paintHeat(canvas, { rows }, role) {
  const across = rows[0].length, largest = largestOf(rows);
  const cell = Math.max(3, Math.min(16, Math.floor(320 / across), Math.floor(200 / rows.length) || 3)), tall = rows.length === 1 ? 16 : cell;
  [canvas.width, canvas.height] = [across * cell, rows.length * tall];
  const paint = canvas.getContext("2d"), [ground, text, negatives, positives] = ["background", "text", "local", role].map(colour);
  paint.fillStyle = ground;
  paint.fillRect(0, 0, canvas.width, canvas.height);
  rows.forEach((row, i) => row.forEach((x, j) => {
    const { strong, negative, odd } = shade(x, largest);
    if (!strong) return;
    paint.globalAlpha = odd ? 1 : strong / LEVELS;
    paint.fillStyle = odd ? text : negative ? negatives : positives;
    paint.fillRect(j * cell, i * tall, cell, tall);
    if (!negative || cell < 4) return;
    paint.globalAlpha = 1;
    paint.strokeStyle = ground;
    paint.beginPath();
    paint.moveTo(j * cell, (i + 1) * tall);
    paint.lineTo((j + 1) * cell, i * tall);
    paint.stroke();
  }));
  paint.globalAlpha = 1;
}

const typeset = (x) => String(x).replaceAll("-", "−").replace("nan", "NaN").replace("inf", "∞");
function table({ rows }, role) {
  const largest = largestOf(rows);
  const head = `<tr><td></td>${rows[0].map((_, j) => `<th scope="col">${j}</th>`).join("")}</tr>`;
  const body = rows.map((row, i) => `<tr><th scope="row">${i}</th>${row.map((x) => {
    const { strong, negative, odd } = shade(x, largest);
    return `<td class="${odd ? "odd" : (negative ? "n" : role[0]) + strong}">${typeset(x)}</td>`;
  }).join("")}</tr>`).join("");
  return `<table>${rows[0].length > 1 ? head : ""}${body}</table>`;
}
function numbers({ shape, whole }, role) {
  const told = !whole ? "; too many elements for this page, so means of blocks" : shape.length > 2 ? "; the axes before the last are rows" : "";
  return `<section class="array ${role}"><h3>${role} <span class="about">(${shape.join(", ")}${shape.length === 1 ? "," : ""})${told}</span></h3>
<canvas role="img" aria-label="Heat of the ${role}: 0 is white, negative numbers are hatched"></canvas>
<div class="numbers" tabindex="0" role="region" aria-label="Numbers of the ${role}"></div></section>`;
}

function links(title, found) {
  if (!found.length) return "";
  const made = found.slice(0, FEW).map((i) => `<button data-go="${i}">${html(shortName(i))}</button>`);
  return `<p class="links">${title} ${made.join(" ")}${found.length > FEW ? ` and ${found.length - FEW} more` : ""}</p>`;
}

function showPanel(id) {
  clearTimeout(waiting);
  if (id === shown) return;
  shown = id;
  const part = parts[partOf(id)], leads = inPicture.get(id)?.leads[id];
  if (!part && !leads) {
    panel.innerHTML = `<p class="about">Point at a box, or move to it with the arrow keys, and what it holds is shown here.</p>`;
    panel.classList.add("empty");
    return;
  }
  panel.classList.remove("empty");
  panel.scrollTop = 0;
  const close = `<button id="unpin" class="icon" aria-label="Close details"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg></button>`;
  if (!part) {
    panel.innerHTML = `${close}<h2>${html(inPicture.get(id).nodes.get(id).text)}</h2>${links("It is", leads)}`;
    return;
  }
  const [first, ...facts] = part.facts;
  const lines = facts.map((line) => `<p class="${line.split(" ")[0]}">${html(/^(value|gradient) /.test(line) ? typeset(line) : line)}</p>`).join("");
  const where = around(partOf(id));
  panel.innerHTML = `${close}<h2>${html(first)}</h2>${lines}${where.length ? links("Inside of", where) : ""}${links("Computed from", part.inputs)}${links("Used by", part.uses)}${part.value ? numbers(part.value, "value") : ""}${part.gradient ? numbers(part.gradient, "gradient") : ""}`;
  const sections = [...panel.querySelectorAll(".array")].map((section) => [section, section.classList.contains("value") ? "value" : "gradient"]);
  for (const [section, role] of sections) paintHeat(section.querySelector("canvas"), part[role], role);
  // thousands of numbers take a moment: where the mouse only passes, they come later
  const fill = () => { if (shown === id) for (const [section, role] of sections) section.querySelector(".numbers").innerHTML = table(part[role], role); };
  if (id === pinned) fill();
  else setTimeout(fill, 250);
}

function pin(id) {
  pinned = id;
  showPanel(id);
}
const boxAt = (target) => target.closest?.(".box, .title");
const idOf = (box) => box.dataset.id || box.id.replace(/op$/, "");
plane.addEventListener("pointerover", (event) => {
  const box = boxAt(event.target);
  if (event.pointerType !== "mouse" || stage.classList.contains("dragging")) return;
  if (!beside.matches && panel.classList.contains("empty")) return; // below the picture it opens by a click only
  clearTimeout(waiting);
  waiting = setTimeout(showPanel, box ? 80 : 300, box ? idOf(box) : pinned);
});
plane.addEventListener("pointerleave", () => { clearTimeout(waiting); waiting = setTimeout(showPanel, 300, pinned); });
panel.addEventListener("pointerenter", () => clearTimeout(waiting));
panel.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.go) reveal(Number(button.dataset.go));
  else if (button?.id === "unpin") { pin(0); graph.querySelector("[tabindex='0']")?.focus(); }
});
