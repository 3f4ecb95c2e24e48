// The reply box. Words are never lost: a draft outlives a reload, a lost race and a lost line.

import { newKey, post, upload } from './api.js';
import { $, memory, show, words } from './dom.js';
import { inWords } from './segments.js';
import { changed, isMine, isOpen, learn, nationalOf, store } from './store.js';

const box = $('reply');
const DRAFT_DAYS = 30;
let openId = null;
let sending = false;
let problem = '';

/** What is in the box of a conversation, with the key that goes with it. */
export const draftOf = (id) => draft(id);

/** Its words went out another way. */
export function clearDraft(id) {
  keep(id, '', null);
  if (openId === id) {
    box.value = '';
    grow();
    changed();
  }
}

const place = (id) => `draft:${store.me}:${id}`;

/** `{ body, key }`: the key goes with exactly these words, so that sending them again is safe. */
function draft(id) {
  try {
    return JSON.parse(memory.get(place(id))) || { body: '', key: null };
  } catch {
    return { body: '', key: null };
  }
}

function keep(id, body, key) {
  memory.set(place(id), body === '' ? null : JSON.stringify({ body, key, at: Date.now() }));
}

/** Drafts of threads long gone. */
for (const key of memory.keys()) {
  if (!key.startsWith('draft:')) continue;
  try {
    if (Date.now() - JSON.parse(memory.get(key)).at > DRAFT_DAYS * 86_400_000) memory.set(key, null);
  } catch { memory.set(key, null); }
}

function grow() {
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight, innerHeight * 0.4)}px`;
}

/** The tables that the line of the open conversation may send in. */
const national = () => nationalOf(store.conversations.get(openId)?.gateway);

function meter() {
  const m = inWords(box.value, national());
  // Texts are counted where they are paid for.
  const counted = store.conversations.get(openId)?.gateway_kind === 'sms' || m.tooLong;
  words($('meter-words'), counted ? m.count : '');
  words($('meter-hint'), counted ? m.hint : '');
  show($('meter-narrow'), counted && m.offer !== null);
  words($('meter-narrow'), m.offer?.act ?? '');
  $('meter').classList.toggle('meter-bad', m.tooLong);
  return m;
}

/** How soon after the last key an answer is looked at. */
const LOOKED_AFTER = 400;
let lookDue = 0;
let looked = 0;
/** Says when what is written invites a word that would opt the patron out: the desk knows them all. */
function look() {
  clearTimeout(lookDue);
  const turn = looked += 1;
  const body = box.value;
  const sms = store.conversations.get(openId)?.gateway_kind === 'sms';
  if (!sms || body.trim() === '') {
    show($('composer-warning'), false);
    return;
  }
  lookDue = setTimeout(async () => {
    // Nothing is lost without it: whoever is offline sees that elsewhere.
    const { warning } = await post('/drafts', { body }).catch(() => ({ warning: null }));
    if (turn !== looked) return;
    words($('composer-warning'), warning ?? '');
    show($('composer-warning'), Boolean(warning));
  }, LOOKED_AFTER);
}

export function openComposer(id) {
  openId = id;
  problem = '';
  box.value = draft(id).body;
  grow();
  meter();
  look();
}

/** Why nothing can be sent in this conversation; '' when something can. */
function barred(c) {
  if (isOpen(c) && c.state === 'claimed' && !isMine(c) && c.transfer?.to !== `operator:${store.me}`) return `Answered by ${c.claimed_by}. What you write stays here as your draft.`;
  if (c.opted_out) return 'This patron opted out of texts. Only their own START opens the way again.';
  if (!c.answerable) return 'This sender cannot be answered: a name or a service, not a telephone.';
  return '';
}

export function renderComposer(c) {
  if (c.id !== openId) openComposer(c.id);
  const bar = barred(c);
  const m = meter();
  const said = problem || bar;
  show($('composer-problem'), said !== '');
  words($('composer-problem'), said);
  $('composer-problem').classList.toggle('composer-note', !problem);
  $('send').disabled = sending || bar !== '' || m.tooLong || box.value.trim() === '';
  box.placeholder = c.state === 'closed' ? 'Write again: opens the conversation…' : isMine(c) ? 'Answer…' : 'Answer: the first to send has it…';
  box.disabled = !c.answerable;
}

async function send() {
  const id = openId;
  const c = store.conversations.get(id);
  const body = box.value;
  if (sending || !c || body.trim() === '' || $('send').disabled) return;
  sending = true;
  problem = '';
  const key = draft(id).key || newKey();
  keep(id, body, key);
  $('send').disabled = true;
  try {
    const message = await post(`/conversations/${id}/messages`, { body, client_id: key });
    keep(id, '', null);
    if (openId === id && box.value === body) {
      box.value = '';
      grow();
      look();
    }
    learn(message);
  } catch (error) {
    if (error.problem?.answered_by) {
      // The words come back as a draft, for another time.
      keep(id, error.problem.draft ?? body, null);
      problem = `Answered by ${error.problem.answered_by} a moment before you. Your words were not sent; they stay here as a draft.`;
    } else if (error.status === 0) {
      problem = `Not known to be sent: ${error.message} Press Send again; the patron gets it once.`;
    } else problem = error.message;
  } finally {
    sending = false;
    changed();
    if (openId === id) box.focus();
  }
}

let typedAt = 0;
/** A visitor of a web page sees that an answer is on its way. */
function tellTyping() {
  const c = store.conversations.get(openId);
  if (c?.gateway_kind !== 'widget' || !isMine(c) || Date.now() - typedAt < 3000) return;
  typedAt = Date.now();
  post(`/conversations/${openId}/typing`).catch(() => {});
}

$('meter-narrow').addEventListener('click', () => {
  box.value = inWords(box.value, national()).offer?.text ?? box.value;
  box.dispatchEvent(new Event('input'));
  box.focus();
});

$('attach').addEventListener('change', async () => {
  const [file] = $('attach').files;
  const id = openId;
  $('attach').value = '';
  if (!file || id === null) return;
  problem = '';
  words($('meter-words'), `Sending ${file.name}…`);
  try {
    const kept = await upload(`/conversations/${id}/attachments?name=${encodeURIComponent(file.name)}`, file);
    const body = (openId === id ? box.value : draft(id).body).trimEnd();
    const longer = `${body}${body ? ' ' : ''}${kept.link}`;
    keep(id, longer, null);
    if (openId === id) box.value = longer;
  } catch (error) {
    problem = error.message;
  }
  grow();
  changed();
  box.focus();
});

box.addEventListener('input', () => {
  problem = '';
  tellTyping();
  look();
  keep(openId, box.value, null);
  grow();
  changed();
});
// A finger has no Shift key: there Enter makes a new line, and the button sends.
const finger = matchMedia('(pointer: coarse)');
box.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.isComposing) return;
  if (event.ctrlKey || event.metaKey || (!event.shiftKey && !finger.matches)) {
    event.preventDefault();
    send();
  }
});
$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
// Two tabs agree on a draft, unless somebody is writing another one here at this moment.
addEventListener('storage', (event) => {
  if (openId === null || event.key !== place(openId)) return;
  let before = '';
  try { before = JSON.parse(event.oldValue)?.body ?? ''; } catch { /* it was no draft */ }
  if (document.hasFocus() && document.activeElement === box && box.value !== before) return;
  box.value = draft(openId).body;
  grow();
  changed();
});
