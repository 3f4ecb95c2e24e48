// The lines of the settings page: how each is, the PIN of its SIM, a text to itself.

import { post } from './api.js';
import { el, show } from './dom.js';
import { act, at, isAdmin } from './settings-desk.js';
import { since } from './time.js';

const PHASES = { ready: 'Ready', starting: 'Starting', no_port: 'No modem found', stuck: 'Needs care' };

/** Forms in hand: what somebody is writing outlives the card around it. */
const pinForms = new Map();
const testForms = new Map();
const kept = (forms, name, make) => {
  if (!forms.has(name)) forms.set(name, make());
  return forms.get(name);
};

function pinForm(name) {
  const id = `pin-${name}`;
  const pin = el('input', { id, type: 'password', inputmode: 'numeric', pattern: '[0-9]{4,8}', maxlength: 8, required: true, autocomplete: 'off', title: 'Four to eight digits' });
  const go = el('button.primary', 'Unlock');
  const form = el('form.inline', { 'aria-label': `PIN of the SIM in ${name}` }, el('label', { for: id }, 'PIN of its SIM'), pin, go);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    go.disabled = true;
    await act(() => post(`/modems/${at(name)}/pin`, { pin: pin.value.trim() }), `${name} is unlocked`);
    go.disabled = false;
    pin.value = '';
  });
  return form;
}

function testForm(name) {
  const id = `test-${name}`;
  const number = el('input', { id, type: 'tel', placeholder: '+15551230100', autocomplete: 'off' });
  const box = el('span.test-number', el('label', { for: id }, 'Its own number'), number);
  const form = el('form.inline', { 'aria-label': `Test ${name}` }, box, el('button.quiet', 'Send a text to itself'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const told = number.value.trim();
    act(() => post(`/modems/${at(name)}/self-test`, told ? { number: told } : {}), 'A text is on its way to itself');
  });
  return form;
}

/** How the last text to itself went, and a way to send one. */
function selfTest(m) {
  const form = kept(testForms, m.name, () => testForm(m.name));
  show(form.querySelector('.test-number'), !m.number_known);
  const test = m.self_test;
  const words = test ? `Text to itself: ${test.words}` : 'No text to itself was sent yet';
  return el('div.self-test', el(`p${test?.problem ? '.card-problem' : ''}`, { 'data-test': m.name }, words), form);
}

/** A line: how it is, its SIM's PIN where it asks for one, and a text to itself. */
export function line(m) {
  const facts = [
    ['State', `${PHASES[m.phase] || m.phase}${m.since ? ` since ${since(m.since)}` : ''}`],
    ['Network', m.phase === 'ready' ? `${m.network || 'unknown'} (${m.registration})` : null],
    ['Signal', m.signal_dbm === null ? null : `${m.signal_dbm} dBm`],
    ['Tries the PIN has left', m.wants_pin && m.pin_tries_left !== null ? String(m.pin_tries_left) : null],
    ['Storage', m.storage_total ? `${m.storage_used ?? 0} of ${m.storage_total} places taken` : null],
    ['Modem', [m.manufacturer, m.model].filter(Boolean).join(' ') || null],
    ['Waiting to be sent', String(m.queued)],
  ].filter(([, value]) => value);
  return el(`article.card${m.phase === 'ready' ? '' : '.card-bad'}`, el('h3', m.name),
    el('dl.facts', ...facts.map(([name, value]) => el('div', el('dt', name), el('dd', value)))),
    m.detail ? el('p.card-problem', m.detail) : null,
    m.wants_pin && isAdmin ? kept(pinForms, m.name, () => pinForm(m.name)) : null,
    m.phase === 'ready' && isAdmin ? selfTest(m) : null);
}
