// The chat in a library's page. The visit's token lives in this frame's session storage: it
// survives navigation and reloads, ends with the tab, and is no cookie.

import { linked } from './links.js';

const $ = (id) => document.getElementById(id);
const gateway = document.body.dataset.gateway;
const base = `/widget/${encodeURIComponent(gateway)}`;
const KEY = `callnumber:visit:${gateway}`;
const DRAFT = `callnumber:draft:${gateway}`;
const from = new URLSearchParams(location.hash.slice(1));
const framed = from.get('framed') === '1' && parent !== window;
const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

const storage = {
  get(key) { try { return sessionStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { value === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, value); } catch { /* kept for this page only */ } },
};

let token = storage.get(KEY);
let standing = document.body.dataset.standing;
let answeredBy = null;
let shown = !framed;
let last = 0;
let unread = [];
const said = new Map();
const pending = new Map();

function tellParent(what) { if (framed) parent.postMessage({ callnumber: what }, '*'); }

function problem(text) {
  $('problem').hidden = !text;
  $('problem').textContent = text;
}

async function ask(path, { method = 'POST', body, raw } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers['content-type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(`${base}${path}`, { method, headers, body: raw ?? (body && JSON.stringify(body)), credentials: 'omit', cache: 'no-store' });
  } catch {
    throw Object.assign(new Error('The connection is lost. It is tried again when you press Send.'), { status: 0 });
  }
  const json = await answer.json().catch(() => null);
  if (!answer.ok) throw Object.assign(new Error(json?.detail || 'The library did not understand. Try again.'), { status: answer.status });
  return json;
}

async function visit() {
  if (token) return;
  ({ token } = await ask('/visit'));
  storage.set(KEY, token);
  follow();
}

function lost() {
  // The visit is over, as after a week: the next words begin another.
  token = null;
  storage.set(KEY, null);
}

// Words -----------------------------------------------------------------------------------------

function bubble({ from: who, name, body, at }) {
  const node = document.createElement('div');
  node.className = `said said-${who}`;
  const words = document.createElement('p');
  linked(words, body, scrollDown);
  const foot = document.createElement('small');
  const speaker = who === 'you' ? 'You' : who === 'librarian' ? name || 'A librarian' : '';
  if (speaker) {
    const by = document.createElement('span');
    by.textContent = `${speaker} `;
    if (who === 'you') by.className = 'unseen';
    foot.append(by);
  }
  const time = document.createElement('time');
  time.dateTime = at;
  time.textContent = clock.format(new Date(at));
  foot.append(time);
  node.append(words);
  if (who !== 'desk') node.append(foot);
  return node;
}

function scrollDown() { $('talk').scrollTop = $('talk').scrollHeight; }

function put(words) {
  if (said.has(words.id)) return;
  const near = $('talk').scrollHeight - $('talk').scrollTop - $('talk').clientHeight < 160;
  const node = bubble(words);
  said.set(words.id, node);
  const waiting = [...pending.values()][0]?.node;
  if (waiting && words.from !== 'you') $('talk').insertBefore(node, waiting);
  else $('talk').append(node);
  if (near || words.from === 'you') scrollDown();
}

// What is heard ---------------------------------------------------------------------------------

let typingTimer = 0;
function typing(by) {
  $('typing').textContent = by ? `${by} is writing…` : '';
  clearTimeout(typingTimer);
  if (by) typingTimer = setTimeout(() => typing(''), 6000);
}

function stand() {
  offerLetter();
  const offline = standing === 'offline' && !answeredBy;
  const silent = said.size === 0 && pending.size === 0;
  $('offline').hidden = !offline;
  $('offline').classList.toggle('offline-later', !silent);
  if (!silent && offline) $('talk').append($('offline'));
  if ($('greeting')) $('greeting').hidden = offline && silent;
  $('hold').hidden = standing !== 'hold' || Boolean(answeredBy);
  $('form').hidden = offline;
  $('who').textContent = answeredBy ? `${answeredBy} answers you` : standing === 'online' ? 'A librarian is here' : standing === 'hold' ? 'Leave a message' : '';
}

function hear(event, data) {
  switch (event) {
    case 'message':
      last = Math.max(last, data.id);
      if (data.from === 'you') {
        // Ours, from another tab of this visit or from before a reload; what is pending comes by its answer.
        if (![...pending.values()].some((one) => one.body === data.body)) put(data);
        break;
      }
      typing('');
      put(data);
      unread.push(data.id);
      if (!shown) tellParent('said');
      markRead();
      break;
    case 'answered':
      answeredBy = data.by;
      break;
    case 'standing':
      standing = data.standing;
      break;
    case 'typing':
      typing(data.by);
      return;
    default:
  }
  stand();
}

/** What is shown is read; a hidden page reads nothing. */
async function markRead() {
  if (!shown || document.hidden || unread.length === 0) return;
  const messages = unread;
  unread = [];
  try {
    await ask('/read', { body: { messages } });
  } catch (error) {
    if (error.status !== 401) unread = [...messages, ...unread];
  }
}

