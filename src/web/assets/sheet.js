// The hand-over sheet: what is open, how long, whose it is, what was promised. For the printer.

import { all } from './api.js';
import { $, el, words } from './dom.js';
import { age, fullTime } from './time.js';

const place = $('sheet-rows');

try {
  const open = await all('/conversations?limit=500');
  open.sort((a, b) => (a.waiting_since ? Date.parse(a.waiting_since) : Infinity) - (b.waiting_since ? Date.parse(b.waiting_since) : Infinity) || a.id - b.id);
  for (const c of open) {
    const last = c.asked ? c.asked.replace(/\s+/g, ' ').slice(0, 140) : c.latest ? `${c.latest.direction === 'in' ? '' : `${c.latest.author}: `}${c.latest.body.replace(/\s+/g, ' ').slice(0, 140)}` : '';
    // Their roles are said: on a phone they are no table to look at.
    const cell = (head, text) => el('td', { role: 'cell', 'data-head': head }, text);
    place.append(el('tr', { role: 'row' },
      el('th', { scope: 'row', role: 'rowheader' }, c.patron),
      cell('Queue', c.queue),
      cell('Waiting', c.waiting_since ? age(c.waiting_since) : 'answered'),
      cell('Owner', c.claimed_by ?? 'nobody'),
      cell('Promise', c.promise ? `${c.promise.text} (${c.promise.by})` : ''),
      cell('Tags', c.tags.join(', ')),
      cell('Last words', last)));
  }
  const waiting = open.filter((c) => c.waiting_since !== null).length;
  words($('sheet-tally'), `${open.length} open, ${waiting} waiting for an answer, as of ${fullTime(new Date().toISOString())}`);
} catch (error) {
  words($('sheet-tally'), error.message);
}
$('sheet-print').addEventListener('click', () => print());
