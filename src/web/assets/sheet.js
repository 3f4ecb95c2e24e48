// The hand-over sheet: what is open, how long, whose it is, what was promised. For the printer.

import { all } from './api.js';
import { $, el, words } from './dom.js';
import { age, fullTime } from './time.js';

const place = $('sheet-rows');

try {
  const open = await all('/conversations?limit=500');
  open.sort((a, b) => (a.waiting_since ? Date.parse(a.waiting_since) : Infinity) - (b.waiting_since ? Date.parse(b.waiting_since) : Infinity) || a.id - b.id);
  for (const c of open) {
    const last = c.latest ? `${c.latest.direction === 'in' ? '' : `${c.latest.author}: `}${c.latest.body.replace(/\s+/g, ' ').slice(0, 140)}` : '';
    place.append(el('tr',
      el('th', { scope: 'row' }, c.patron),
      el('td', c.queue),
      el('td', c.waiting_since ? age(c.waiting_since) : 'answered'),
      el('td', c.claimed_by ?? 'nobody'),
      el('td', c.promise ? `${c.promise.text} (${c.promise.by})` : ''),
      el('td', c.tags.join(', ')),
      el('td', last)));
  }
  const waiting = open.filter((c) => c.waiting_since !== null).length;
  words($('sheet-tally'), `${open.length} open, ${waiting} waiting for an answer, as of ${fullTime(new Date().toISOString())}`);
} catch (error) {
  words($('sheet-tally'), error.message);
}
$('sheet-print').addEventListener('click', () => print());
