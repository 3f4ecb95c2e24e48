// Who is on duty, and how the line is.

import { $, el, reconcile } from './dom.js';
import { store } from './store.js';
import { since } from './time.js';

const ORDER = { available: 0, away: 1, offline: 2 };

/** Bars from dBm: 27.007's scale ends at -113 and -51. */
function bars(dbm) {
  if (dbm === null || dbm === undefined) return 0;
  return dbm >= -73 ? 4 : dbm >= -83 ? 3 : dbm >= -93 ? 2 : dbm >= -107 ? 1 : 0;
}

const REGISTRATION = {
  unknown: 'not registered', none: 'not registered', searching: 'searching for a network', denied: 'refused by the network',
};

function modemWords(m) {
  const queued = m.queued ? `, ${m.queued} ${m.queued === 1 ? 'reply' : 'replies'} queued` : '';
  if (m.phase === 'ready') {
    if (m.alarm) return { bad: true, text: `needs care${queued}`, detail: m.alarm };
    if (m.registration === 'home' || m.registration === 'roaming') {
      return { bad: false, text: `${m.network || 'registered'}${m.registration === 'roaming' ? ', roaming' : ''}${queued}` };
    }
    return { bad: true, text: `${REGISTRATION[m.registration] || 'not registered'}${m.since ? ` since ${since(m.since)}` : ''}${queued}` };
  }
  const what = m.phase === 'starting' ? 'starting' : m.phase === 'no_port' ? 'no modem' : 'not registered';
  return { bad: m.phase !== 'starting', text: `${what}${m.since ? ` since ${since(m.since)}` : ''}${queued}`, detail: m.detail };
}

function modem(m) {
  const said = modemWords(m);
  const strength = m.phase === 'ready' ? bars(m.signal_dbm) : 0;
  return el(`div.modem${said.bad ? '.modem-bad' : ''}`,
    el('span.bars', { role: 'img', 'aria-label': m.signal_dbm === null ? 'No signal known' : `Signal ${strength} of 4, ${m.signal_dbm} dBm`, title: m.signal_dbm === null ? '' : `${m.signal_dbm} dBm` },
      ...[1, 2, 3, 4].map((n) => el(`i${n <= strength ? '.on' : ''}`))),
    el('p.modem-text', el('span.modem-name', m.name), ' ', el('span.modem-words', said.text),
      said.detail ? el('span.modem-detail', said.detail) : null));
}

export function renderPeople() {
  const people = [...store.operators].sort((a, b) => ORDER[a.show] - ORDER[b.show] || a.name.localeCompare(b.name));
  const duty = people.filter((o) => o.show !== 'offline');
  const head = duty.length ? 'On duty' : store.loaded ? 'Nobody is on duty: new texts are held' : '';
  reconcile($('people'), [{ name: '', head }, ...duty], (o) => o.name, (o) => o.head ?? o.show, (o) => (o.name === ''
    ? el('p.house-head', head)
    : el('span.person', el(`i.lamp.lamp-${o.show}`), o.name === store.me ? `${o.name} (you)` : o.name,
      o.show === 'away' ? el('span.faint', ' away') : null)));
  reconcile($('modems'), store.modems, (m) => m.name, (m) => JSON.stringify(m), modem);
  const radio = document.querySelector(`input[name=show][value=${store.show}]`);
  if (radio && !radio.checked) radio.checked = true;
  document.body.dataset.show = store.show;
}
