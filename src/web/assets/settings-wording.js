// What a way in's patrons are told: each notice with its words, tried as they are written.

import { inWords } from './segments.js';
import { post } from './api.js';
import { el, show, words } from './dom.js';
import { act, amend, at, button, fold, get, isAdmin, labelled, textarea } from './settings-desk.js';

/** How soon after the last key a wording is tried. */
const TRIED_AFTER = 250;

/** Words tried as they are written: `ask()` answers what a patron would read. */
function trial(g, box, ask) {
  const reads = el('p.reads');
  const count = el('p.hint', { 'aria-live': 'polite' });
  const problem = el('p.card-problem', { role: 'alert' });
  const reading = el('div.bubble', reads, count);
  const seen = (text) => {
    show(reading, text !== undefined);
    words(reads, text ?? '');
    words(count, text ? (g.kind === 'sms' ? [inWords(text, g.national).count, inWords(text, g.national).hint].filter(Boolean).join(' · ') : '') : 'Nothing is sent.');
  };
  let due = 0;
  let asked = 0;
  box.addEventListener('input', () => {
    clearTimeout(due);
    due = setTimeout(async () => {
      const turn = asked += 1;
      try {
        const tried = await ask();
        if (turn !== asked) return;
        words(problem, '');
        seen(tried.text);
      } catch (error) {
        if (turn === asked) words(problem, error.message);
      }
    }, TRIED_AFTER);
  });
  return { seen, parts: [reading, problem] };
}

function notice(g, n, number, again) {
  const own = n.own !== null;
  const box = textarea(own ? n.own : n.default, { rows: 3, maxlength: 1000, spellcheck: 'true' });
  const { seen, parts } = trial(g, box, () => post(`/gateways/${at(g.name)}/preview`, { notice: n.notice, words: box.value }));
  seen(n.text);
  const save = (value, done) => act(() => amend('set_wording', { gateway: g.name, notice: n.notice, words: value }), done).then((well) => well && again());
  const node = el('form.wording', { id: `wording-${g.name}-${n.notice}` },
    labelled(`M${number} · ${n.when}`, box, n.names.length ? `May hold {${n.names.join('}, {')}}` : null),
    ...parts,
    isAdmin && el('p.card-acts',
      own && button('As usual', () => save(null, 'The usual words are back')),
      n.own !== '' && button('Send nothing', () => save('', 'This notice is not sent any more')),
      el('button.primary.small', 'Save')));
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    save(box.value.trim(), 'The words are saved');
  });
  return node;
}

export function wording(g) {
  return fold(`wording-${g.name}`, 'What its patrons are told', async (again) => {
    const { items } = await get(`/gateways/${at(g.name)}/notices`);
    return items.map((n, place) => notice(g, n, place + 1, again));
  }, '.fold-wide');
}

/** One word and its answer; without a keyword, the place for a new one. */
function keyword(g, k, again) {
  const word = el('input', { value: k?.word ?? '', maxlength: 40, autocomplete: 'off', placeholder: 'HOURS', readonly: Boolean(k), disabled: !isAdmin });
  const box = textarea(k?.answer ?? '', { rows: 2, maxlength: 459, spellcheck: 'true' });
  const tried = el('div', word, box);
  const { seen, parts } = trial(g, tried, async () => (word.value.trim() && box.value.trim()
    ? post(`/gateways/${at(g.name)}/keywords/preview`, { word: word.value, answer: box.value })
    : { text: undefined }));
  seen(k?.text);
  const save = (answer, done) => act(() => amend('set_keyword', { gateway: g.name, word: word.value.trim(), answer }), done).then((well) => well && again());
  tried.replaceChildren(
    labelled('A patron texts', word),
    labelled('and is answered', box, 'May hold {library}, {hours_link}, {opening}, {urgent}, {email}'));
  const node = el('form.wording', tried, ...parts,
    isAdmin && el('p.card-acts',
      k && button('Remove', () => save(null, `${k.word} is a text like any other again`)),
      el('button.primary.small', k ? 'Save' : 'Add')));
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    save(box.value.trim(), `${word.value.trim()} is answered from now on`);
  });
  return node;
}

export function keywords(g) {
  return fold(`keywords-${g.name}`, 'Words that are answered at once', async (again) => {
    const { items } = await get(`/gateways/${at(g.name)}/keywords`);
    return [
      el('p.hint.across', 'The whole of a text, however it is written: case, accents and punctuation are all the same. No conversation opens, and nobody is asked to answer.'),
      ...items.map((k) => keyword(g, k, again)),
      isAdmin && keyword(g, null, again),
    ];
  }, '.fold-wide');
}
