// SPDX-License-Identifier: Apache-2.0

/// The script of a page with a sortable table. Without it the table has all rows, in their order.
enum PageScript {
  /// The SHA-256 of ``source`` in base64, by which the page allows it. A test computes it again.
  static var digest: StaticString { "vkXqteMAUVxOiZozvY6naMcCPB1OIl+jsYFPR23paD8=" }

  static var source: StaticString {
    """
    for (const table of document.querySelectorAll("table.sortable")) {
      const body = table.tBodies[0];
      const value = (row, column) => {
        const cell = row.cells[column];
        const data = cell.querySelector("data");
        return data ? Number(data.value) : cell.classList.contains("n") ? NaN : cell.textContent;
      };
      const compare = (a, b) => {
        if (typeof a === "number" || typeof b === "number") {
          return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : null;
        }
        return null;
      };
      const collator = new Intl.Collator("en", { numeric: true });
      [...table.tHead.rows[0].cells].forEach((heading, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...heading.childNodes);
        heading.append(button);
        button.addEventListener("click", () => {
          const isNumeric = heading.classList.contains("n");
          const order = heading.getAttribute("aria-sort");
          const isDown = order ? order === "ascending" : isNumeric;
          for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
          heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
          const rows = [...body.rows].map((row) => [value(row, column), row]);
          // Rows without a number come last in both orders.
          rows.sort(([a], [b]) => compare(a, b)
            ?? (isDown ? -1 : 1) * (typeof a === "number" ? a - b : collator.compare(a, b)));
          body.append(...rows.map(([, row]) => row));
        });
      });
    }
    """
  }
}
