// Setting the desk up: queues, ways in, staff, lines, the audit trail. Every change is one call of
// the API; the page is read again after it, and when the desk says that the plan changed.

import { all, call, get, post, put } from './api.js';
import { $, ask, el, reconcile, toast, words } from './dom.js';
import { follow } from './live.js';
import { setUpBook } from './settings-book.js';
import { setUpBox, showBox } from './settings-box.js';
import { act, amend, button, choice, desk, isAdmin, me, reads } from './settings-desk.js';
import { showArrivals } from './settings-arrivals.js';
import { setUpHealth } from './settings-health.js';
import { about, hours } from './settings-hours.js';
import { line } from './settings-lines.js';
import { setUpPatrons } from './settings-patrons.js';
import { setUpCanned, setUpReports, setUpTranscripts, showCanned, showTranscripts } from './settings-records.js';
import { entry } from './settings-staff.js';
import { keywords, wording } from './settings-wording.js';
import { fullTime } from './time.js';

document.body.classList.toggle('is-admin', isAdmin);

const queueOptions = () => desk.queues.map((q) => [q.name, q.name]);
/** The lines there are, and the one it has, which may be away. */
const lineOptions = (g) => [...new Set([...desk.modems.map((m) => m.name), g.line].filter(Boolean))].map((name) => [name, name]);

// Queues ----------------------------------------------------------------------------------------

function queue(q) {
  return el('article.card', el('h3', el(`i.lamp.lamp-${q.online ? 'available' : 'offline'}`), q.name),
    el('p.faint', `${q.online ? 'Online' : 'Offline'} · ${q.operators.length ? q.operators.join(', ') : 'nobody is assigned'}`),
    hours(q), about(q),
    el('p.card-acts', button('Remove', async () => {
      if (await ask(`Remove ${q.name}?`, 'It must have no way in and no open conversation.', 'Remove')) {
        act(() => amend('remove_queue', { name: q.name }), `${q.name} is removed`);
      }
    })));
}

// Ways in ---------------------------------------------------------------------------------------

const KINDS = { sms: 'Text line', im: 'Instant messages', widget: 'Chat on web pages' };

function snippet(name) {
  const address = document.body.dataset.address || location.origin;
  return `<script src="${address}/widget/${encodeURIComponent(name)}.js" async></script>`;
}

/** Forms in hand: what somebody is writing outlives the card around it. */
const widgetForms = new Map();

function widgetForm(g) {
  const inHand = widgetForms.get(g.name);
  if (inHand) return inHand;
  const id = `widget-${g.name}`;
  const box = el('details.widget', { id }, el('summary', 'How it looks, and where it may stand'));
  box.addEventListener('toggle', async () => {
    if (!box.open || box.dataset.filled) return;
    box.dataset.filled = '1';
    let manner;
    try {
      manner = await get(`/gateways/${encodeURIComponent(g.name)}/widget`);
    } catch (error) {
      toast(error.message);
      return;
    }
    const title = el('input', { id: `${id}-title`, value: manner.title, maxlength: 60, disabled: !isAdmin });
    const greeting = el('textarea', { id: `${id}-greeting`, rows: 2, maxlength: 300, disabled: !isAdmin }, manner.greeting);
    const origins = el('textarea', { id: `${id}-origins`, rows: 3, spellcheck: 'false', placeholder: 'https://www.elm.example', disabled: !isAdmin }, manner.origins.join('\n'));
    const files = el('input', { id: `${id}-files`, type: 'checkbox', checked: manner.files, disabled: !isAdmin });
    const letters = el('input', { id: `${id}-letters`, type: 'checkbox', checked: manner.letters, disabled: !isAdmin });
    const code = el('textarea.code', { id: `${id}-code`, rows: 3, readonly: true }, snippet(g.name));
    const form = el('form',
      el('label', { for: code.id }, 'One line for the library’s pages'), code,
      el('label', { for: origins.id }, 'Sites that may show it, one a line'), origins,
      el('label', { for: title.id }, 'Title (empty: the library’s name)'), title,
      el('label', { for: greeting.id }, 'First words'), greeting,
      el('label.switch', files, el('span', 'Visitors may send files')),
      el('label.switch', letters, el('span', 'Visitors may have their chat sent by mail, once the desk has a mail server')),
      el('p.card-acts', el('a.button.quiet.small', { href: `/widget/${encodeURIComponent(g.name)}`, target: '_blank', rel: 'noopener' }, 'See it'), el('button.primary', { disabled: !isAdmin }, 'Save')));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      act(() => put(`/gateways/${encodeURIComponent(g.name)}/widget`, {
        title: title.value.trim(), greeting: greeting.value.trim(), files: files.checked, letters: letters.checked,
        origins: origins.value.split(/\s+/).filter(Boolean),
      }), `${g.name} is saved`);
    });
    box.append(form);
  });
  widgetForms.set(g.name, box);
  return box;
}

