// What is held of one patron, for a library that has to say so, and its erasure.

import { call, post } from './api.js';
import { $, ask, el, show } from './dom.js';
import { button } from './settings-desk.js';

function said(...nodes) {
  $('patron-said').replaceChildren(...nodes);
  show($('patron-said'), nodes.length > 0);
}

/** Hands a file to the person at the page. */
function save(words, kind, ending) {
  const url = URL.createObjectURL(new Blob([words], { type: kind }));
  el('a', { href: url, download: `callnumber-patron.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const asked = (patron, format) => post('/patrons/export', { patron, format });

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    said(el('p.card-problem', { role: 'alert' }, error.message));
  }
}

const conversations = (n) => (n === 1 ? '1 conversation' : `${n} conversations`);

async function erase(patron, held) {
  const who = held.known_as.map((one) => one.patron).join(', ') || held.address;
  if (!await ask(`Erase everything of ${who}?`, `${conversations(held.conversations.length)} and their numbers go, on every line. Nobody can bring them back, except from a backup. Nothing is sent to tell the patron.`, 'Erase')) return;
  await attempt(async () => {
    const erased = await post('/patrons/erase', { patron });
    $('patron-form').reset();
    said(el('p', `Erased: ${erased.patrons.join(', ') || 'nobody the desk knew'}, ${conversations(erased.conversations)}.`));
  });
}

async function look(patron) {
  const held = await asked(patron, 'json');
  if (held.known_as.length === 0 && held.arrivals.length === 0) {
    said(el('p', `Nothing is held of ${held.address}.`));
    return;
  }
  const text = await call('POST', '/patrons/export', { patron, format: 'text' });
  said(
    el('pre.raw', { tabindex: '0', 'aria-label': 'Everything that is held' }, text),
    el('p.card-acts',
      button('Take as text', () => save(text, 'text/plain', 'txt')),
      button('Take as JSON', () => save(JSON.stringify(held, null, 2), 'application/json', 'json')),
      button('Erase all of it…', () => erase(patron, held))),
  );
}

export function setUpPatrons() {
  $('patron-who').addEventListener('input', () => said());
  $('patron-form').addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(() => look($('patron-who').value.trim()));
  });
}
