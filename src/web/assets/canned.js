// Canned replies: a slash and the beginning of a key in the reply box, and the list opens.

import { all } from './api.js';
import { $, announce, el, show } from './dom.js';
import { store } from './store.js';

const box = $('reply');
const list = $('canned');
let known = null;
let found = [];
let at = 0;

/** Read again after the plan changed; the last ones serve meanwhile. */
export function forgetCanned() {
  known = null;
}

async function load() {
  if (known) return known;
  known = await all('/canned');
  return known;
}

/** What is typed before the caret, when it asks for a canned reply. */
function asked() {
  if (box.selectionStart !== box.selectionEnd) return null;
  const before = box.value.slice(0, box.selectionStart);
  const match = /(?:^|\s)\/([a-z0-9._-]*)$/i.exec(before);
  return match ? match[1].toLowerCase() : null;
}

function close() {
  found = [];
  show(list, false);
  box.removeAttribute('aria-activedescendant');
}

function mark() {
  for (const [n, node] of [...list.children].entries()) node.setAttribute('aria-selected', String(n === at));
  box.setAttribute('aria-activedescendant', `canned-${at}`);
  list.children[at]?.scrollIntoView({ block: 'nearest' });
}

function take(one) {
  const caret = box.selectionStart;
  const before = box.value.slice(0, caret).replace(/\/[a-z0-9._-]*$/i, '');
  box.value = before + one.text + box.value.slice(caret);
  const end = before.length + one.text.length;
  box.setSelectionRange(end, end);
  close();
  box.focus();
  box.dispatchEvent(new InputEvent('input'));
}

async function look() {
  const typed = asked();
  const c = store.conversations.get(store.current);
  if (typed === null || !c) {
    close();
    return;
  }
  let replies;
  try {
    replies = await load();
  } catch {
    close();
    return;
  }
  // More may have been typed meanwhile: that has its own look.
  if (asked() !== typed) return;
  // The queue's own wording goes before the desk's.
  const fits = replies.filter((one) => one.queue === null || one.queue === c.queue);
  const own = new Set(fits.filter((one) => one.queue !== null).map((one) => one.key));
  found = fits.filter((one) => one.queue !== null || !own.has(one.key))
    .filter((one) => one.key.startsWith(typed) || (typed.length > 2 && one.text.toLowerCase().includes(typed)))
    .sort((a, b) => b.key.startsWith(typed) - a.key.startsWith(typed) || a.key.localeCompare(b.key))
    .slice(0, 8);
  if (found.length === 0) {
    close();
    return;
  }
  at = 0;
  list.replaceChildren(...found.map((one, n) => {
    const node = el('li', { id: `canned-${n}`, role: 'option', 'aria-selected': 'false' }, el('b', `/${one.key}`), ' ', el('span', one.text));
    node.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      take(one);
    });
    return node;
  }));
  if (list.hidden) announce(`${found.length} canned ${found.length === 1 ? 'reply' : 'replies'}: arrows choose, Enter takes`);
  show(list, true);
  mark();
}

box.addEventListener('input', look);
box.addEventListener('blur', close);
// Before the composer's own keys: Enter takes the reply instead of sending.
box.addEventListener('keydown', (event) => {
  if (list.hidden || event.isComposing) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    at = (at + step + found.length) % found.length;
    mark();
  } else if (event.key === 'Enter' || event.key === 'Tab') take(found[at]);
  else if (event.key === 'Escape') close();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });
