// The box itself, for its admin: how long transcripts stay, who is called for help, XMPP, backups.

import { call, post, put } from './api.js';
import { $, announce, el, toast } from './dom.js';
import { act, at, button, facts, form, input, labelled, octets, textarea } from './settings-desk.js';
import { ago, fullTime } from './time.js';

const DAY = 24 * 3600;
const spoken = (s) => (s % 60 ? `${s} s` : s < 7200 ? `${s / 60} min` : `${Math.round(s / 3600)} h`);

function retention(b) {
  const days = Math.round(b.retention.seconds / DAY);
  if (b.retention.said_by === 'file') {
    return [el('p', `Transcripts stay ${days} days after closing.`), el('p.hint', 'The configuration file says so: retention, under [spool].')];
  }
  const box = input(days, { type: 'number', min: 1, max: 3660, required: true, id: 'retention-days' });
  const form = el('form.inline', { id: 'retention-form' }, el('label', { for: box.id }, 'Days a transcript stays after closing'), box, el('button.quiet', 'Save'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => put('/box/retention', { days: Number(box.value) }).then(showBox), 'How long transcripts stay is saved');
  });
  return [form, el('p.hint', 'Then words, numbers and files are erased. What is counted stays, without them.')];
}

const SECURITY = [['starttls', 'STARTTLS, usually port 587'], ['tls', 'TLS from the start, usually port 465'], ['none', 'None: a server on this box or its own wire']];
const words = (box) => box.value.split(/[\s,;]+/).filter(Boolean);

/** Calls everybody once, and says who was reached. */
function trial() {
  const said = el('ul.entries.tried');
  const go = button('Send everybody a trial', async () => {
    go.disabled = true;
    said.replaceChildren(el('li', 'Calling…'));
    try {
      const tried = await post('/box/alerts/trial');
      said.replaceChildren(...tried.items.map((t) => el(`li${t.problem ? '.card-problem' : ''}`, el('span', el('b', t.to), `: ${t.problem || (t.to.includes('@') ? 'the mail server took it' : 'the text is on its way')}`))));
    } catch (error) {
      said.replaceChildren(el('li.card-problem', error.message));
    }
    go.disabled = false;
  });
  return el('div', el('p.card-acts', go), el('div', { role: 'status' }, said));
}

/** The page's own say: who, by which server, after how long. */
function alertsForm(b) {
  const now = b.alerts ?? { email: [], phones: [], line_after_s: 600, waiting_after_s: 600, disk_free_mb: 200 };
  const server = b.mail?.said_by === 'page' ? b.mail : { server: '', from: '', security: 'starttls', user: null };
  const email = textarea(now.email.join('\n'), { rows: 2, spellcheck: 'false', placeholder: 'desk@elm.example' });
  const phones = textarea(now.phones.join('\n'), { rows: 2, spellcheck: 'false', placeholder: '+15551230199' });
  const minutes = (s) => input(Math.round(s / 60), { type: 'number', min: 0, max: 1440, required: true });
  const [line, waiting] = [minutes(now.line_after_s), minutes(now.waiting_after_s)];
  const disk = input(now.disk_free_mb, { type: 'number', min: 0, max: 1048576, required: true });
  const host = input(server.server, { placeholder: 'mail.elm.example:587', spellcheck: 'false' });
  const from = input(server.from, { type: 'email', placeholder: 'callnumber@elm.example' });
  const security = el('select', ...SECURITY.map(([key, text]) => el('option', { value: key, selected: key === server.security }, text)));
  const user = input(server.user, { spellcheck: 'false' });
  const password = input('', { type: 'password', autocomplete: 'new-password', placeholder: server.user ? 'as it was' : '' });
  const own = b.mail?.said_by === 'file'
    ? [el('p.hint', `Mail goes by ${b.mail.server}, as the configuration file says.`)]
    : [el('h4', 'The mail server'), el('p.hint', 'Also for visitors of web pages who ask for their chat by mail.'),
      labelled('Host and port', host), labelled('Mail comes from', from), labelled('Kept from others’ eyes by', security),
      el('div.pair', labelled('Name, if it asks for one', user), labelled('Password', password))];
  return form([
    labelled('Mail addresses, one a line', email), labelled('Telephones, one a line', phones, 'By a line that works, like any text.'), ...own,
    el('h4', 'When'), el('div.pair', labelled('A line is in trouble for (min)', line), labelled('Texts wait for nobody (min)', waiting)),
    labelled('The disk has less than (MB)', disk),
  ], async () => {
    const mail = b.mail?.said_by !== 'file' && host.value.trim()
      ? { server: host.value.trim(), from: from.value.trim(), security: security.value, user: user.value.trim() || null, password: password.value || null } : null;
    await put('/box/alerts', { email: words(email), phones: phones.value.split(/[\n,;]+/).map((n) => n.trim()).filter(Boolean), line_after_s: line.value * 60, waiting_after_s: waiting.value * 60, disk_free_mb: Number(disk.value), ...(mail ? { mail } : {}) });
    await showBox();
  }, 'Who is called is saved');
}

