// "Show me": prepared lessons, each one click.
import { el } from "./dom.js";

export function lessons(app) {
  const list = el("div", { class: "lesson-list" });
  const details = el("details", { class: "lessons" }, el("summary", {}, "Show me …"), list);
  const title = el("h2", {}), claim = el("p", {}), watch = el("p", { class: "watch" });
  const again = el("button", { type: "button", onclick: () => begin(current) }, "Again");
  const done = el("button", { type: "button", "aria-label": "Close the lesson", class: "small-round", onclick: () => { told.hidden = true; } }, "×");
  const told = el("section", { class: "told", "aria-label": "Lesson", hidden: true }, done, title, claim, watch, again);
  let current = null;
  function begin(lesson) {
    current = lesson;
    [title.textContent, claim.textContent, watch.textContent] = [lesson.title, lesson.claim, `Watch: ${lesson.watch}`];
    told.hidden = false;
    details.open = false;
    app.send({ type: "lesson", id: lesson.id });
  }
  for (const lesson of app.hello.lessons)
    list.append(el("button", { type: "button", "data-lesson": lesson.id, onclick: () => begin(lesson) }, el("b", {}, lesson.title), el("span", {}, lesson.claim)));
  details.addEventListener("keydown", (event) => { if (event.key === "Escape" && details.open) { details.open = false; details.firstChild.focus(); } });
  return { element: details, told };
}