function gateway(g) {
  const set = (part) => act(() => amend('set_gateway', { name: g.name, queue: null, line: null, policy: null, closed_notice: null, ...part }), `${g.name} is changed`);
  return el('article.card', el('h3', el(`i.lamp.lamp-${g.online ? 'available' : 'offline'}`), g.name, el('span.faint', ` ${KINDS[g.kind] || g.kind}${g.paused ? ', paused' : ''}`)),
    el('div.fields',
      choice('Queue', queueOptions(), g.queue, (name) => set({ queue: name })),
      g.kind === 'sms' ? choice('Line', lineOptions(g), g.line, (line) => set({ line })) : null,
      choice('While offline', [['hold', 'Hold until somebody comes'], ['refuse', 'Refuse: “Chat is offline”']], g.offline, (policy) => set({ policy }))),
    g.kind === 'widget' ? widgetForm(g) : null,
    wording(g),
    keywords(g),
    el('p.card-acts', button(g.paused ? 'Resume' : 'Pause', () => act(() => amend('pause_gateway', { name: g.name, paused: !g.paused }), `${g.name} is ${g.paused ? 'open again' : 'paused'}`)), button('Remove', async () => {
      if (await ask(`Remove ${g.name}?`, 'Nothing new comes in by it; open conversations can still be answered.', 'Remove')) {
        act(() => amend('remove_gateway', { name: g.name }), `${g.name} is removed`);
      }
    })));
}

// Staff -----------------------------------------------------------------------------------------

const ROLES = [['operator', 'Operator'], ['coordinator', 'Coordinator'], ['admin', 'Admin']];

function operator(o) {
  const patch = (part, done) => act(() => call('PATCH', `/operators/${encodeURIComponent(o.name)}`, part), done);
  const assigned = desk.queues.map((q) => {
    const box = el('input', { type: 'checkbox', checked: o.queues.includes(q.name) });
    box.addEventListener('change', () => {
      const queues = box.checked ? [...o.queues, q.name] : o.queues.filter((name) => name !== q.name);
      patch({ queues }, `${o.name} is ${box.checked ? 'assigned to' : 'taken off'} ${q.name}`);
    });
    return el('label.tick-box', box, el('span', q.name));
  });
  return el('article.card', el('h3', el(`i.lamp.lamp-${o.show}`), o.name === me ? `${o.name} (you)` : o.name),
    el('div.fields',
      choice('Role', ROLES, o.role, (role) => patch({ role }, `${o.name} is ${role} now`), isAdmin && o.name !== me),
      el('fieldset.field', el('legend', 'Queues'), el('div.ticks', ...assigned))),
    entry(o),
    o.name === me ? null : el('p.card-acts', button('Remove', async () => {
      if (await ask(`Remove ${o.name}?`, 'What they answer goes back to its queue. What they wrote stays theirs.', 'Remove')) {
        act(() => call('DELETE', `/operators/${encodeURIComponent(o.name)}`), `${o.name} is removed`);
      }
    })));
}

// The page --------------------------------------------------------------------------------------

