"use strict";
// Filters and sorts what stands on the page already; without it the page shows everything.

const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));

const rowsOf = (list) => {
  const place = document.querySelector(`[data-list="${list}"], [data-rows="${list}"] tbody`);
  return place ? Array.from(place.children) : [];
};

const say = (list, rows) => {
  const shown = rows.filter((row) => !row.hidden).length;
  for (const output of all(`output[data-shown="${list}"]`)) {
    output.textContent = output.dataset.phrase.replace("{shown}", shown).replace("{all}", rows.length);
  }
  for (const nothing of all(`[data-nothing="${list}"]`)) nothing.hidden = shown > 0;
};

const filterIncidents = () => {
  const rows = rowsOf("incidents");
  const words = document.querySelector('[data-find="incidents"]').value.toLowerCase().split(/\s+/);
  const wanted = all("[data-filter]").filter((select) => select.value);
  for (const row of rows) {
    const fits = wanted.every((select) => row.dataset[select.dataset.filter] === select.value);
    row.hidden = !(fits && words.every((word) => row.dataset.text.includes(word)));
  }
  say("incidents", rows);
};

const orderIncidents = (select) => {
  const [key, way] = select.value.split(" ");
  const rows = rowsOf("incidents");
  rows.sort((one, other) => Number(way) * (Number(one.dataset[key]) - Number(other.dataset[key])));
  for (const row of rows) row.parentElement.append(row);
};

const filterRows = (list) => {
  const rows = rowsOf(list);
  const words = document.querySelector(`[data-find="${list}"]`).value.toLowerCase().split(/\s+/);
  const alerting = document.querySelector(`[data-alerting="${list}"]`).checked;
  for (const row of rows) {
    const fits = words.every((word) => row.dataset.text.includes(word));
    row.hidden = !fits || (alerting && row.dataset.alerts === "0");
  }
  say(list, rows);
};

const valueOf = (row, column) => {
  const cell = row.children[column];
  return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
};

const sortTable = (table, column) => {
  const heads = all("thead th", table);
  const isNumber = heads[column].classList.contains("number");
  const was = heads[column].getAttribute("aria-sort");
  const way = was ? (was === "descending" ? 1 : -1) : isNumber ? -1 : 1;
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
  const rows = all("tbody tr", table);
  rows.sort((one, other) => {
    const [a, b] = [valueOf(one, column), valueOf(other, column)];
    return way * (isNumber ? a - b : a.localeCompare(b, document.documentElement.lang));
  });
  table.tBodies[0].append(...rows);
};

for (const table of all("table.sortable")) {
  all("thead th", table).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = table.dataset.sortBy;
    button.addEventListener("click", () => sortTable(table, column));
    head.replaceChildren(button);
  });
}
for (const part of all(".controls")) part.hidden = false;
for (const remark of all("[data-plain]")) remark.hidden = true;
for (const input of all("[data-find]")) {
  const list = input.dataset.find;
  const filter = list === "incidents" ? filterIncidents : () => filterRows(list);
  input.addEventListener("input", filter);
  filter();
}
for (const box of all("[data-alerting]")) box.addEventListener("change", () => filterRows(box.dataset.alerting));
for (const select of all("[data-filter]")) select.addEventListener("change", filterIncidents);
for (const select of all("[data-order]")) select.addEventListener("change", () => orderIncidents(select));
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.hidden) {
    for (const control of all("[data-filter], [data-find='incidents']")) control.value = "";
    filterIncidents();
    target.scrollIntoView();
  }
});
