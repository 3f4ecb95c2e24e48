// The thread on the right.

import { post } from './api.js';
import { closeOrAsk, renderMarks } from './aids.js';
import { openComposer, renderComposer } from './composer.js';
import { $, announce, ask, el, reconcile, show, toast, words } from './dom.js';
import { linked } from './links.js';
import { spine } from './list.js';
import { changed, isHandedToMe, isMine, isOpen, learn, loadThread, store } from './store.js';
import { ago, age, dayKey, dayName, fullTime, timeOf } from './time.js';

const STATES = {
  queued: ['○', 'waiting for the line'],
  sending: ['◌', 'sending'],
  sent: ['✓', 'sent'],
  delivered: ['✓✓', 'delivered'],
  failed: ['!', 'not sent'],
  unknown: ['?', 'perhaps sent'],
};
const STAMP_DIFFERS = 120_000;
const TYPING = 6_000;

function bubble(m) {
  const out = m.direction === 'out';
  const node = el(`article.said.${out ? 'said-out' : 'said-in'}`);
  const foot = el('footer.said-foot');
  if (out) foot.append(el('span.said-author', m.author_kind === 'desk' ? 'the desk' : m.author === store.me ? 'you' : m.author));
  foot.append(el('time', { datetime: m.at, title: fullTime(m.at) }, timeOf(m.at)));
  const when = ago(m.at);
  if (Date.now() - Date.parse(m.at) < 36 * 3_600_000) foot.append(el('span.faint', when));
  if (m.stamped_at && Math.abs(Date.parse(m.stamped_at) - Date.parse(m.at)) > STAMP_DIFFERS) {
    foot.append(el('span.said-stamp', { title: 'When the carrier took it' }, `written ${dayKey(m.stamped_at) === dayKey(m.at) ? timeOf(m.stamped_at) : fullTime(m.stamped_at)}`));
  }
  if (out) {
    const [tick, said] = STATES[m.state] || ['', m.state];
    foot.append(el(`span.tick.tick-${m.state}`, el('span', { 'aria-hidden': 'true' }, tick), ` ${said}`));
  }
  const body = el('p.said-body');
  linked(body, m.body, () => { if (nearEnd($('talk'))) $('talk').scrollTop = $('talk').scrollHeight; });
  if (m.direction === 'in') node.setAttribute('aria-label', 'Patron wrote');
  node.append(body);
  if (m.reaction) node.append(el('span.said-reaction', { role: 'img', 'aria-label': `The patron reacted with ${m.reaction}`, title: 'The patron’s reaction' }, m.reaction));
  node.append(foot);
  if (out && (m.state === 'failed' || m.state === 'unknown')) {
    const again = el('button.quiet.small', { type: 'button' }, 'Send again');
    again.addEventListener('click', () => sendAgain(m));
    node.append(el('div.said-trouble',
      el('span', m.reason || (m.state === 'unknown' ? 'The line was cut off while sending: the patron may or may not have it.' : 'The network did not take it.')), again));
  }
  return node;
}

async function sendAgain(m) {
  const risk = m.state === 'unknown'
    ? 'It is not known whether the first one arrived: the patron may get it twice.'
    : 'If a part of it went out before, the patron may get that part twice.';
  if (!await ask('Send it again?', risk, 'Send again')) return;
  try {
    learn(await post(`/conversations/${m.conversation}/messages/${m.id}/retry`));
    changed();
  } catch (error) {
    toast(error.message);
  }
}

/** Messages, notes and days, in order. */
function entries(thread) {
  const notes = [...thread.notes.values()].sort((a, b) => a.after - b.after || a.id - b.id);
  const messages = [...thread.messages.values()].sort((a, b) => a.id - b.id);
  const lines = [];
  let day = '';
  let next = 0;
  const put = (entry) => {
    const key = dayKey(entry.at);
    if (key !== day) {
      day = key;
      lines.push({ kind: 'day', id: `${key}-${lines.length}`, at: entry.at });
    }
    lines.push(entry);
  };
  if (thread.truncated) lines.push({ kind: 'note', id: 'older', text: 'Older texts are not shown.', at: messages[0]?.at });
  for (const m of messages) {
    while (next < notes.length && notes[next].after < m.id) put({ kind: 'note', ...notes[next++] });
    put({ kind: 'message', ...m });
  }
  while (next < notes.length) put({ kind: 'note', ...notes[next++] });
  return lines;
}

const print = (e) => (e.kind === 'message'
  ? JSON.stringify([e.body, e.state, e.reason, e.reaction, age(e.at)])
  : e.kind === 'day' ? dayName(e.at) : e.text);

function line(e) {
  if (e.kind === 'day') return el('p.day', el('span', dayName(e.at)));
  if (e.kind === 'note') return el(e.author ? 'p.note.note-colleague' : 'p.note', e.author ? el('b', `${e.author === store.me ? 'You' : e.author} to colleagues: `) : null, el('span', e.text), e.at ? el('time', { datetime: e.at, title: fullTime(e.at) }, timeOf(e.at)) : null);
  return bubble(e);
}

const nearEnd = (talk) => talk.scrollHeight - talk.scrollTop - talk.clientHeight < 120;

let shownId = null;

