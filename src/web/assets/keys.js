// Everything has a key.

import { openAid, openBegin, openFind, reopen } from './aids.js';
import { toggleSound } from './alerts.js';
import { $, el, toast } from './dom.js';
import { rowLinks } from './list.js';
import { store } from './store.js';
import { claim, close, release, transfer } from './thread.js';

const shown = (id) => !$(id).hidden && $(id).offsetParent !== null;

function move(by) {
  const rows = rowLinks();
  if (rows.length === 0) return;
  let at = rows.indexOf(document.activeElement);
  if (at < 0) at = rows.findIndex((row) => row.getAttribute('aria-current') === 'true');
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + by));
  rows[next].focus();
  rows[next].scrollIntoView({ block: 'nearest' });
}

const KEYS = [
  [['j', 'ArrowDown'], 'Next conversation', () => move(1)],
  [['k', 'ArrowUp'], 'Previous conversation', () => move(-1)],
  [['Enter'], 'Open it', null],
  [['w'], 'Open the longest-waiting', () => $('waiting').querySelector('a')?.click()],
  [['r'], 'Answer', () => { if (shown('thread')) $('reply').focus(); }],
  [['Ctrl Enter'], 'Send (Enter alone too; Shift Enter for a new line)', null],
  [['c'], 'Claim or accept', () => shown('act-claim') && claim()],
  [['t'], 'Transfer', () => shown('act-transfer') && transfer()],
  [['u'], 'Release', () => shown('act-release') && release()],
  [['e'], 'Close', () => shown('act-close') && close()],
  [['o'], 'Open a closed one again', () => shown('act-reopen') && reopen()],
  [['n'], 'Note to colleagues', () => shown('thread') && openAid('note')],
  [['g'], 'Tags', () => shown('thread') && openAid('tags')],
  [['p'], 'Promise', () => shown('thread') && openAid('promise')],
  [['/'], 'Search; in the answer: a canned reply', () => openFind()],
  [['b'], 'Begin a conversation', () => openBegin()],
  [['a'], 'Available or away', () => document.querySelector(`input[name=show][value=${document.querySelector('input[name=show]:checked')?.value === 'available' ? 'away' : 'available'}]`).click()],
  [['s'], 'Sound on or off', () => toast(toggleSound() ? 'Sound on' : 'Sound off')],
  [['Escape'], 'Leave the box, then the conversation', null],
  [['?'], 'This sheet', () => $('help').showModal()],
];

const NAMES = { ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc' };
for (const [keys, words] of KEYS) {
  const kbds = keys.flatMap((key) => key.split(' ')).map((key) => el('kbd', NAMES[key] || key));
  $('help-keys').append(el('div', el('dt', ...kbds.flatMap((kbd, n) => (n ? [' ', kbd] : [kbd]))), el('dd', words)));
}

$('help-open').addEventListener('click', () => $('help').showModal());

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector('dialog[open]')) return;
  const typing = event.target.matches('textarea, select, input:not([type=radio]):not([type=checkbox])');
  if (event.key === 'Escape') {
    if ($('menu').open) $('menu').open = false;
    else if (typing) document.activeElement.blur();
    else if (store.current !== null) location.hash = '';
    return;
  }
  if (typing) return;
  // Arrows scroll the thread and move radios; j and k walk the list from anywhere.
  if (event.key.startsWith('Arrow') && !event.target.matches('.row, body')) return;
  const found = KEYS.find(([keys, , run]) => run && keys.includes(event.key));
  if (!found) return;
  event.preventDefault();
  found[2]();
});