function steps() {
  const ready = desk.modems.some((m) => m.phase === 'ready' && ['home', 'roaming'].includes(m.registration));
  const staffed = desk.operators.some((o) => o.queues.length > 0 && o.name !== 'librarian') || desk.operators.length > 1;
  const onDuty = desk.queues.some((q) => q.online);
  const list = [
    [ready, ready ? 'A line is registered and takes texts' : 'No line is registered yet: see Lines below', '#lines'],
    [staffed, staffed ? 'Staff can sign in' : 'Add somebody with a password', '#staff'],
    [onDuty, onDuty ? 'Somebody is on duty' : 'Go on duty at the desk', '/'],
  ];
  $('steps').replaceChildren(...list.map(([done, text, href]) => el(`li${done ? '.done' : ''}`,
    el('span.unseen', done ? 'Done: ' : 'To do: '), el('a', { href }, text))));
}

function trailRow(e) {
  return el('tr', el('td', el('time', { datetime: e.at }, fullTime(e.at))), el('td', e.by || 'the box'), el('td', e.action.replace(/_/g, ' ')), el('td', e.subject || (e.conversation ? `conversation ${e.conversation}` : '')));
}

const print = (of) => JSON.stringify([of, desk.queues.map((q) => q.name), desk.modems.map((m) => m.name)]);

function render() {
  steps();
  if (desk.modems.length) reconcile($('lines-list'), desk.modems, (m) => m.name, print, line);
  else $('lines-list').replaceChildren(el('p.empty', 'No modem is driven by this desk.'));
  reconcile($('queues-list'), desk.queues, (q) => q.name, print, queue);
  reconcile($('gateways-list'), desk.gateways, (g) => g.name, print, gateway);
  reconcile($('staff-list'), desk.operators, (o) => o.name, print, operator);
  showCanned();
  showTranscripts();
  if ($('trail-list')) reconcile($('trail-list'), desk.trail, (e) => String(e.id), print, trailRow);
  const chosen = $('gateway-queue').value;
  $('gateway-queue').replaceChildren(...queueOptions().map(([key, text]) => el('option', { value: key, selected: key === chosen }, text)));
  document.body.dataset.ready = '1';
  // No event says that a text to itself is back.
  if (desk.modems.some((m) => m.self_test && m.self_test.took_ms === null && m.self_test.problem === null)) soon(1000);
}

/** Lines of the trail that are shown; older ones are asked for. */
let trailShown = 50;

async function load() {
  const [queues, gateways, operators, modems, canned, trail] = await Promise.all([
    all('/queues'), all('/gateways'), all('/operators'), all('/modems'), all('/canned'),
    isAdmin ? get(`/audit?limit=${trailShown}`) : null,
  ]);
  Object.assign(desk, { queues, gateways, operators, modems, canned, trail: trail?.items ?? [] });
  if (trail) $('trail-more').hidden = trail.next === null || trailShown >= 500;
  render();
}
reads(load);

function form(id, what, done) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act(async () => {
      await what();
      $(id).reset();
    }, done);
  });
}

form('queue-add', () => amend('add_queue', { name: $('queue-name').value.trim() }), 'The queue is there');
form('gateway-add', () => amend('add_gateway', {
  name: $('gateway-name').value.trim(), kind: $('gateway-kind').value, queue: $('gateway-queue').value, line: null, policy: null,
}), 'The way in is there');
form('operator-add', async () => {
  const name = $('operator-name').value.trim().toLowerCase();
  const password = $('operator-password').value || null;
  await post('/operators', { name, password, role: 'operator', queues: desk.queues.slice(0, 1).map((q) => q.name) });
  if (!password) toast(`${name} has no password: make them a sign-in link under Ways to sign in`);
}, 'They are added');

let due = 0;
function soon(after = 300) {
  clearTimeout(due);
  due = setTimeout(() => load().catch((error) => toast(error.message)), after);
}
follow((event) => {
  if (['hello', 'reset', 'plan', 'operator', 'queue', 'modem'].includes(event)) soon();
}, () => {});
words($('announce'), '');
setUpCanned();
setUpReports();
if (isAdmin) {
  setUpTranscripts();
  setUpBook();
  setUpBox();
  setUpHealth();
  setUpPatrons();
  showBox().catch((error) => toast(error.message));
  showArrivals().catch((error) => toast(error.message));
  $('trail-more').addEventListener('click', () => {
    trailShown += 150;
    load().catch((error) => toast(error.message));
  });
}
