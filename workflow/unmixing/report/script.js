"use strict";
// Sorting, filtering and enlarging take a few dozen lines, tested in a browser. The well-kept library for tables
// (DataTables) would add 0.7 MB to every page, and still need lines of ours to keep missing values last.

// Theme: the reader's system decides until a button does; remembered where the browser allows it for files.
const theme = document.createElement("button");
theme.type = "button";
theme.className = "theme";
function wear(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
  theme.textContent = choice ? choice : "auto";
  theme.setAttribute("aria-label", "Theme: " + theme.textContent);
}
function remembered(choice) {
  try {
    if (choice === undefined) return localStorage.getItem("theme") ?? "";
    localStorage.setItem("theme", choice);
  } catch {
    // Storage may be closed to files; the choice then lasts as long as the page.
  }
  return "";
}
theme.addEventListener("click", () => {
  const next = { "": "light", light: "dark", dark: "" }[document.documentElement.dataset.theme ?? ""];
  wear(next);
  remembered(next);
});
wear({ light: "light", dark: "dark" }[remembered()] ?? "");
document.querySelector("nav").append(theme);

// Tables: sort by a click on a heading, filter by words. Missing values stay last in both directions.
for (const article of document.querySelectorAll("article")) {
  const table = article.querySelector("table");
  if (!table) continue;
  const body = table.tBodies[0];
  const original = Array.from(body.rows);
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "" }[heading.getAttribute("aria-sort")] ?? "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) heading.setAttribute("aria-sort", next);
      body.append(...(next ? sorted(original, index, heading.classList.contains("number"), next) : original));
    });
  });
  if (original.length < 4) continue;
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "Filter rows";
  field.setAttribute("aria-label", "Filter rows of " + article.querySelector("h3").textContent);
  const shown = document.createElement("span");
  shown.className = "shown";
  shown.setAttribute("aria-live", "polite");
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of original) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = words.length ? count + " of " + original.length : "";
  });
  article.querySelector(".tools").prepend(field, shown);
}

function sorted(rows, index, numeric, direction) {
  const sign = direction === "ascending" ? 1 : -1;
  const key = (row) => row.cells[index].dataset.sort ?? row.cells[index].textContent;
  return rows.slice().sort((first, second) => {
    const [a, b] = [key(first), key(second)];
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? Number(a) - Number(b) : a.localeCompare(b));
  });
}

// Figures: enlarge on a click or the enter key, then zoom in steps.
const dialog = document.querySelector("dialog");
const stage = dialog.querySelector(".scroll");
let width = 0;
function show(pixels) {
  width = Math.min(Math.max(pixels, 200), 8000);
  stage.firstChild.style.width = width + "px";
}
function fit() {
  const image = stage.firstChild;
  show(Math.min(stage.clientWidth, (stage.clientHeight * image.naturalWidth) / image.naturalHeight));
}
function enlarge(picture) {
  const copy = picture.querySelector("img").cloneNode();
  stage.replaceChildren(copy);
  dialog.showModal();
  show(Math.max(stage.clientWidth, copy.width));
}
for (const picture of document.querySelectorAll(".picture")) {
  const tools = picture.closest("article").querySelector(".tools");
  const larger = document.createElement("button");
  larger.type = "button";
  larger.textContent = "Enlarge";
  larger.addEventListener("click", () => enlarge(picture));
  const save = document.createElement("a");
  save.className = "button";
  save.textContent = tools.dataset.kind;
  save.download = tools.dataset.name;
  save.href = "#";
  // The picture stands in the page once; the link takes it from there.
  save.addEventListener("click", () => (save.href = picture.querySelector("img").src));
  tools.prepend(larger, save);
  picture.addEventListener("click", () => enlarge(picture));
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Enter") enlarge(picture);
  });
}
dialog.addEventListener("click", (event) => {
  const action = event.target.dataset.zoom;
  if (event.target === dialog || action === "close") dialog.close();
  else if (action === "fit") fit();
  else if (action) show(width * Number(action));
});

// Contents: beside the text where there is room, folded above it where there is not; mark the section in view.
const contents = document.querySelector(".contents");
const wide = matchMedia("(min-width: 64rem)");
function fold() {
  contents.open = wide.matches;
}
wide.addEventListener("change", fold);
fold();
contents.querySelector("summary").addEventListener("click", (event) => {
  if (wide.matches) event.preventDefault();
});
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && !wide.matches) contents.open = false;
});
const links = new Map(Array.from(document.querySelectorAll("nav a"), (link) => [link.hash.slice(1), link]));
if ("IntersectionObserver" in window) {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    },
    { rootMargin: "0px 0px -70% 0px" },
  );
  for (const part of document.querySelectorAll("section, article")) observer.observe(part);
}

// On paper everything is open but raw provenance.
let closed = [];
addEventListener("beforeprint", () => {
  closed = Array.from(document.querySelectorAll("details:not([open]):not(.raw)"));
  for (const part of closed) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of closed) part.open = false;
});
