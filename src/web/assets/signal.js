// How well a line was heard over the day, as a picture and in words.

import { get } from './api.js';
import { el } from './dom.js';
import { at } from './settings-desk.js';

const DAY = 24 * 3600 * 1000;
const [WIDE, HIGH] = [480, 96];
/** What a modem can tell: below the one nothing is heard, above the other it makes no difference. */
const [FAINT, LOUD] = [-113, -51];
/** From here on texts fail now and then; `callnumber doctor` says the same. */
const WEAK = -103;

function shape(tag, attributes) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const y = (dbm) => HIGH - (HIGH * (Math.min(LOUD, Math.max(FAINT, dbm)) - FAINT)) / (LOUD - FAINT);

/** The points, cut where nothing was heard or nobody looked. */
function runs(points, gap) {
  const found = [];
  let before = null;
  for (const p of points) {
    if (p.signal_dbm === null) before = null;
    else {
      if (before === null || p.when - before > gap) found.push([]);
      found[found.length - 1].push(p);
      before = p.when;
    }
  }
  return found;
}

function draw(points, every, now) {
  const x = (when) => WIDE * (1 - (now - when) / DAY);
  const wide = Math.max(1.5, (WIDE * every) / DAY);
  const svg = shape('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: 'none', class: 'signal-picture', 'aria-hidden': 'true' });
  svg.append(shape('rect', { class: 'signal-weak', x: 0, y: y(WEAK), width: WIDE, height: HIGH - y(WEAK) }));
  for (let hour = 6; hour < 24; hour += 6) {
    const place = x(now - hour * 3600 * 1000);
    svg.append(shape('line', { class: 'signal-hour', x1: place, x2: place, y1: 0, y2: HIGH }));
  }
  for (const p of points) {
    if (!p.works) svg.append(shape('rect', { class: 'signal-out', x: x(p.when), y: 0, width: wide, height: HIGH }));
  }
  for (const run of runs(points, 2.5 * every)) {
    // Each point is as long as it lasted: one alone is a dash, also where it is of this moment.
    const place = (p) => Math.min(WIDE - wide, x(p.when)).toFixed(1);
    const path = run.map((p, n) => `${n ? 'L' : 'M'}${place(p)} ${y(p.signal_dbm).toFixed(1)}`).join('');
    const last = run[run.length - 1];
    svg.append(shape('path', { class: 'signal-line', d: `${path}L${Math.min(WIDE, x(last.when) + wide).toFixed(1)} ${y(last.signal_dbm).toFixed(1)}` }));
  }
  return svg;
}

/** The day in words, for everybody. */
function inWords(points) {
  const heard = points.map((p) => p.signal_dbm).filter((dbm) => dbm !== null);
  if (!heard.length) return 'No signal was heard yet.';
  const [low, high] = [Math.min(...heard), Math.max(...heard)];
  const range = low === high ? `${low} dBm` : `${low} to ${high} dBm`;
  const out = points.filter((p) => !p.works).length;
  const weak = low <= WEAK ? ' Weak at times: move the antenna to a window, or fit a better one.' : '';
  return `Signal in the last day: ${range}.${out ? ' In the shaded times the line did not send or receive.' : ''}${weak}`;
}

const figures = new Map();
const LOOK_AGAIN = 60_000;

/** The picture of a line, drawn again when it is asked for and a minute has passed. */
export function signal(name) {
  let one = figures.get(name);
  if (!one) {
    one = { figure: el('figure.signal', { 'data-signal': name }), read: 0 };
    figures.set(name, one);
  }
  if (Date.now() - one.read > LOOK_AGAIN) {
    one.read = Date.now();
    get(`/modems/${at(name)}/signal`).then((told) => {
      const now = Date.now();
      const points = told.items.map((p) => ({ ...p, when: Date.parse(p.at) }));
      one.figure.replaceChildren(draw(points, told.every_s * 1000, now),
        el('p.signal-hours', { 'aria-hidden': 'true' }, el('span', '24 h ago'), el('span', '12 h'), el('span', 'now')), el('figcaption.hint', inWords(points)));
    }).catch(() => { one.read = 0; });
  }
  return one.figure;
}