export function renderThread() {
  const id = store.current;
  const c = id === null ? null : store.conversations.get(id);
  show($('thread'), Boolean(c));
  show($('nothing'), !c);
  if (!c) {
    shownId = null;
    words($('nothing-title'), id !== null && store.loaded ? 'This conversation is not here' : 'Pick a conversation');
    words($('nothing-words'), id !== null && store.loaded
      ? 'It was handed to another desk, or it has been erased.'
      : 'New texts come in on the left, the longest-waiting first. The first of you to answer one has it.');
    return;
  }
  const thread = store.threads.get(id);
  if ($('thread-spine').dataset.of !== c.patron) {
    spine($('thread-spine'), c.patron);
    $('thread-spine').dataset.of = c.patron;
  }
  words($('thread-patron'), c.patron);
  const facts = [c.gateway === c.queue ? c.queue : `${c.queue} by ${c.gateway}`];
  if (c.home !== c.queue) facts.push(`came to ${c.home}`);
  if (isMine(c)) facts.push('yours');
  else if (c.claimed_by) facts.push(`${c.claimed_by} answers`);
  else if (c.state === 'closed') facts.push('closed');
  if (c.waiting_since) facts.push(`waiting ${ago(c.waiting_since).replace(' ago', '').replace('just now', 'since just now')}`);
  words($('thread-facts'), facts.join(' · '));
  const page = $('thread-page');
  show(page, Boolean(c.page));
  if (c.page && page.dataset.url !== c.page.url) {
    page.dataset.url = c.page.url;
    page.replaceChildren('on ', el('a', { href: c.page.url, target: '_blank', rel: 'noopener noreferrer' }, c.page.title || c.page.url));
  }
  words($('typing'), Date.now() - (store.typing.get(id) ?? 0) < TYPING ? `${c.patron} is writing…` : '');

  const mine = isMine(c);
  const handed = isHandedToMe(c) && !mine;
  show($('act-claim'), isOpen(c) && !mine && (c.state !== 'claimed' || handed));
  words($('act-claim'), handed ? 'Accept' : 'Claim');
  show($('act-transfer'), mine && !c.transfer);
  show($('act-release'), mine);
  show($('act-close'), mine);

  const notice = $('thread-notice');
  let said = '';
  if (handed) said = `${c.transfer.from} hands this over to you${c.transfer.note ? `: “${c.transfer.note}”` : '.'}`;
  else if (c.transfer && mine) said = `On its way to ${c.transfer.to.split(':')[1]}. Answering takes it back.`;
  else if (c.flagged) said = 'This may be meant as an opt-out.';
  show(notice, said !== '');
  words($('notice-words'), said);
  show($('notice-optout'), said !== '' && c.flagged && !handed && !c.transfer && c.gateway_kind === 'sms' && c.answerable);

  const talk = $('talk');
  const fresh = shownId !== id || !talk.dataset.filled;
  const follow = fresh || nearEnd(talk);
  if (fresh) talk.replaceChildren();
  if (thread) {
    // A thread just opened is read by its heading, not shouted line by line.
    talk.setAttribute('aria-live', fresh ? 'off' : 'polite');
    reconcile(talk, entries(thread), (e) => `${e.kind}${e.id}`, print, line);
    talk.dataset.filled = '1';
  } else delete talk.dataset.filled;
  if (follow) talk.scrollTop = talk.scrollHeight;
  shownId = id;
  renderMarks();
  renderComposer(c);
}

/** Opens the conversation the address names. */
export async function openFromAddress() {
  const match = /^#c(\d+)$/.exec(location.hash);
  const id = match ? Number(match[1]) : null;
  if (id === store.current && (id === null || store.threads.has(id))) return;
  store.current = id;
  changed();
  if (id === null) return;
  openComposer(id);
  try {
    await loadThread(id);
  } catch (error) {
    if (error.status === 404) {
      store.conversations.delete(id);
      changed();
    } else toast(error.message);
  }
}

async function act(name, body) {
  const id = store.current;
  if (id === null) return;
  try {
    const c = await post(`/conversations/${id}/${name}`, body);
    store.conversations.set(id, c);
    changed();
    if (name === 'close') {
      announce('Closed');
      location.hash = '';
    } else if (name === 'claim') $('reply').focus();
  } catch (error) {
    toast(error.message);
  }
}

export const claim = () => act('claim');
export const release = () => act('release');
export const close = () => closeOrAsk(() => act('close'));

export function transfer() {
  const select = $('transfer-to');
  const c = store.conversations.get(store.current);
  if (!c) return;
  const group = (label, items) => (items.length ? el('optgroup', { label }, ...items) : null);
  const people = store.operators.filter((o) => o.name !== store.me && o.queues.includes(c.queue))
    .sort((a, b) => (b.show === 'available') - (a.show === 'available') || a.name.localeCompare(b.name))
    .map((o) => el('option', { value: `operator:${o.name}` }, `${o.name} (${o.show})`));
  const queues = store.queues.filter((q) => q.name !== c.queue)
    .map((q) => el('option', { value: `queue:${q.name}` }, `${q.name} (${q.online ? 'online' : 'offline'})`));
  const groups = [group('People', people), group('Queues', queues)].filter(Boolean);
  select.replaceChildren(...groups);
  $('transfer-note').value = '';
  show($('transfer-problem'), groups.length === 0);
  if (groups.length === 0) words($('transfer-problem'), 'There is nobody else to hand over to yet.');
  $('transfer').showModal();
}

$('transfer-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const to = $('transfer-to').value;
  if (!to) return;
  try {
    const c = await post(`/conversations/${store.current}/transfer`, { to, note: $('transfer-note').value });
    store.conversations.set(c.id, c);
    $('transfer').close();
    toast(`Handed to ${to.split(':')[1]}; they have a minute to accept.`);
    changed();
  } catch (error) {
    words($('transfer-problem'), error.message);
    show($('transfer-problem'), true);
  }
});
$('transfer-cancel').addEventListener('click', () => $('transfer').close());
$('act-claim').addEventListener('click', claim);
$('act-release').addEventListener('click', release);
$('act-close').addEventListener('click', close);
$('act-transfer').addEventListener('click', transfer);
$('thread-back').addEventListener('click', (event) => {
  event.preventDefault();
  location.hash = '';
});
