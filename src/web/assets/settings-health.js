// Whether the box is well: what the doctor finds, how much the log tells, the configuration read again.

import { get, post, put } from './api.js';
import { $, announce, ask, el, toast } from './dom.js';
import { button, form, labelled, newId } from './settings-desk.js';
import { ago, timeOf } from './time.js';

const LOOK_EVERY = 700;
const VERDICTS = { failure: 'To mend', warning: 'To look at', ok: 'Well' };
const WORST_FIRST = ['failure', 'warning', 'ok'];

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

function finding(f) {
  return el(`li.finding.finding-${f.verdict}`, el('b.verdict', VERDICTS[f.verdict]),
    el('span', el('b', f.line ? `${f.check} (${f.line})` : f.check), `: ${sentence(f.found)}`,
      f.remedy && el('span.remedy', ` ${sentence(f.remedy)}`)));
}

function outcome(h) {
  if (h.running) return 'Looking…';
  if (h.problem) return h.problem;
  if (h.at === null) return '';
  const count = (verdict) => h.findings.filter((f) => f.verdict === verdict).length;
  const [bad, odd] = [count('failure'), count('warning')];
  const words = bad + odd === 0 ? 'All is well' : `${bad} to mend, ${odd} to look at`;
  return `${words}: looked ${ago(h.at)}.`;
}

function showHealth(h) {
  $('health-state').textContent = outcome(h);
  $('health-now').disabled = h.running;
  const worst = (f) => WORST_FIRST.indexOf(f.verdict);
  $('health-list').replaceChildren(...[...h.findings].sort((a, b) => worst(a) - worst(b)).map(finding));
}

async function watch() {
  for (;;) {
    const h = await get('/box/health');
    showHealth(h);
    if (!h.running) return h;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY); });
  }
}

const LEVELS = [['usual', 'What is usual'], ['warn', 'Warnings alone'], ['debug', 'More, patrons’ words too'], ['trace', 'All, patrons’ words too']];
const SPANS = [['600', '10 minutes'], ['3600', 'an hour'], ['86400', 'a day']];
const select = (options) => el('select', ...options.map(([key, text]) => el('option', { value: key }, text)));

function log() {
  const [level, span] = [select(LEVELS), select(SPANS)];
  const said = el('p.hint', { role: 'status' });
  const lasting = labelled('For how long', span);
  lasting.hidden = true;
  level.addEventListener('change', () => { lasting.hidden = level.value === 'usual'; });
  return [form([labelled('What it tells', level), lasting], async () => {
    if (['debug', 'trace'].includes(level.value) && !await ask('Write patrons’ words into the log?', 'Whoever may read the log of this box reads them there, also later. Choose the shortest time that will do.', 'Write them')) {
      throw new Error('Nothing was changed.');
    }
    const told = await put('/box/log', { level: level.value, for_s: level.value === 'usual' ? null : Number(span.value) });
    said.textContent = told.until ? `It logs by ${told.filter} until ${timeOf(told.until)}.` : `It logs by ${told.filter}.`;
  }, 'The log is changed'), said];
}

const list = (keys) => keys.join(', ');

function configuration() {
  const said = el('div', { role: 'status' });
  const node = button('Read it again', async () => {
    node.disabled = true;
    try {
      const told = await post('/box/reload');
      said.replaceChildren(el('p.hint', told.changed.length ? `In force now: ${list(told.changed)}.` : 'Nothing that can change while the desk runs.'),
        ...(told.needs_restart.length ? [el('p.hint', `After a restart only: ${list(told.needs_restart)}.`)] : []));
    } catch (error) {
      said.replaceChildren(el('p.card-problem', error.message));
    }
    node.disabled = false;
  });
  node.id = newId('reload');
  return [el('p.hint', 'Lines, alerts, the library’s name and how long transcripts stay change at once; the rest after a restart.'), el('p.card-acts', node), said];
}

export function setUpHealth() {
  $('log-box').replaceChildren(...log());
  $('configuration-box').replaceChildren(...configuration());
  $('health-now').addEventListener('click', async () => {
    try {
      showHealth(await post('/box/health'));
      announce(outcome(await watch()));
    } catch (error) {
      toast(error.message);
      $('health-now').disabled = false;
    }
  });
  watch().catch((error) => { $('health-state').textContent = error.message; });
}
