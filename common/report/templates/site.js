// Filters, sorting and the enlarged view. Without this script, every page still shows all its content.
"use strict";

// Compares two texts: as numbers if both are numbers, else as text. An empty one comes last in either direction.
function byValue(one, other, direction) {
  if (one === "" || other === "") return (one === "") - (other === "");
  const difference = Number(one) - Number(other);
  return direction * (Number.isNaN(difference) ? one.localeCompare(other, "en", { numeric: true }) : difference);
}

// Lets the controls of a form filter and sort a list of items. A select or checkbox called NAME keeps the items whose
// data-NAME is its value. The select called sort orders by data-KEY if its value is "KEY:asc" or "KEY:desc"; if it is
// empty, the items are in their original order. The select called axis sets where the axes of the plots begin.
function controlled(form) {
  const list = document.getElementById(form.dataset.controls);
  const holder = list.matches("[data-items]") ? list : list.querySelector("[data-items]");
  const items = [...holder.querySelectorAll("[data-item]")];
  const count = form.querySelector(".count");
  const filters = [...form.elements].filter((each) => each.name && !["sort", "axis"].includes(each.name));
  const wanted = (each) => (each.type === "checkbox" && !each.checked ? "" : each.value);
  let order = "";

  function apply() {
    const asked = filters.map((each) => [each.name, wanted(each)]).filter(([, value]) => value);
    for (const item of items) item.hidden = !asked.every(([name, value]) => item.dataset[name] === value);
    const shown = items.filter((item) => !item.hidden).length;
    count.textContent = `${shown} of ${count.dataset.of}`;
    if (form.elements.sort.value !== order) {
      order = form.elements.sort.value;
      const [key, direction] = order.split(":");
      const sign = direction === "desc" ? -1 : 1;
      const sorted = key ? [...items].sort((a, b) => byValue(a.dataset[key], b.dataset[key], sign)) : items;
      holder.append(...sorted);
    }
    const axis = form.elements.axis;
    if (axis) {
      const from = Number(axis.value);
      list.style.setProperty("--from", from);
      for (const tick of list.querySelectorAll("[data-at]")) {
        tick.textContent = String(Number((from + Number(tick.dataset.at) * (1 - from)).toFixed(2)));
      }
      for (const mark of list.querySelectorAll(".plot:not(.own) > :is(i, b)")) {
        const [low, high] = ["--a", "--b"].map((end) => parseFloat(mark.style.getPropertyValue(end)));
        mark.classList.toggle("off", (Number.isNaN(high) ? low : high) < from || low > 1);
      }
    }
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", apply);
  form.hidden = false;
  apply(); // a browser may have kept the choices of an earlier visit
}

// Makes the heads of a table buttons that sort its rows. A cell is sorted by its data-value, else by its text.
function sortable(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text === "-" ? "" : text;
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => byValue(value(a, column), value(b, column), rising ? 1 : -1));
      body.append(...rows);
    });
  });
}

// Shows one case at a time, as large as the window. Arrow keys step through the cases that are not filtered out.
function enlarging(dialog) {
  let current = null;

  function show(item) {
    current = item;
    dialog.querySelector("h2").textContent = item.querySelector("h2").textContent;
    const copy = item.cloneNode(true);
    copy.querySelector("h2").remove();
    for (const marked of copy.querySelectorAll("[id]")) marked.removeAttribute("id");
    dialog.querySelector(".body").replaceChildren(...copy.children);
    if (!dialog.open) dialog.showModal();
  }

  function step(by) {
    const shown = [...document.querySelectorAll(".case")].filter((item) => !item.hidden);
    show(shown[(shown.indexOf(current) + by + shown.length) % shown.length]);
  }

  for (const item of document.querySelectorAll(".case")) {
    for (const handle of item.querySelectorAll(".enlarge, .frame")) handle.addEventListener("click", () => show(item));
  }
  for (const button of dialog.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  }
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("a")) dialog.close();
  });
  dialog.addEventListener("close", () => current?.querySelector(".enlarge").focus());
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) { event.preventDefault(); step(by); }
  });
}

// Shows the element that the address names, even if it is inside a closed <details>.
function unfold() {
  let at = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const target = at;
  for (; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target?.scrollIntoView();
}

if (location.hash) unfold();
window.addEventListener("hashchange", unfold);
document.querySelectorAll("form[data-controls]").forEach(controlled);
document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("dialog").forEach(enlarging);
