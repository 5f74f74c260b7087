'use strict';
// Lets people sort a table by any of its columns: once up, once down, once as it was.
const words = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

const valueOf = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.value ?? cell.textContent;
};

const compare = (isNumber, sign) => (a, b) =>
  sign * (isNumber ? a.value - b.value : words.compare(a.value, b.value));

for (const table of document.querySelectorAll('table.rows')) {
  const body = table.tBodies[0];
  const asItWas = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const isNumber = head.classList.contains('number');
    const ways = isNumber ? ['descending', 'ascending', 'none'] : ['ascending', 'descending', 'none'];
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute('aria-sort', 'none');
    button.addEventListener('click', () => {
      const way = ways[(ways.indexOf(head.getAttribute('aria-sort')) + 1) % ways.length];
      heads.forEach((other) => other.setAttribute('aria-sort', 'none'));
      head.setAttribute('aria-sort', way);
      // What has no value comes last either way.
      const known = [];
      const blank = [];
      for (const row of asItWas) {
        const value = valueOf(row, column);
        (value === '' ? blank : known).push({ row, value });
      }
      known.sort(compare(isNumber, way === 'descending' ? -1 : 1));
      body.append(...(way === 'none' ? asItWas : [...known, ...blank].map(({ row }) => row)));
    });
  });
}