let following = false;
async function follow() {
  if (following || !token) return;
  following = true;
  let wait = 500;
  while (token) {
    const limit = new AbortController();
    let quiet = setTimeout(() => limit.abort(), 40_000);
    try {
      const answer = await fetch(`${base}/events?after=${last}`, {
        headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' }, signal: limit.signal, cache: 'no-store', credentials: 'omit',
      });
      if (answer.status === 401) { lost(); break; }
      if (!answer.ok) throw new Error(answer.status);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(quiet);
        quiet = setTimeout(() => limit.abort(), 40_000);
        wait = 500;
        problem('');
        text += value;
        let end;
        while ((end = text.indexOf('\n\n')) >= 0) {
          const block = text.slice(0, end);
          text = text.slice(end + 2);
          const event = /^event: (.*)$/m.exec(block)?.[1];
          const data = /^data: (.*)$/m.exec(block)?.[1];
          if (event && data) hear(event, JSON.parse(data));
        }
        markRead();
      }
    } catch {
      if (said.size) problem('The connection is lost. Trying again…');
    } finally {
      clearTimeout(quiet);
    }
    await new Promise((resolve) => { setTimeout(resolve, wait * (0.7 + Math.random() * 0.6)); });
    wait = Math.min(wait * 1.7, 15_000);
  }
  following = false;
}

/** Without a visit there is no stream: whether somebody is there is asked now and then. */
async function look() {
  if (token || document.hidden || !gateway) return;
  try {
    ({ standing } = await ask('/standing', { method: 'GET' }));
    stand();
  } catch { /* asked again */ }
}

// What is said ----------------------------------------------------------------------------------

const newKey = () => [...crypto.getRandomValues(new Uint8Array(12))].map((octet) => octet.toString(16).padStart(2, '0')).join('');

function page() {
  const url = from.get('url') || document.referrer;
  return url ? { url, title: from.get('title') || '' } : undefined;
}

async function post(one) {
  one.node.classList.remove('said-unsent');
  one.node.classList.add('said-sending');
  one.node.querySelector('button')?.remove();
  try {
    await visit();
    const words = one.raw
      ? await ask(`/files?name=${encodeURIComponent(one.name)}`, { raw: one.raw })
      : await ask('/messages', { body: { body: one.body, client_id: one.key, page: page() } });
    pending.delete(one.key);
    // The stream may have been quicker.
    if (said.has(words.id)) one.node.remove();
    else {
      const node = bubble(words);
      one.node.replaceWith(node);
      said.set(words.id, node);
    }
    problem('');
    tellParent('talking');
  } catch (error) {
    if (error.status === 401) lost();
    one.node.classList.replace('said-sending', 'said-unsent');
    const again = document.createElement('button');
    again.type = 'button';
    again.textContent = 'Not sent. Send again';
    again.addEventListener('click', () => post(one));
    one.node.append(again);
    problem(error.message);
    if (error.status === 409) {
      standing = 'offline';
      pending.delete(one.key);
      again.remove();
    }
  }
  stand();
  scrollDown();
}

function queue(one) {
  one.key = newKey();
  one.node = bubble({ from: 'you', body: one.body, at: new Date().toISOString() });
  pending.set(one.key, one);
  $('talk').append(one.node);
  scrollDown();
  post(one);
}

const box = $('words');
function grow() {
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight + 2, innerHeight * 0.34)}px`;
  $('send').disabled = box.value.trim() === '';
}
let typedAt = 0;
box.addEventListener('input', () => {
  storage.set(DRAFT, box.value || null);
  grow();
  if (token && said.size && Date.now() - typedAt > 3000) {
    typedAt = Date.now();
    ask('/typing').catch(() => {});
  }
});
$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const body = box.value.trim();
  if (!body) return;
  box.value = '';
  storage.set(DRAFT, null);
  grow();
  queue({ body });
  box.focus();
});
box.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !matchMedia('(pointer: coarse)').matches) {
    event.preventDefault();
    $('form').requestSubmit();
  }
});
$('file')?.addEventListener('change', () => {
  const [file] = $('file').files;
  $('file').value = '';
  if (!file) return;
  if (file.size > 10 * 1024 * 1024) problem('The file is larger than 10 MB: send a smaller one.');
  else queue({ body: file.name, name: file.name, raw: file });
});

// A letter --------------------------------------------------------------------------------------

let sent = false;
/** There is something to send once a librarian has answered. */
function offerLetter() {
  if ($('letter')) $('letter').hidden = sent || !$('talk').querySelector('.said-librarian');
}
$('letter-form')?.addEventListener('submit', async (event) => {
  event.preventDefault();
  const email = $('letter-to').value.trim();
  $('letter-send').disabled = true;
  $('letter-said').textContent = 'Sending…';
  try {
    await ask('/letter', { body: { email } });
    sent = true;
    $('letter-said').textContent = `It is on its way to ${email}.`;
    $('letter-to').value = '';
    box.focus();
  } catch (error) {
    // It went before, from another tab or before a reload.
    sent = error.status === 409 && error.message.includes('already');
    $('letter-said').textContent = error.message;
  }
  $('letter-send').disabled = false;
  offerLetter();
});

$('close').hidden = !framed;
$('close').addEventListener('click', () => tellParent('close'));
addEventListener('keydown', (event) => { if (event.key === 'Escape' && framed) tellParent('close'); });
addEventListener('message', (event) => {
  if (event.source !== parent || event.data?.callnumber !== 'shown') return;
  shown = event.data.shown;
  if (shown) { markRead(); scrollDown(); }
});
document.addEventListener('visibilitychange', () => { markRead(); look(); });
addEventListener('online', () => { for (const one of pending.values()) post(one); });

box.value = storage.get(DRAFT) || '';
grow();
stand();
follow();
setInterval(look, 15_000);
tellParent('ready');
