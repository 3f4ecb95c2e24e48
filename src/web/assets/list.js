// The lists on the left.

import { $, el, reconcile, show, toast, words } from './dom.js';
import { isHandedToMe, isMine, lists, loadClosed, needsAnswer, store } from './store.js';
import { age, ago, fullTime } from './time.js';

/** A number from a name: a patron's spine keeps its colour. */
function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return sum % 8;
}

/** The label on a spine: `heron-42` is HER over 42. */
export function spine(node, patron) {
  const [word, ...rest] = patron.split(/[-\s]+/);
  node.className = `spine hue-${hue(patron)}`;
  node.replaceChildren(el('b', [...(word || '?')].slice(0, 3).join('').toUpperCase()), el('i', rest.join(' ').slice(0, 4) || '·'));
  return node;
}

/** One line of what was said last; a notice of the desk's own says nothing of what is asked. */
export function excerpt(c) {
  const m = c.latest;
  if (!m) return '';
  if (c.asked) return c.asked.replace(/\s+/g, ' ').slice(0, 160);
  const who = m.direction === 'in' ? '' : m.author_kind === 'desk' ? 'Desk: ' : m.author === store.me ? 'You: ' : `${m.author}: `;
  return who + m.body.replace(/\s+/g, ' ').slice(0, 160);
}

/** Queue and gateway, where there is more than one of them to tell apart. */
export function whereFrom(c) {
  const several = (of) => new Set([...store.conversations.values()].map(of)).size > 1;
  const parts = [];
  if (store.queues.filter((q) => q.assigned).length > 1 || several((one) => one.queue)) parts.push(c.queue);
  if (several((one) => one.gateway)) parts.push(c.gateway);
  return [...new Set(parts)].join(' · ');
}

function row(c) {
  const waits = needsAnswer(c);
  const when = c.waiting_since || c.active_at;
  const chips = el('span.chips');
  if (isHandedToMe(c) && !isMine(c)) chips.append(el('span.chip.chip-strong', `from ${c.transfer.from}`));
  else if (c.transfer) chips.append(el('span.chip', `to ${c.transfer.to.split(':')[1]}…`));
  if (c.flagged) chips.append(el('span.chip.chip-warn', 'opt-out?'));
  for (const tag of (c.tags ?? []).slice(0, 2)) chips.append(el('span.chip', `#${tag}`));
  if (c.promise) chips.append(el('span.chip.chip-warn', 'promised'));
  if (c.state === 'held') chips.append(el('span.chip', 'held'));
  if (c.state === 'claimed' && !isMine(c)) chips.append(el('span.chip', c.claimed_by));
  if (c.latest && (c.latest.state === 'failed' || c.latest.state === 'unknown')) chips.append(el('span.chip.chip-bad', c.latest.state === 'failed' ? 'not sent' : 'unsure'));
  const link = el(`a.row${waits ? '.row-waits' : ''}`, { href: `#c${c.id}` },
    spine(el('span', { 'aria-hidden': 'true' }), c.patron),
    el('span.row-words',
      el('span.row-top', el('span.row-who', c.patron),
        el('time.row-age', { datetime: when, title: fullTime(when) }, waits ? age(when) : ago(when))),
      el('span.row-said', excerpt(c) || 'No words yet'),
      el('span.row-foot', el('span.faint', whereFrom(c)), chips)));
  if (c.id === store.current) link.setAttribute('aria-current', 'true');
  return el('li', link);
}

// Everything a row shows.
const print = (c) => JSON.stringify([c.patron, c.tags, c.promise, whereFrom(c), c.state, c.claimed_by, c.flagged, c.transfer,
  c.asked, c.latest?.id, c.latest?.body, c.latest?.state, needsAnswer(c), age(c.waiting_since || c.active_at), c.id === store.current]);

function fill(id, items) {
  reconcile($(id), items, (c) => `c${c.id}`, print, row);
  const count = $(`${id}-count`);
  if (count) words(count, items.length ? String(items.length) : '');
}

export function tally({ waiting }) {
  if (!store.loaded) return 'Opening the desk…';
  const asking = waiting.filter(needsAnswer);
  // A thread that was answered and given back asks for nothing, but has nobody.
  if (asking.length === 0) return waiting.length ? 'Nobody is waiting for an answer' : 'Nobody is waiting';
  const oldest = asking[0].waiting_since;
  return `${asking.length} waiting, oldest ${age(oldest) === 'now' ? 'just now' : age(oldest)}`;
}

export function renderLists() {
  const shown = lists();
  fill('waiting', shown.waiting);
  fill('mine', shown.mine);
  fill('others', shown.others);
  fill('closed', shown.closed);
  show($('others-section'), shown.others.length > 0);
  words($('tally'), tally(shown));
  show($('invite'), store.loaded && store.show === 'offline');
  const mineEmpty = store.loaded && shown.mine.length === 0;
  const waitingEmpty = store.loaded && shown.waiting.length === 0;
  show($('waiting-empty'), waitingEmpty);
  show($('mine-empty'), mineEmpty);
  if (waitingEmpty) {
    const assigned = store.queues.some((q) => q.assigned);
    words($('waiting-empty'), !assigned
      ? 'No queue is assigned to you yet. Ask whoever keeps the desk: callnumber operator set.'
      : store.show === 'available'
        ? 'All caught up. New texts appear here, with a sound.'
        : 'All caught up.');
  }
  if (mineEmpty) words($('mine-empty'), 'Answer a waiting text and it moves here, until you close it.');
  show($('closed-empty'), store.closed !== null && shown.closed.length === 0);
  show($('closed-more'), Boolean(store.closed?.next));
  document.body.classList.toggle('reading', store.current !== null);
  return shown;
}

/** Every row that can be walked to, top to bottom. */
export const rowLinks = () => [...document.querySelectorAll('#lists .row')].filter((node) => node.offsetParent !== null);

let reading = false;
async function readClosed() {
  if (reading) return;
  reading = true;
  try {
    await loadClosed();
  } catch (error) {
    toast(error.message);
  } finally {
    reading = false;
  }
}
$('closed-section').addEventListener('toggle', () => {
  if ($('closed-section').open && store.closed === null) readClosed();
});
$('closed-more').addEventListener('click', readClosed);
