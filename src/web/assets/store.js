// What the desk looks like from here. Changes are upserts: the same one twice changes nothing.

import { all, get } from './api.js';

export const store = {
  me: document.body.dataset.operator,
  show: document.body.dataset.show,
  library: document.body.dataset.library,
  loaded: false,
  connected: false,
  conversations: new Map(),
  /** id → { messages: Map, notes: Map, truncated } of threads that were opened. */
  threads: new Map(),
  /** How far what is over was read: { next, end }; null before the first page. */
  closed: null,
  operators: [],
  queues: [],
  modems: [],
  gateways: [],
  /** id → why the last offer of it was withdrawn. */
  withdrawn: new Map(),
  /** id → when the patron was last seen writing. */
  typing: new Map(),
  current: null,
  /** The newest message's id. */
  newest: 0,
};

const listeners = new Set();
let due = false;

/** Calls `listener` after changes; many at once are one call. */
export function watch(listener) {
  listeners.add(listener);
}

export function changed() {
  if (due) return;
  due = true;
  // Not an animation frame: those stop in a background tab, where alerts matter most.
  queueMicrotask(() => {
    due = false;
    for (const listener of listeners) listener();
  });
}

export const isOpen = (c) => c.state !== 'closed';
export const isMine = (c) => c.state === 'claimed' && c.claimed_by === store.me;
export const isHandedToMe = (c) =>
  Boolean(c.transfer) && c.transfer.from !== store.me &&
  (c.transfer.to === `operator:${store.me}` ||
    store.queues.some((q) => q.assigned && c.transfer.to === `queue:${q.name}`));
export const isWaiting = (c) => c.state === 'waiting' || c.state === 'held' || (isHandedToMe(c) && !isMine(c));
export const needsAnswer = (c) => isOpen(c) && c.waiting_since !== null;

const oldestFirst = (a, b) =>
  (a.waiting_since ? Date.parse(a.waiting_since) : Infinity) - (b.waiting_since ? Date.parse(b.waiting_since) : Infinity) || a.id - b.id;

const newestFirst = (a, b) => Date.parse(b.active_at) - Date.parse(a.active_at) || b.id - a.id;

/** The lists, as shown. */
export function lists() {
  const open = [...store.conversations.values()].filter(isOpen);
  const waiting = open.filter(isWaiting).sort(oldestFirst);
  const mine = open.filter((c) => !isWaiting(c) && isMine(c)).sort(oldestFirst);
  const others = open.filter((c) => !isWaiting(c) && !isMine(c)).sort(oldestFirst);
  // An older one that was opened comes with its page: nothing between is left out.
  const isRead = (c) => !store.closed.next || newestFirst(c, store.closed.end) <= 0;
  const closed = store.closed === null ? [] :
    [...store.conversations.values()].filter((c) => !isOpen(c) && isRead(c)).sort(newestFirst);
  return { waiting, mine, others, closed };
}

/** The national tables that a gateway's texts may go out in. */
export const nationalOf = (gateway) => store.gateways.find((g) => g.name === gateway)?.national ?? [];

let loading = false;
let pending = [];

/** Reads everything again. Changes that come meanwhile are applied after it. */
export async function load() {
  if (loading) return;
  loading = true;
  try {
    const [conversations, operators, queues, modems, gateways] = await Promise.all([
      all('/conversations?limit=500'), all('/operators'), all('/queues'), all('/modems'), all('/gateways'),
    ]);
    for (const [id, c] of store.conversations) if (isOpen(c)) store.conversations.delete(id);
    for (const c of conversations) store.conversations.set(c.id, c);
    const newest = Math.max(store.newest, ...conversations.map((c) => c.latest?.id ?? 0));
    Object.assign(store, { operators, queues, modems, gateways, newest, loaded: true });
    for (const id of store.threads.keys()) if (id !== store.current) store.threads.delete(id);
    if (store.current !== null) await loadThread(store.current);
  } finally {
    loading = false;
    const late = pending;
    pending = [];
    for (const [event, data] of late) apply(event, data);
    changed();
  }
}

