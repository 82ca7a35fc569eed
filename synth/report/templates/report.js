"use strict";
// A click on a heading sorts its table; a second click turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[column];
        if (!cell) return null;
        const value = cell.dataset.value ?? cell.textContent.trim();
        return value === "-" ? null : value;
      };
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === null || y === null) return (x === null) - (y === null);
        const order = isNaN(x) || isNaN(y) ? String(x).localeCompare(String(y)) : x - y;
        return up ? order : -order;
      });
      body.append(...rows);
    });
  });
}
