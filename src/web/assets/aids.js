// Work aids: notes to colleagues, tags, a promise, a block, the number, a conversation begun,
// search, and the sheet for the next shift.

import { call, get, newKey, post, put } from './api.js';
import { clearDraft, draftOf } from './composer.js';
import { $, announce, ask, el, show, toast, words } from './dom.js';
import { inWords } from './segments.js';
import { changed, isMine, isOpen, nationalOf, store } from './store.js';
import { age, fullTime } from './time.js';

const current = () => store.conversations.get(store.current);

function take(c) {
  store.conversations.set(c.id, c);
  changed();
}

// One dialog for every aid that is a few words --------------------------------------------------

const AIDS = {
  note: {
    title: 'Note to colleagues', label: 'Note', hint: 'Only people at the desk see it; it is never sent to the patron.',
    most: 1000, rows: 4, done: 'Noted', value: () => '', send: (id, text) => post(`/conversations/${id}/notes`, { text }),
  },
  tags: {
    title: 'Tags', label: 'Tags, with commas between', hint: 'For finding it again: search for #tag.',
    most: 340, rows: 1, done: 'Tagged', value: (c) => c.tags.join(', '), send: (id, text) => put(`/conversations/${id}/tags`, { tags: text.split(',') }),
  },
  promise: {
    title: 'What does the desk owe this patron?', label: 'Promise', hint: 'It stands on the hand-over sheet until the conversation closes. Empty takes it back.',
    most: 200, rows: 1, done: 'Kept', value: (c) => c.promise?.text ?? '', send: (id, text) => put(`/conversations/${id}/promise`, { text }),
  },
};

let doing = null;

export function openAid(name) {
  const c = current();
  if (!c) return;
  const aid = AIDS[name];
  doing = { aid, id: c.id };
  words($('aid-title'), aid.title);
  words($('aid-label'), aid.label);
  words($('aid-hint'), aid.hint);
  const field = $('aid-text');
  field.rows = aid.rows;
  field.maxLength = aid.most;
  field.value = aid.value(c);
  show($('aid-problem'), false);
  $('aid').showModal();
  field.focus();
}

$('aid-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { aid, id } = doing;
  try {
    take(await aid.send(id, $('aid-text').value));
    $('aid').close();
    announce(aid.done);
  } catch (error) {
    words($('aid-problem'), error.message);
    show($('aid-problem'), true);
  }
});
$('aid-cancel').addEventListener('click', () => $('aid').close());
// One line is sent by Enter.
$('aid-text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.isComposing && ($('aid-text').rows === 1 || event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $('aid-form').requestSubmit();
  }
});

// The rest of the menu --------------------------------------------------------------------------

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message);
    return null;
  }
}

async function block() {
  const c = current();
  if (!c) return;
  if (c.blocked_until) {
    const lifted = await attempt(() => call('DELETE', `/conversations/${c.id}/block`));
    if (lifted) { take(lifted); announce('Block lifted'); }
    return;
  }
  if (!await ask('Block this sender for a day?', 'What they write until then is kept, and nobody is asked to answer it. It is written down who blocked them.', 'Block')) return;
  const blocked = await attempt(() => post(`/conversations/${c.id}/block`));
  if (blocked) { take(blocked); announce('Blocked for a day'); }
}

async function optOut() {
  const c = current();
  if (!c || !await ask('Opt this patron out of texts?', 'Nobody can text them from here, until they text START themselves. Nothing is sent to tell them. It is written down who opted them out.', 'Opt out')) return;
  const out = await attempt(() => post(`/conversations/${c.id}/opt-out`));
  if (out) { take(out); announce('Opted out of texts'); }
}

async function reveal() {
  const c = current();
  if (!c || !await ask('See the number?', 'It is written down that you looked, and noted in the conversation.', 'Show the number')) return;
  const shown = await attempt(() => post(`/conversations/${c.id}/reveal`));
  if (shown) await ask(shown.patron, shown.address, 'Done');
}

export async function reopen() {
  const c = current();
  if (!c || isOpen(c)) return;
  const opened = await attempt(() => post(`/conversations/${c.id}/reopen`));
  if (opened) { take(opened); announce('Opened again'); $('reply').focus(); }
}

/** Closes; words in the reply box are sent first, or not, as the operator says. */
export async function closeOrAsk(close) {
  const c = current();
  if (!c || !isMine(c)) return;
  const { body, key } = draftOf(c.id);
  if (body.trim() === '') { close(); return; }
  const dialog = $('closing');
  words($('closing-words'), body.length > 300 ? `${body.slice(0, 300)}…` : body);
  dialog.returnValue = '';
  dialog.showModal();
  dialog.addEventListener('close', async () => {
    if (dialog.returnValue === 'plain') close();
    if (dialog.returnValue !== 'send') return;
    const closed = await attempt(() => post(`/conversations/${c.id}/close`, { text: body, client_id: key ?? newKey() }));
    if (!closed) return;
    clearDraft(c.id);
    take(closed);
    announce('Sent and closed');
    location.hash = '';
  }, { once: true });
}

for (const [id, run] of [
  ['aid-note', () => openAid('note')], ['aid-tags', () => openAid('tags')], ['aid-promise', () => openAid('promise')],
  ['aid-block', block], ['aid-optout', optOut], ['aid-reveal', reveal],
]) {
  $(id).addEventListener('click', () => {
    $('more').open = false;
    run();
  });
}
$('notice-optout').addEventListener('click', optOut);
$('act-reopen').addEventListener('click', reopen);
document.addEventListener('pointerdown', (event) => {
  if ($('more').open && !$('more').contains(event.target)) $('more').open = false;
});

