// What came by a line and is part of no conversation: unreadable, or not read yet.

import { get } from './api.js';
import { $, el, toast } from './dom.js';
import { since } from './time.js';

const WHY = { waiting: 'Not read yet', in_part: 'The rest of its text is missing', report: 'A report about no text that is known' };

/** What is kept of one, as it came: asked for by itself, because that is in the audit trail. */
async function open(arrival, cell, button) {
  button.disabled = true;
  try {
    const { raw } = await get(`/arrivals/${arrival.id}`);
    cell.replaceChildren(el('pre.raw', { tabindex: '0', 'aria-label': `Arrival ${arrival.id}, as it came` }, raw));
    cell.firstElementChild.focus();
  } catch (error) {
    button.disabled = false;
    toast(error.message);
  }
}

function row(arrival) {
  const button = el('button.quiet.small', { type: 'button', 'aria-label': `Show arrival ${arrival.id}` }, 'Show');
  const cell = el('td', button);
  button.addEventListener('click', () => open(arrival, cell, button));
  return el('tr', el('td', String(arrival.id)), el('td', since(arrival.at)), el('td', arrival.line), el('td', WHY[arrival.state] ?? arrival.problem ?? 'Unreadable'), cell);
}

export async function showArrivals() {
  const { items } = await get('/arrivals?limit=100');
  $('arrivals-none').hidden = items.length > 0;
  $('arrivals-table').hidden = items.length === 0;
  $('arrivals-list').replaceChildren(...items.map(row));
}