function alerts(b) {
  if (b.alerts_said_by === 'file') {
    return [facts([
      ['By mail', b.alerts.email.join(', ')], ['Mail server', b.alerts.server], ['By text', b.alerts.phones.join(', ')],
      ['A line in trouble', `after ${spoken(b.alerts.line_after_s)}`], ['Texts waiting', `after ${spoken(b.alerts.waiting_after_s)} with nobody signed in`],
      ['Disk', `below ${b.alerts.disk_free_mb} MB`],
    ]), el('p.hint', 'Set under [alerts] in the configuration file, and in force once it is read again: callnumber reload.'), trial()];
  }
  return [b.alerts ? null : el('p.card-problem', 'Nobody is called when the desk needs help.'),
    el('details.fold', { id: 'alerts-fold', open: !b.alerts && Boolean(b.mail) }, el('summary', b.alerts ? `Called: ${[...b.alerts.email, ...b.alerts.phones].join(', ')}` : 'Say who is called'), el('div.fold-body', alertsForm(b))),
    b.alerts && trial()].filter(Boolean);
}

function link(b) {
  if (!b.xmpp) return [el('p', 'No XMPP server is configured.'), el('p.hint', 'Librarians answer from chat programs, and people write by instant message, once there is one: [xmpp.component].')];
  return [el('p', el(`i.lamp.lamp-${b.xmpp.up ? 'available' : 'offline'}`), b.xmpp.up ? ' The server is connected.' : ` Not connected: ${b.xmpp.detail}`)];
}

async function showBox() {
  const b = await call('GET', '/box');
  $('retention-box').replaceChildren(...retention(b));
  $('alerts-box').replaceChildren(...alerts(b));
  $('xmpp-box').replaceChildren(...link(b));
  $('disk-box').replaceChildren(facts([
    ['Version', b.version], ['Running since', fullTime(b.started_at)], ['Address', b.public_url],
    ['Texts and records', octets(b.disk.spool)], ['Files', octets(b.disk.files)],
    ['Disk', b.disk.free === null ? null : `${octets(b.disk.free)} free of ${octets(b.disk.size)}`],
  ]));
}

// Backups ---------------------------------------------------------------------------------------

const LOOK_EVERY = 700;

function outcome(b) {
  if (b.running) {
    const word = b.running.step === 'copying' ? 'Copying' : 'Reading it back';
    return [el('label', { for: 'backup-progress' }, `${word}…`), el('progress', { id: 'backup-progress', max: b.running.total || 1, value: b.running.done })];
  }
  if (!b.last) return [];
  if (b.last.problem) return [el('p.card-problem', b.last.problem)];
  return [el('p', `Made ${ago(b.last.at)}: ${b.last.texts} texts, ${b.last.files} files, read back and whole.`),
    b.last.same_disk && el('p.hint', 'It lies on the disk that holds the desk, and is lost with it: download it, or set backups under [spool] to another disk.')].filter(Boolean);
}

function showBackups(b) {
  $('backup-state').replaceChildren(...outcome(b));
  $('backup-now').disabled = Boolean(b.running);
  $('backup-folder').textContent = b.folder;
  $('backup-rows').replaceChildren(...b.items.map((c) => el('tr', el('td', fullTime(c.made)), el('td', octets(c.octets)),
    el('td', el('a', { href: `/api/v1/backups/${at(c.name)}`, download: c.name }, 'Download'), el('span.unseen', ` the one of ${fullTime(c.made)}`)))));
  $('backup-table').hidden = b.items.length === 0;
}

async function watchBackups() {
  for (;;) {
    const b = await call('GET', '/backups');
    showBackups(b);
    if (!b.running) return b;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY); });
  }
}

export function setUpBox() {
  $('backup-now').addEventListener('click', async () => {
    try {
      showBackups(await post('/backups'));
      const b = await watchBackups();
      announce(b.last?.problem ?? 'The backup is made');
    } catch (error) {
      toast(error.message);
    }
  });
  watchBackups().catch((error) => $('backup-state').replaceChildren(el('p.card-problem', error.message)));
}

export { showBox };
