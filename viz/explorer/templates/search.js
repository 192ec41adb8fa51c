// The search box: names, operations and modules of the whole graph, open or closed.

const search = document.getElementById("search"), found = document.getElementById("found");
const MOST = 40; // results that are listed
let marked = -1;

function matches(text) {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean), exact = text.trim().toLowerCase(), result = [];
  if (!wanted.length) return result;
  parts.forEach((part, i) => {
    if (!i) return;
    const label = part.label.toLowerCase(), all = `${label} ${part.facts[0].toLowerCase()}`;
    if (wanted.every((word) => all.includes(word))) result.push([label === exact ? 0 : label.startsWith(exact) ? 1 : label.includes(exact) ? 2 : 3, i]);
  });
  return result.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, i]) => i);
}

function list() {
  const result = matches(search.value), open = result.length > 0 || search.value.trim() !== "";
  marked = result.length ? 0 : -1;
  found.innerHTML = result.slice(0, MOST).map((i, n) => {
    const where = around(i).map(shortName).join(" › ");
    return `<li role="option" id="found${n}" data-go="${i}" aria-selected="${!n}">${html(parts[i].facts[0])}${where ? ` <span class="about">in ${html(where)}</span>` : ""}</li>`;
  }).join("") + (result.length > MOST ? `<li role="option" aria-disabled="true" aria-selected="false" class="about">and ${(result.length - MOST).toLocaleString("en")} more</li>` : "") + (result.length ? "" : `<li role="option" aria-disabled="true" aria-selected="false" class="about">nothing of that name</li>`);
  found.hidden = !open;
  search.setAttribute("aria-expanded", String(open));
  mark(marked);
}
function mark(n) {
  const options = [...found.querySelectorAll("[data-go]")];
  marked = options.length ? (n + options.length) % options.length : -1;
  options.forEach((option, i) => option.setAttribute("aria-selected", String(i === marked)));
  options[marked]?.scrollIntoView({ block: "nearest" });
  if (marked >= 0) search.setAttribute("aria-activedescendant", `found${marked}`);
  else search.removeAttribute("aria-activedescendant");
}
function hideFound() {
  found.hidden = true;
  search.setAttribute("aria-expanded", "false");
  search.removeAttribute("aria-activedescendant");
}
search.addEventListener("input", list);
search.addEventListener("focus", () => search.value && list());
search.addEventListener("blur", () => setTimeout(hideFound, 150));
search.addEventListener("keydown", (event) => {
  const option = found.querySelector(`#found${marked}`);
  if (event.key === "ArrowDown") mark(marked + 1);
  else if (event.key === "ArrowUp") mark(marked - 1);
  else if (event.key === "Enter" && option) { hideFound(); reveal(Number(option.dataset.go)); }
  else if (event.key === "Escape") { if (found.hidden) target(current)?.focus(); hideFound(); }
  else return;
  event.preventDefault();
});
found.addEventListener("pointerdown", (event) => event.preventDefault());
found.addEventListener("click", (event) => {
  const option = event.target.closest("[data-go]");
  if (option) { hideFound(); reveal(Number(option.dataset.go)); }
});
