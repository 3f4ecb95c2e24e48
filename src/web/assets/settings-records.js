// What coordinators keep and read: canned replies, and the reports; what admins take away: transcripts.

import { call, post, put } from './api.js';
import { $, ask, el, reconcile } from './dom.js';
import { inWords } from './segments.js';
import { act, at, desk, newId } from './settings-desk.js';

const query = (c) => (c.queue ? `?queue=${at(c.queue)}` : '');

function canned(c) {
  const id = newId('canned');
  const box = el('textarea', { id, rows: 3, maxlength: 2000 }, c.text);
  const count = el('p.hint', inWords(c.text).count);
  box.addEventListener('input', () => { count.textContent = inWords(box.value).count; });
  const remove = el('button.quiet.small', { type: 'button' }, 'Remove');
  remove.addEventListener('click', async () => {
    if (await ask(`Remove /${c.key}?`, 'Answers that were sent with it stay as they are.', 'Remove')) {
      act(() => call('DELETE', `/canned/${at(c.key)}${query(c)}`), `/${c.key} is removed`);
    }
  });
  const node = el('form.card', el('h3', `/${c.key}`, el('span.faint', c.queue ? ` in ${c.queue}` : ' everywhere')),
    el('label.unseen', { for: id }, `The words of /${c.key}`), box, count,
    el('p.card-acts', remove, el('button.primary.small', 'Save')));
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => put(`/canned/${at(c.key)}${query(c)}`, { text: box.value.trim() }), `/${c.key} is saved`);
  });
  return node;
}

export function showCanned() {
  const list = $('canned-list');
  if (desk.canned.length) reconcile(list, desk.canned, (c) => `${c.key} ${c.queue ?? ''}`, JSON.stringify, canned);
  else list.replaceChildren(el('p.empty', 'None yet. Librarians write / and a key, and have the words.'));
  const chosen = $('canned-queue').value;
  $('canned-queue').replaceChildren(el('option', { value: '' }, 'Everywhere'), ...desk.queues.map((q) => el('option', { value: q.name, selected: q.name === chosen }, q.name)));
}

export function setUpCanned() {
  $('canned-add').addEventListener('submit', (event) => {
    event.preventDefault();
    act(async () => {
      await post('/canned', { key: $('canned-key').value.trim().toLowerCase(), queue: $('canned-queue').value || null, text: $('canned-text').value.trim() });
      $('canned-add').reset();
    }, 'The reply is there');
  });
}

// Reports ---------------------------------------------------------------------------------------

const spoken = (s) => {
  if (s === null) return '';
  if (s < 90) return `${s} s`;
  return s < 5400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
};

function day(back) {
  const d = new Date(Date.now() - back * 24 * 3600 * 1000);
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`;
}

async function showReport() {
  const asked = new URLSearchParams({ from: $('report-from').value, to: $('report-to').value, by: $('report-by').value });
  let report;
  try {
    report = await call('GET', `/reports?${asked}`);
  } catch (error) {
    $('report-problem').textContent = error.message;
    return;
  }
  $('report-problem').textContent = '';
  $('report-csv').href = `/api/v1/reports.csv?${asked}`;
  const picture = $('report-picture');
  picture.src = `/api/v1/reports.svg?${asked}&measure=${$('report-measure').value}`;
  picture.hidden = report.items.length === 0;
  $('report-rows').replaceChildren(...report.items.map((r) => el('tr', el('th', { scope: 'row' }, r.key),
    ...[r.conversations, r.texts_in, r.texts_out, r.segments_out, spoken(r.wait_median_s), spoken(r.wait_p90_s)].map((value) => el('td', String(value))))));
  $('report-none').hidden = report.items.length > 0;
  $('reports').dataset.ready = '1';
}

// Transcripts -----------------------------------------------------------------------------------

/** The queues there are to choose from. */
export function showTranscripts() {
  const select = $('transcripts-queue');
  if (!select) return;
  const chosen = select.value;
  select.replaceChildren(el('option', { value: '' }, 'every queue'), ...desk.queues.map((q) => el('option', { value: q.name, selected: q.name === chosen }, q.name)));
}

export function setUpTranscripts() {
  $('transcripts-from').value = day(29);
  $('transcripts-to').value = day(0);
  $('transcripts-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const asked = new URLSearchParams({ format: $('transcripts-format').value });
    for (const part of ['from', 'to', 'queue']) {
      if ($(`transcripts-${part}`).value) asked.set(part, $(`transcripts-${part}`).value);
    }
    if ($('transcripts-numbers').checked) asked.set('numbers', 'true');
    el('a', { href: `/api/v1/transcripts/file?${asked}`, download: true }).click();
  });
}

export function setUpReports() {
  $('report-from').value = day(29);
  $('report-to').value = day(0);
  $('report-form').addEventListener('change', showReport);
  $('report-form').addEventListener('submit', (event) => { event.preventDefault(); showReport(); });
  showReport();
}
