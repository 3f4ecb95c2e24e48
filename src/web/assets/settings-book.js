// The desk as a file: taken out, and made like another one.

import { call } from './api.js';
import { $, el, show } from './dom.js';
import { button, readAgain } from './settings-desk.js';

/** What is said of the chosen file. */
function bookSaid(...nodes) {
  $('book-said').replaceChildren(...nodes);
  show($('book-said'), nodes.length > 0);
}

/** Shows what a file would change, or the line that is wrong; then asks. */
async function tryBook(file) {
  // Browsers do not agree on what kind of file this is.
  const book = new Blob([file], { type: 'application/toml' });
  const change = (query) => call('PUT', `/desk${query}`, book);
  let changes;
  try {
    ({ changes } = await change('?dry_run=true'));
  } catch (error) {
    bookSaid(el('p.card-problem', `${file.name}: ${error.message}`));
    return;
  }
  if (!changes.length) {
    bookSaid(el('p', 'This desk is like that file already.'));
    return;
  }
  const go = button(changes.length === 1 ? 'Make this change' : `Make these ${changes.length} changes`, async () => {
    go.disabled = true;
    try {
      await change('');
      $('book-import').reset();
      bookSaid(el('p', `Done: ${changes.length === 1 ? '1 change is' : `${changes.length} changes are`} in force.`));
      await readAgain();
    } catch (error) {
      bookSaid(el('p.card-problem', `${file.name}: ${error.message}`));
    }
  }, '.primary');
  bookSaid(
    el('p', `${file.name} would change this, all of it or nothing. What it does not name stays.`),
    el('ul.book-changes', ...changes.map((line) => el('li', line))),
    el('p.card-acts', button('Leave it', () => { $('book-import').reset(); bookSaid(); }), go),
  );
}

export function setUpBook() {
  $('book-passwords').addEventListener('change', () => {
    $('book-export').href = `/api/v1/desk${$('book-passwords').checked ? '?passwords=true' : ''}`;
  });
  $('book-file').addEventListener('change', () => bookSaid());
  $('book-import').addEventListener('submit', (event) => {
    event.preventDefault();
    const [file] = $('book-file').files;
    if (file) tryBook(file);
  });
}
