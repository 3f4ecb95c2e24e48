// The box itself, for its admin: how long transcripts stay, who is called for help, XMPP, backups.

import { call, post, put } from './api.js';
import { $, announce, el, toast } from './dom.js';
import { act, at, facts, input, octets } from './settings-desk.js';
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

function alerts(b) {
  if (!b.alerts) return [el('p.card-problem', 'Nobody is called when the desk needs help: name somebody under [alerts] in the configuration file.')];
  return [facts([
    ['By mail', b.alerts.email.join(', ')], ['Mail server', b.alerts.server], ['By text', b.alerts.phones.join(', ')],
    ['A line in trouble', `after ${spoken(b.alerts.line_after_s)}`], ['Texts waiting', `after ${spoken(b.alerts.waiting_after_s)} with nobody signed in`],
    ['Disk', `below ${b.alerts.disk_free_mb} MB`],
  ]), el('p.hint', 'Set under [alerts] in the configuration file, and in force once it is read again: callnumber reload.')];
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