/** Tags, promise and block of the conversation shown. */
export function renderMarks() {
  const c = current();
  const marks = $('thread-marks');
  if (!c) return;
  show($('act-reopen'), !isOpen(c));
  words($('aid-block'), c.blocked_until ? 'Lift the block' : 'Block the sender for a day…');
  show($('aid-optout'), c.gateway_kind === 'sms' && c.answerable);
  const print = JSON.stringify([c.tags, c.promise, c.blocked_until, c.opted_out]);
  if (marks.dataset.same === print) return;
  marks.dataset.same = print;
  const parts = c.tags.map((tag) => el('span.chip', `#${tag}`));
  if (c.promise) parts.push(el('span.chip.chip-warn', `promised by ${c.promise.by}: ${c.promise.text}`));
  if (c.opted_out) parts.push(el('span.chip.chip-bad', 'opted out of texts'));
  if (c.blocked_until) parts.push(el('span.chip.chip-bad', `blocked until ${fullTime(c.blocked_until)}`));
  marks.replaceChildren(...parts);
  show(marks, parts.length > 0);
}

// Beginning -------------------------------------------------------------------------------------

let beginKey = null;

export async function openBegin() {
  const assigned = new Set(store.queues.filter((q) => q.assigned).map((q) => q.name));
  const gateways = (await attempt(() => get('/gateways')))?.items.filter((g) => g.kind !== 'widget' && assigned.has(g.queue));
  if (!gateways) return;
  if (gateways.length === 0) { toast('No gateway of your queues can begin a conversation.'); return; }
  $('begin-by').replaceChildren(...gateways.map((g) => el('option', { value: g.name }, `${g.name} (${g.queue})`)));
  show($('begin-by-line'), gateways.length > 1);
  show($('begin-problem'), false);
  beginKey = newKey();
  meterBegin();
  $('begin').showModal();
  $('begin-to').focus();
}

function meterBegin() {
  const m = inWords($('begin-text').value, nationalOf($('begin-by').value));
  words($('begin-meter'), `${m.count} ${m.hint}`);
}
$('begin-text').addEventListener('input', meterBegin);
$('begin-by').addEventListener('change', meterBegin);
$('begin-open').addEventListener('click', openBegin);
$('begin-cancel').addEventListener('click', () => $('begin').close());
$('begin-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  try {
    const { messages, notes, truncated, ...c } = await post('/conversations', {
      to: $('begin-to').value, body: $('begin-text').value, gateway: $('begin-by').value, client_id: beginKey,
    });
    $('begin').close();
    $('begin-to').value = '';
    $('begin-text').value = '';
    take(c);
    location.hash = `#c${c.id}`;
  } catch (error) {
    words($('begin-problem'), error.message);
    show($('begin-problem'), true);
    // Refused words were not sent; an answer that did not come may have been: same key.
    if (error.status !== 0) beginKey = newKey();
  }
});

// Search ----------------------------------------------------------------------------------------

let searched = 0;

async function search() {
  const q = $('find-words').value.trim();
  const mine = ++searched;
  if (q === '') {
    $('find-list').replaceChildren();
    words($('find-tally'), '');
    return;
  }
  if (/^\+?[\d\s().\/-]{7,}$/.test(q)) { offerNumber(q); return; }
  const page = await attempt(() => get(`/search?q=${encodeURIComponent(q)}&limit=100`));
  if (page && mine === searched) showFound(page);
}

/** To find a number is to see it, so nobody does so by typing on. */
function offerNumber(number) {
  words($('find-tally'), 'Finding a number is seeing it: it is written down that you looked, and noted in the conversation.');
  const go = el('button.quiet.wide', { type: 'button' }, `Find ${number}`);
  go.addEventListener('click', async () => {
    const mine = ++searched;
    const page = await attempt(() => post('/search/number', { number }));
    if (page && mine === searched) showFound(page);
  });
  $('find-list').replaceChildren(el('li', go));
}

function showFound(page) {
  const n = page.items.length;
  words($('find-tally'), n === 0 ? 'Nothing was found.' : page.next ? `The newest ${n}` : n === 1 ? '1 text' : `${n} texts`);
  $('find-list').replaceChildren(...page.items.map(({ conversation: c, message: m }) => {
    const link = el('a.row', { href: `#c${c.id}` }, el('span.row-words',
      el('span.row-top', el('span.row-who', `${c.patron} · ${m.author}`), el('time.row-age', { datetime: m.at, title: fullTime(m.at) }, age(m.at))),
      el('span.row-said', m.body.replace(/\s+/g, ' ').slice(0, 200))));
    link.addEventListener('click', () => {
      store.conversations.set(c.id, c);
      $('find').close();
    });
    return el('li', link);
  }));
}

let timer = 0;
$('find-words').addEventListener('input', () => {
  clearTimeout(timer);
  timer = setTimeout(search, 250);
});
$('find-form').addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(timer);
  search();
});
$('find-close').addEventListener('click', () => $('find').close());
export function openFind() {
  $('find').showModal();
  $('find-words').select();
}
$('find-open').addEventListener('click', openFind);
