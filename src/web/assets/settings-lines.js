// The lines of the settings page: how each is and was, the PIN of its SIM, a text to itself, an end to its
// rest, a code for its network, and what is said on its port.

import { call, get, post } from './api.js';
import { el, show } from './dom.js';
import { act, at, button, fold, isAdmin, labelled, octets } from './settings-desk.js';
import { signal } from './signal.js';
import { ago, fullTime, since, timeOf } from './time.js';

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
  const words = test ? `Text to itself: ${test.words}, ${ago(test.sent)}` : 'No text to itself was sent yet';
  return el('div.self-test', el(`p${test?.problem ? '.card-problem' : ''}`, { 'data-test': m.name }, words), form);
}

/** Why a line rests, and an end to it. */
function rest(m) {
  if (!m.rest || Date.parse(m.rest.until) < Date.now()) return null;
  const go = isAdmin && button('Let it send again', () => act(() => post(`/modems/${at(m.name)}/resume`), `${m.name} sends again, within a minute`), '.primary.small');
  return el('div.rest', el('p.card-problem', `It rests since ${since(m.rest.since)}, until ${timeOf(m.rest.until)}: ${m.rest.reason}.`), go && el('p.card-acts', go));
}

/** A code that its network is asked, such as that for what is left on a prepaid SIM. */
function ussd(name) {
  return fold(`ussd-${name}`, 'Ask its network a code', async () => {
    const code = el('input', { type: 'text', inputmode: 'tel', required: true, maxlength: 40, pattern: '[0-9*#]+', autocomplete: 'off', placeholder: '*100#', title: 'Digits, * and #' });
    const said = el('p.ussd-said', { role: 'status' });
    const go = el('button.quiet.small', 'Ask');
    const node = el('form', labelled('The code', code, 'Such as that of your carrier for what is left on a prepaid SIM. It is not written down.'), el('p.card-acts', go), said);
    node.addEventListener('submit', async (event) => {
      event.preventDefault();
      go.disabled = true;
      said.className = 'ussd-said';
      said.textContent = 'Asking…';
      try {
        said.textContent = (await call('POST', `/modems/${at(name)}/ussd`, { code: code.value.trim() }, 35_000)).answer;
      } catch (error) {
        said.classList.add('card-problem');
        said.textContent = error.message;
      }
      go.disabled = false;
    });
    return node;
  });
}

/** What is said on its port: written down, and taken away as a file. */
function trace(name) {
  return fold(`trace-${name}`, 'What is said on its port', async (again) => {
    const path = `/modems/${at(name)}/trace`;
    const t = await get(path);
    const change = (method, done) => button(method === 'POST' ? 'Begin a transcript' : 'End it', () => act(() => call(method, path), done).then(again), '.quiet.small');
    return [
      el('p.hint', 'For a bug report, when a modem does something odd. Numbers and words are masked. The modem is set up anew when it begins; no text is lost by that.'),
      t.elsewhere && el('p', `It goes to ${t.elsewhere} on the box, as the command line or the configuration says.`),
      t.running && !t.elsewhere && el('p', 'It is being written.'),
      t.kept && el('p', `${t.running ? 'So far' : 'The last one'}: ${octets(t.kept.octets)}${t.kept.written ? `, written ${fullTime(t.kept.written)}` : ''}. `,
        el('a', { href: `/api/v1${path}/file`, download: `${name}.trace` }, 'Download'), el('span.unseen', ` the transcript of ${name}`)),
      el('p.card-acts', t.running ? change('DELETE', 'The transcript is ended') : change('POST', 'The transcript begins')),
    ];
  });
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
    rest(m),
    m.wants_pin && isAdmin ? kept(pinForms, m.name, () => pinForm(m.name)) : null,
    signal(m.name),
    m.phase === 'ready' && isAdmin ? selfTest(m) : null,
    m.phase === 'ready' && isAdmin ? ussd(m.name) : null,
    isAdmin ? trace(m.name) : null);
}