/** Reads who and what there is again. */
async function loadPlan() {
  const [operators, queues] = await Promise.all([all('/operators'), all('/queues')]);
  Object.assign(store, { operators, queues });
  changed();
}

/** What was told of threads while they were read: the answer may be older. */
const told = new Map();

export async function loadThread(id) {
  told.set(id, []);
  let thread;
  let since;
  try {
    thread = await get(`/conversations/${id}`);
  } finally {
    since = told.get(id) ?? [];
    told.delete(id);
  }
  const { messages, notes, truncated, ...conversation } = thread;
  store.conversations.set(id, conversation);
  store.threads.set(id, {
    messages: new Map(messages.map((m) => [m.id, m])),
    notes: new Map(notes.map((n) => [n.id, n])),
    truncated,
  });
  for (const [event, data] of since) apply(event, data);
  changed();
}

/** Reads the next page of what is over, newest first. */
export async function loadClosed() {
  const cursor = store.closed?.next;
  const on = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
  const { items, next } = await get(`/conversations?state=closed&order=newest&limit=50${on}`);
  store.closed = { next, end: items.at(-1) ?? store.closed?.end };
  for (const c of items) store.conversations.set(c.id, c);
  changed();
}

/** A message is a conversation's latest now; what was asked stays in sight behind a notice of the desk's own. */
function said(c, message) {
  if (message.author_kind !== 'desk') c.asked = null;
  else if (c.latest?.direction === 'in') c.asked = c.latest.body;
  c.latest = message;
}

/** What the answer to a sending says of it; the feed may have told already what became of it since. */
export function learn(message) {
  const messages = store.threads.get(message.conversation)?.messages;
  if (messages && !messages.has(message.id)) messages.set(message.id, message);
  const c = store.conversations.get(message.conversation);
  if (c && (!c.latest || c.latest.id < message.id)) said(c, message);
}

/** Something the desk told. Answers nothing; whoever needs to react watches. */
export function apply(event, data) {
  if (loading) {
    pending.push([event, data]);
    return;
  }
  if (event === 'message' || event === 'note') told.get(data.conversation)?.push([event, data]);
  switch (event) {
    case 'conversation': {
      store.conversations.set(data.id, data);
      if (data.state !== 'claimed') store.withdrawn.delete(data.id);
      break;
    }
    case 'message': {
      store.threads.get(data.conversation)?.messages.set(data.id, data);
      if (data.direction === 'in') store.typing.delete(data.conversation);
      const c = store.conversations.get(data.conversation);
      if (c && (!c.latest || c.latest.id <= data.id)) said(c, data);
      break;
    }
    case 'typing':
      store.typing.set(data.conversation, Date.now());
      setTimeout(changed, 6_100);
      break;
    case 'note':
      store.threads.get(data.conversation)?.notes.set(data.id, data);
      break;
    case 'withdraw': {
      store.withdrawn.set(data.conversation, data.reason);
      if (data.reason === 'moved to another desk') {
        store.conversations.delete(data.conversation);
        store.threads.delete(data.conversation);
      }
      break;
    }
    case 'operator': {
      const one = store.operators.find((o) => o.name === data.operator);
      if (one) one.show = data.show;
      if (data.operator === store.me) store.show = data.show;
      break;
    }
    case 'queue': {
      const one = store.queues.find((q) => q.name === data.queue);
      if (one) one.online = data.online;
      break;
    }
    case 'modem': {
      const place = store.modems.findIndex((m) => m.name === data.name);
      if (place >= 0) store.modems[place] = data;
      else store.modems.push(data);
      break;
    }
    case 'plan':
      // Somebody else's queues show no other conversations here; canned replies are read elsewhere.
      if (data.changed === 'operators' && !data.yours) loadPlan().catch(() => {});
      else if (data.changed !== 'canned') load().catch(() => loadPlan().catch(() => {}));
      break;
    default:
  }
  changed();
}
